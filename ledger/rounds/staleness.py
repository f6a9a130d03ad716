"""How old the models are that a buffered round's updates build on, and what each update weighs for it
(docs/spec/round.md, "Buffered rounds"; ADR 87).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt

from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.schedule import Buffered
from ledger.jobs.scores import MAX_FACTOR

ONE = MAX_FACTOR
"""The factor of an update that builds on the last model."""


def factor(staleness: int) -> int:
    """What the weight of an update is multiplied by: ⌊√(2^20 / (1 + staleness))⌋, 1024 at most.

    The polynomial of C. Xie et al. 2019 with a = 1/2, which J. Nguyen et al. 2022 take over.
    """
    return isqrt(ONE * ONE // (1 + staleness))


def faded(weights: Sequence[int], staleness: Sequence[int]) -> tuple[list[int], int]:
    """The weights by their factors, and what the sum is divided by: as if all built on the last model, so a round of
    stale updates takes a smaller step. Without staleness the mean is the plain one, exactly.
    """
    made = [weight * factor(one) for weight, one in zip(weights, staleness, strict=True)]
    return made, ONE * sum(weights)


def age_of(root: bytes, finals: Iterable[bytes], initial: bytes) -> int | None:
    """How many of the models with the roots `finals`, newest first, were made after the one with this tensor root; None
    where none of them has it, nor the initial one. Of several with the same root it is the last.
    """
    age = 0
    for final in finals:
        if final == root:
            return age
        age += 1
    return age if root == initial else None


@dataclass(frozen=True, slots=True)
class Ages:
    """The staleness of the models that updates of round `number` name as their base; `most` is what is allowed."""

    state: JobState
    initial: bytes
    number: int
    most: int

    def of(self, root: bytes) -> int | None:
        """How many models were finalised after the one with this tensor root, and before the round (`age_of`)."""
        return age_of(root, self._finals(), self.initial)

    def _finals(self) -> Iterator[bytes]:
        for number in range(self.number - 1, 0, -1):
            final = self.state.rounds[number].final
            if final is not None:
                yield final.root


def ages_of(state: JobState, job: Job, number: int) -> Ages | None:
    """Those of a round of the job; None where all its updates build on the last model."""
    if not isinstance(job.schedule, Buffered):
        return None
    return Ages(state, job.initial_root, number, job.schedule.max_staleness)
