"""The scoring of a round: what scorers committed to and revealed."""

from dataclasses import dataclass, field
from enum import Enum

from ledger.formats.digest import NOTHING


@dataclass(frozen=True, slots=True)
class ScoreBoard:
    """Where scores are committed to: chain id and ScoreBoard's address."""

    chain: int
    address: str


class ScoringPhase(Enum):
    """Where a scoring is, as the contract says it; the index is the contract's number."""

    NONE = "None"
    COMMITTING = "Committing"
    REVEALING = "Revealing"
    OVER = "Over"
    SETTLED = "Settled"
    VOID = "Void"


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a scorer bound itself to, in transaction `tx` of `block`."""

    scorer: str
    index: int
    digest: bytes
    tx: bytes
    block: int = 0


@dataclass(frozen=True, slots=True)
class Reveal:
    """The scores that a scorer had committed to: one for each admitted update, by ascending member index."""

    scorer: str
    index: int
    scores: tuple[int, ...]
    salt: bytes
    tx: bytes
    block: int = 0


@dataclass(slots=True)
class Scoring:
    """The scores of one round: what was committed and revealed, by member index, and the median for each update.

    `scorers` could commit, `quorum` of them must reveal. Deadlines in seconds since 1970, their second included; past
    `settle_deadline` a scoring that nobody settled may be made void. `reveals` stand in the order in which they were
    made. `settled` are the medians so far, of the first updates. `withheld` are the members that committed and never
    revealed. `outcome` is SETTLED or VOID once it is; `root` is zero and `medians` None until it is settled. `block` is
    that of its opening, `committed_in` that of the latest commitment, `ended_in` that of its outcome.
    """

    job: int
    round: int
    opener: str
    seed: bytes
    updates: int
    epoch: int
    scorers: int
    quorum: int
    commit_deadline: int
    reveal_deadline: int
    tx: bytes
    commitments: dict[int, Commitment] = field(default_factory=dict)
    reveals: dict[int, Reveal] = field(default_factory=dict)
    settled: tuple[int, ...] = ()
    medians: tuple[int, ...] | None = None
    root: bytes = NOTHING
    withheld: frozenset[int] = frozenset()
    outcome: ScoringPhase | None = None
    block: int = 0
    committed_in: int = 0
    ended_in: int = 0

    @property
    def pending(self) -> frozenset[int]:
        """The members that committed and have not revealed."""
        return frozenset(self.commitments.keys() - self.reveals.keys())

    @property
    def full(self) -> bool:
        """Whether every scorer has committed: the deadline is not waited for then."""
        return len(self.commitments) >= self.scorers

    @property
    def settle_deadline(self) -> int:
        """The last second that is left to settling: as long after the reveals' deadline as these had."""
        return 2 * self.reveal_deadline - self.commit_deadline

    def phase(self, now: int) -> ScoringPhase:
        """Where it is at `now`, in seconds since 1970 by the chain's clock.

        What is OVER can be settled or, below the quorum and past `settle_deadline`, be made void.
        """
        if self.outcome is not None:
            return self.outcome
        if now <= self.commit_deadline and not self.full:
            return ScoringPhase.COMMITTING
        return ScoringPhase.REVEALING if self.pending and now <= self.reveal_deadline else ScoringPhase.OVER
