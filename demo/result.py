"""What a demo came to, as `--json` prints it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ledger.history.state import JobState
from ledger.scores.tables import Name, ranking


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a hospital's updates were worth, in parts per million: in the last round and in all."""

    last: int
    all: int


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit answered: whether all in question is right, what became of the lies, and its exit code."""

    right: str
    lies: str
    exit: int


@dataclass(slots=True)
class MaskedRounds:
    """What became of masked rounds: the model made again of open updates, the hospital that was lost, who was convicted
    and why, and whom the round after that was made of.
    """

    twin: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    convicted: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """Accuracies by training, contributions by hospital, audits by what was asked, seconds by step."""

    accuracy: dict[str, float] = field(default_factory=dict)
    contributions: dict[str, Contribution] = field(default_factory=dict)
    scored: int = 0
    audits: dict[str, AuditResult] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    held_out: dict[str, str] = field(default_factory=dict)
    """Figures of all hospitals' held-out rows together, and how many rows they are."""
    release: dict[str, str] = field(default_factory=dict)
    masked: MaskedRounds | None = None

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how many seconds a step took, where it succeeds."""
        began = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - began, 2)


def contributions(state: JobState, number: int, name: Name) -> dict[str, Contribution]:
    """Every party's settled scores up to round `number`, which was scored, best first."""
    last = state.scores(number)
    return {one.party: Contribution(last.get(one.index, 0), one.score) for one in ranking(state, name)}
