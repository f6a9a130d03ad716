"""A member's key replaced: by itself, or by a majority of the members where it is lost or stolen."""

from typing import TYPE_CHECKING

from ledger.errors import UsageError
from ledger.history.members import active_member
from ledger.history.state import Member
from ledger.party.connection import Connection

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


def rotate(connection: Connection, sender: "Sender", new: str) -> Member:
    """Replace the sender's key by `new`, an address, unless that is done already; the member.

    Raises UsageError where the sender's key never was a member's, or no longer speaks for it, Rejected where the
    contract refuses the new one.
    """
    member = connection.refresh().member_of(sender.address)
    if member is None or member.key not in (sender.address, new):
        raise UsageError(
            "this key does not speak for a member of the consortium",
            advice="fedledger status lists the members and their keys",
            key=sender.address,
        )
    if member.key == sender.address:
        sender.send("consortium", "rotateKey", new)
    return connection.refresh().members[member.index]


def approve_recovery(connection: Connection, sender: "Sender", index: int, new: str) -> Member:
    """Approve that member `index` continue with the key `new`; the member, with that key if a majority has approved.

    Raises UsageError for a member that is not there, Rejected where the contract refuses.
    """
    member = active_member(index, connection.refresh().members)
    if member.key != new:
        sender.send("consortium", "approveRotation", index, new)
    return connection.refresh().members[index]
