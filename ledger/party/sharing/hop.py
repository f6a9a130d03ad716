"""How long what one member says takes to all others, and which jobs leave too little time for it."""

from math import ceil

from ledger.errors import UsageError
from ledger.formats.text import plural
from ledger.party.sharing.errands import LONGEST_PAUSE
from ledger.rounds.receipts import PATIENCE_PART, spreading

HOP = ceil(LONGEST_PAUSE)
"""Seconds after which a member that nobody can dial has asked every gateway again, at most."""
SAFE = PATIENCE_PART * (4 * HOP - 2)
"""The least `aggregate_seconds` that leave a signature a hop (`receipts.spreading`)."""
LEAST = 2 * PATIENCE_PART
"""The least that leave it any second at all."""


def told_within(aggregate_seconds: int, soon: float) -> float:
    """Seconds after which a member tells all others what it told its circle after `soon`: so that each of them has a
    hop left in which nobody can dial it, where there are so many, and half of the time that there is where not.
    """
    whole = spreading(aggregate_seconds)
    return min(whole / 2, max(soon, whole - HOP))


def told_until(aggregate_seconds: int, first: float) -> float:
    """Seconds after which the last of all others is told, where the first is after `first`: among many, not all members
    tell all others at the same moment.
    """
    whole = spreading(aggregate_seconds)
    return max(first, min(first + whole / 4, whole - HOP))


def short_time(aggregate_seconds: int) -> str:
    """What to say of a job's `aggregate_seconds` that are shorter than what members need; nothing where they are not.

    Raises UsageError where they leave no time at all.
    """
    if aggregate_seconds >= SAFE:
        return ""
    said = plural(spreading(aggregate_seconds), "second")
    if aggregate_seconds < LEAST:
        raise UsageError(
            f"aggregate_seconds = {aggregate_seconds} leave a signature no time to reach the aggregator",
            advice=f"give aggregate_seconds = {SAFE} or more, or at least {LEAST} where all members are on one machine",
            aggregate_seconds=aggregate_seconds,
        )
    return (
        f"aggregate_seconds = {aggregate_seconds} leave a signature {said} to reach the aggregator, and a member that "
        f"nobody can dial asks up to {HOP} seconds later: give {SAFE} or more, unless all members are on one machine"
    )
