"""Address files at the other end: into a founding, or before the members as a proposal to admit."""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.config import Network
from ledger.errors import Refuted, UsageError
from ledger.events.actions import AdmitMember
from ledger.events.proposals import ProposalState
from ledger.files.foreign import read_foreign
from ledger.history.fold import History
from ledger.history.naming import require_new_name
from ledger.history.state import Member
from participant.joining.checks import InviteUsed, check_address
from participant.joining.documents import MAX_SIZE, AddressFile, founding_digest, parse_address_file

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.events.proposals import Proposal
    from ledger.party.connection import Connection

_UNDER_WAY = (ProposalState.VOTING, ProposalState.WAITING, ProposalState.EXECUTABLE)


def read_address(path: Path, now: int) -> AddressFile:
    """An address file, as its key signed it, to an invite that is still good. Raises as `parse_address_file`,
    `check_address`, and UsageError where there is no such file.
    """
    try:
        address = parse_address_file(read_foreign(path, "the address file", MAX_SIZE))
    except FileNotFoundError as error:
        raise UsageError("no such address file", file=str(path)) from error
    check_address(address, now)
    return address


def check_newcomer(history: History, address: AddressFile, network: Network, now: int) -> None:
    """What must hold before a newcomer is proposed to the consortium of `network`.

    1. The invite is to this consortium. 2. A member made it, with the key that it has now. 3. The key is not a
    member's. 4. Nobody has the name, or one that looks like it, and 5. no admission under the name is under way: else
    InviteUsed.
    """
    invite = address.invite
    if invite.network is None or founding_digest(invite.network) != founding_digest(network):
        raise UsageError(
            "the invite is to another consortium, or to a founding",
            advice="let a member of this one make a new invite: fedledger invite NAME",
            name=invite.consortium,
        )
    inviter = history.member_of(invite.inviter.key)
    if inviter is None or inviter.key != invite.inviter.key:
        raise Refuted(
            "the invite's key is not a member's, or not any more",
            advice="let a member make a new invite: fedledger invite NAME",
            key=invite.inviter.key,
        )
    members = list(history.members.values())
    if any(member.key == address.key for member in members):
        raise UsageError("this key is a member's already", key=address.key, name=invite.name)
    _check_unused(history, members, address, now)
    require_new_name(invite.name, members)


def propose_admission(connection: "Connection", sender: "Sender", address: AddressFile) -> "Proposal":
    """Propose to the members that the one who was invited join."""
    from ledger.party.voting import propose

    invite = address.invite
    return propose(connection, sender, AdmitMember(address.key, int(invite.role), invite.name))


def _check_unused(history: History, members: list[Member], address: AddressFile, now: int) -> None:
    name = address.invite.name
    used = next((f"member {one.index}" for one in members if one.name == name), "")
    for made in history.decisions.proposals.values():
        if isinstance(made.action, AdmitMember) and made.state(now) in _UNDER_WAY and made.action.name == name:
            used = f"proposal {made.number}"
    if used:
        raise InviteUsed(
            "the invite was used before",
            advice="invite under another name, or look at the proposal: fedledger proposal list",
            name=name,
            actual=used,
        )
