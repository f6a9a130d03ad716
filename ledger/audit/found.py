"""What the checks of an audit found, before any question is answered."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.audit.report import Check, Lie, MeasuredRound, Open, PlatformNote
from ledger.events.evidence import SignedStatement

MOST_MEASURED = 1 << 16
"""Sums of squares of so many updates are kept, those of the newest rounds: a report has a bound in size."""


@dataclass
class Found:
    """Lies with their evidence, what is open, and counts of what held.

    `looked_at` are the claims that were checked to the end, `denied` those that are false though no single signature
    says so, with the reason; `doubted` the jobs whose history is not to be believed, None for all of it.
    """

    lies: list[Lie] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)
    doubted: set[int | None] = field(default_factory=set)
    rests_on: list[SignedStatement] = field(default_factory=list)
    passed: dict[int, int] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    measured: list[MeasuredRound] = field(default_factory=list)
    platforms: list[PlatformNote] = field(default_factory=list)

    def verify(self, check: Check, count: int = 1) -> None:
        """Count checks that held; 0 says that there was nothing to check."""
        self.passed[check] = self.passed.get(check, 0) + count

    def add(self, other: "Found") -> None:
        """Take in what was found of something else."""
        self.lies += other.lies
        self.open += other.open
        self.denied = other.denied | self.denied
        self.looked_at |= other.looked_at
        self.doubted |= other.doubted
        self.rest_on(other.rests_on)
        for check, count in other.passed.items():
            self.verify(Check(check), count)
        self.skipped += other.skipped
        self.measured += other.measured
        self.platforms += other.platforms

    def rest_on(self, statements: Iterable[SignedStatement]) -> None:
        """Take these statements in, each once."""
        known = {(one.raw, one.signer) for one in self.rests_on}
        self.rests_on.extend(one for one in statements if (one.raw, one.signer) not in known)

    @property
    def newest_measured(self) -> tuple[MeasuredRound, ...]:
        """The rounds whose updates were measured: whole ones, from the last back, of MOST_MEASURED updates at most."""
        kept, updates = 0, 0
        for one in reversed(self.measured):
            updates += len(one.squares)
            if updates > MOST_MEASURED:
                break
            kept += 1
        return tuple(self.measured[len(self.measured) - kept :])
