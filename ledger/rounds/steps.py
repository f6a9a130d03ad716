"""Steps that every role knows. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.formats.text import clock_text

Name = Callable[[int], str]
"""What a member is called, by its index."""

COURTESY = 2
"""Seconds that each rank leaves to the one before it where a step is a small transaction: so not all send at once."""
STILL = 5
"""Seconds without a block after which a chain is said to stand still: it may seal blocks for transactions alone."""
LAST_MOMENT = 2
"""Seconds that a file has at least: no holder is blamed because a round was about to end."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A step of every role: move a round on whose deadline passed, or that nobody can finish any more."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Vouch:
    """A step of every role: fetch the updates that were opened, keep them, and sign for those that are here."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Nudge:
    """A step of every role: send an empty transaction, for the chain makes no block by itself that the round needs."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`, or before the ledger changes where that is None."""

    why: str
    until: int | None = None


def numbered(index: int) -> str:
    """What a member is called where nobody knows its name."""
    return f"member {index}"


def opener_turn(round_: str, opener: str, deadline: int, seconds: int) -> str:
    """Whose a round is to aggregate in its first turn, and from when until when: it has half of the time until
    `deadline`, which is `seconds`.
    """
    since, until = clock_text(deadline - 2 * seconds), clock_text(deadline - seconds)
    return f"{round_} is {opener}'s to aggregate since {since}, until {until}"


def copied_by(end: int, seconds: int, now: int) -> int:
    """The second by which a file must be here to be counted in a phase of `seconds` that ends at `end`: a quarter of
    the phase is left to count; of that quarter, once it has begun, half, but never less than LAST_MOMENT.
    """
    late = end - seconds // 4
    return late if now < late else now + max((end - now) // 2, LAST_MOMENT)
