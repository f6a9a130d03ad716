"""Steps that every role knows. Pure."""

from dataclasses import dataclass

COURTESY = 2
"""Seconds that each rank leaves to the one before it where a step is a small transaction: so not all send at once."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """A step of every role: end a round whose deadline passed, or that nobody can finish any more."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`, or before the ledger changes where that is None."""

    why: str
    until: int | None = None
