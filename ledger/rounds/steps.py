"""Steps that every role knows, and what waiting for the next one depends on. Pure."""

from dataclasses import dataclass

from ledger.history.state import JobState, Phase

COURTESY = 2
"""Seconds that each rank leaves to the one before it where a step is a small transaction: so not all send at once."""

Seen = tuple[int, Phase | None, int]


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


def present(state: JobState) -> Seen:
    """The job's state as far as waiting depends on it."""
    round_ = state.current
    return (0, None, 0) if round_ is None else (round_.number, round_.phase, round_.attempt)
