"""The salt that hides a scorer's scores until it shows them: derived from its key, so that a crash cannot lose it."""

from typing import TYPE_CHECKING

from ledger.formats.digest import keccak

if TYPE_CHECKING:
    from ledger.keys import Signer


def salt_of(signer: "Signer", chain: int, board: str, job: int, round_: int, seed: bytes) -> bytes:
    """The salt of a round's scores: the hash of a signature by the key over this scoring and nothing else.

    Signing is deterministic (RFC 6979), so the same key has the same salt again; nobody else can make it. The seed is
    in it, so that a scoring opened again after a chain went back has a salt that nobody has seen. The signed message
    does not belong to any contract. Raises as `Signer.sign_typed_data`.
    """
    domain = {"name": "fedledger salt of scores", "version": "1", "chainId": chain, "verifyingContract": board}
    fields = [("job", "uint256"), ("round", "uint256"), ("seed", "bytes32")]
    types = {"Salt": [{"name": name, "type": kind} for name, kind in fields]}
    return keccak(signer.sign_typed_data(domain, types, {"job": job, "round": round_, "seed": seed}))
