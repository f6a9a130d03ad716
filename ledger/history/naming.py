"""Names for new members: nobody is called like another, or looks so, and no name passes for more than one.

A name is never used twice, like a key.
"""

from collections.abc import Iterable
from enum import StrEnum

from ledger.errors import Malformed, UsageError
from ledger.formats.alike import difference, misleading, numbered
from ledger.formats.member_name import check_member_name
from ledger.formats.text import quoted
from ledger.history.state import Member


class NameTaken(UsageError):
    """A member has this name, or one that looks the same."""


class Doubt(StrEnum):
    """What is wrong with a newcomer's name."""

    UNRULY = "unruly"
    MISLEADING = "misleading"
    TAKEN = "taken"
    NUMBERED = "numbered"


def require_new_name(name: str, members: Iterable[Member]) -> None:
    """Raises Malformed for what is not a name or misleads, NameTaken for one that is, or looks like, a member's."""
    try:
        check_member_name(name, "a member's name")
    except Malformed as error:
        advice = "choose 1 to 64 bytes of text that everyone can see: docs/spec/grammar.md"
        raise Malformed(error.message, advice=advice, **error.facts) from error
    members = list(members)
    why, found = confusion(name, members), doubt(name, members)
    if found is Doubt.MISLEADING:
        raise Malformed(f"the name {why}", advice="choose a name that reads as one", name=name)
    if found:
        raise NameTaken(f"the name {why}", advice="choose another name", name=name)


def lookalike(name: str, members: Iterable[Member]) -> Member | None:
    """The first member, present or former, that is called so, or looks as if it were."""
    return next((one for one in members if name == one.name or difference(name, one.name)), None)


def doubt(name: str, members: Iterable[Member]) -> Doubt | None:
    """Whether a newcomer should not be called so, and for what kind of reason; None where nothing is wrong."""
    try:
        check_member_name(name, "a member's name")
    except Malformed:
        return Doubt.UNRULY
    if misleading(name):
        return Doubt.MISLEADING
    if lookalike(name, members) is not None:
        return Doubt.TAKEN
    return Doubt.NUMBERED if numbered(name) else None


def confusion(name: str, members: Iterable[Member]) -> str:
    """Why a newcomer should not be called so, in words; empty where nothing is wrong with the name."""
    members = list(members)
    match doubt(name, members):
        case Doubt.UNRULY:
            return "breaks the rule for names: a number will be shown"
        case Doubt.MISLEADING:
            return misleading(name)
        case Doubt.TAKEN if other := lookalike(name, members):
            return _taken(name, other)
        case Doubt.NUMBERED:
            return "says which member is meant, or looks so"
        case _:
            return ""


def _taken(name: str, other: Member) -> str:
    differs = difference(name, other.name)
    looks = f"looks like that of member {other.index}, {quoted(other.name)}: they differ in {differs}"
    return looks if differs else f"is that of member {other.index}"
