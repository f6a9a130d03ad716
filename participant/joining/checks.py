"""What is checked of an invite and of an address file before anything follows from it; each fault has its name."""

from msgspec import UNSET

from ledger.errors import Malformed, Refuted, UsageError
from ledger.formats.text import clock_text, command
from participant.joining.documents import AddressFile, Invite, signer_of_address, signer_of_invite


class InviteChanged(Refuted):
    """The invite is not what its inviter signed."""


class AddressChanged(Refuted):
    """The address file is not what its key signed."""


class FoundersUnnamed(UsageError):
    """The invite is to a founding, and does not say with whom."""


class InviteExpired(UsageError):
    """The invite was good until some time ago."""


class InviteUsed(UsageError):
    """Somebody answered this invite before, with another key."""


class InviteWithdrawn(UsageError):
    """The inviter did not make this invite, or made a later one for the same name."""


class OtherChain(UsageError):
    """The chain node serves another chain than the invite names."""


def check_signed(invite: Invite) -> None:
    """Raises InviteChanged where the inviter's key did not sign the invite as it is."""
    try:
        signed_by = signer_of_invite(invite)
    except Malformed as error:
        raise _changed(invite, error.message) from error
    if signed_by != invite.inviter.key:
        raise _changed(invite, signed_by)


def check_bound(invite: Invite) -> None:
    """Raises FoundersUnnamed for an invite to a founding that does not name who founds: with it the founder could found
    with anyone. After a founding the network file in the invite names all, with their keys.
    """
    if invite.network is None and invite.founders is UNSET:
        raise FoundersUnnamed(
            "the invite does not name who founds the consortium: it could be founded with anyone",
            advice=f"ask {invite.inviter.name} for a new one: {command('invite', invite.name)}",
            consortium=invite.consortium,
            expected="the names of all who found it",
            actual="none",
        )


def check_time(invite: Invite, now: int) -> None:
    """Raises InviteExpired where its time is over."""
    if now > invite.expires:
        raise InviteExpired(
            "the invite has expired",
            advice=f"ask {invite.inviter.name} for a new one: {command('invite', invite.name)}",
            expired=day_text(invite.expires),
            now=day_text(now),
        )


def check_address(address: AddressFile, now: int) -> None:
    """1. The inviter's key signed the invite (InviteChanged); 2. the key that it names signed the address file
    (AddressChanged); 3. the invite is still good (InviteExpired); 4. it names who founds (FoundersUnnamed).
    """
    check_signed(address.invite)
    try:
        signed_by = signer_of_address(address)
    except Malformed as error:
        raise _answer_changed(address, error.message) from error
    if signed_by != address.key:
        raise _answer_changed(address, signed_by)
    check_time(address.invite, now)
    check_bound(address.invite)


def require_chain(invite: Invite, actual: int, url: str) -> None:
    """Raises OtherChain where a node serves another chain than the invite names."""
    if actual != invite.chain.id:
        raise OtherChain(
            "the chain node serves another chain than the invite names",
            advice="name a node of that chain with --rpc URL, or ask for an invite to this one",
            url=url,
            expected=invite.chain.id,
            actual=actual,
        )


def day_text(seconds: int) -> str:
    """A time in seconds since 1970, as day and time of day in UTC."""
    from datetime import UTC, datetime

    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M UTC}"
    except (OverflowError, ValueError, OSError):
        return clock_text(seconds)


def _changed(invite: Invite, actual: str) -> InviteChanged:
    return InviteChanged(
        "the invite was changed after it was signed, or somebody else signed it",
        advice=f"ask {invite.inviter.name}, by phone, for the file once more",
        expected=invite.inviter.key,
        actual=actual,
    )


def _answer_changed(address: AddressFile, actual: str) -> AddressChanged:
    return AddressChanged(
        "the address file was changed after it was signed, or somebody else signed it",
        advice=f"ask {address.invite.name}, by phone, for the file once more",
        expected=address.key,
        actual=actual,
    )
