"""What a member signs to propose (EIP-712)."""

from typing import Any

from ledger.proposal import DOMAIN_NAME, DOMAIN_VERSION, Action, encode_action
from ledger.records import Kind

PROPOSAL_TYPES = {
    "Proposal": [
        {"name": "number", "type": "uint32"},
        {"name": "member", "type": "address"},
        {"name": "kind", "type": "string"},
        {"name": "action", "type": "bytes"},
        {"name": "deadline", "type": "uint64"},
    ]
}
_NAMES = {kind: "".join(part.title() for part in kind.name.split("_")) for kind in Kind}


def proposal_to_sign(
    chain: int, contract: str, number: int, member: str, action: Action, deadline: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Domain, types and message for a proposal that will have that number."""
    kind, encoded = encode_action(action)
    domain = {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": chain, "verifyingContract": contract}
    message = {"number": number, "member": member, "kind": _NAMES[kind], "action": encoded, "deadline": deadline}
    return domain, PROPOSAL_TYPES, message
