"""Names for new members: nobody is called like another, or looks so. A name is never used twice, like a key."""

from collections.abc import Iterable

from ledger.errors import Malformed, UsageError
from ledger.formats.alike import difference
from ledger.formats.member_name import check_member_name, plain_name
from ledger.history.state import Member

MOST_MEMBERS = 255


class NameTaken(UsageError):
    """A member has this name, or one that looks the same."""


def require_new_name(name: str, members: Iterable[Member]) -> None:
    """Raises Malformed for what is not a name, NameTaken for one that is a member's, or looks like one."""
    try:
        check_member_name(name, "a member's name")
    except Malformed as error:
        advice = "choose 1 to 64 bytes of text that everyone can see: docs/spec/grammar.md"
        raise Malformed(error.message, advice=advice, **error.facts) from error
    why = confusion(name, members)
    if why:
        raise NameTaken(f"the name {why}", advice="choose another name", name=name)


def lookalike(name: str, members: Iterable[Member]) -> Member | None:
    """The first member, present or former, that is called so, or looks as if it were."""
    return next((one for one in members if name == one.name or difference(name, one.name)), None)


def confusion(name: str, members: Iterable[Member]) -> str:
    """Why a newcomer should not be called so, in words; empty where nothing is wrong with the name."""
    try:
        check_member_name(name, "a member's name")
    except Malformed:
        return "breaks the rule for names: a number will be shown"
    other = lookalike(name, members)
    if other is not None:
        differs = difference(name, other.name)
        looks = f"looks like that of member {other.index}, {other.name}: they differ in {differs}"
        return looks if differs else f"is that of member {other.index}"
    plain = (plain_name(index) for index in range(MOST_MEMBERS))
    if any(name == one or difference(name, one) for one in plain):
        return "says which member is meant, or looks so"
    return ""
