"""One simulated round: the ledger's admission and aggregation of any number of updates, without a ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ledger import kernel
from ledger.errors import UsageError
from ledger.jobs.document import Admission, Job, WeightedMean
from ledger.rounds.admission import Decision, Verdict, judge_values, weigh
from ledger.rounds.rules import mean_of_any
from ledger.rounds.rules.arithmetic import Ints, Mean, Saturated, add
from ledger.rounds.rules.weighted_mean import weighted_sum
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream
from participant.simulation.training import Batch

LARGEST_SUM = 1 << 63
LARGEST_DIVISOR = 1 << 32
ENTRY = 41
"""Bytes of what stands for an update in its round's tree."""


@dataclass(frozen=True, slots=True)
class SimulatedRound:
    """What came of a round: the next model, or why there is none; training's mean loss by samples; and, where they are
    asked for, what stands for each update in the round's tree (`entry`), by client.
    """

    model: Stream | None
    why: str
    admitted: int
    loss: float
    refused: dict[int, Decision]
    entries: tuple[bytes, ...]

    @property
    def updates_root(self) -> bytes:
        """Root (RFC 6962) over what stands for the updates; empty where that was not asked for."""
        stack = kernel.Stack()
        stack.add(kernel.leaf_hashes(b"".join(self.entries), ENTRY))
        return stack.root() if self.entries else b""


def entry(client: int, weight: int, verdict: Verdict, root: bytes) -> bytes:
    """What stands for an update in the round's tree: client and weight, four bytes each, verdict, tensor root."""
    return client.to_bytes(4, "big") + weight.to_bytes(4, "big") + bytes([verdict]) + root


@dataclass
class RoundTally:
    """Takes a round's updates as they are trained, judges each, and adds up those that are admitted."""

    job: Job
    roots: bool
    _sums: "_WeightedSums | _Kept" = field(init=False)
    _entries: dict[int, bytes] = field(default_factory=dict)
    _refused: dict[int, Decision] = field(default_factory=dict)
    _losses: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        weighted = isinstance(self.job.aggregation, WeightedMean)
        self._sums = _WeightedSums(self.job) if weighted else _Kept(self.job)

    def take(self, batch: Batch) -> None:
        """Judge a batch. Raises UsageError where exact sums of so many updates do not fit int64."""
        limits, rows, weights = self.job.admission, list[Ints](), list[int]()
        for client, update, samples in zip(batch.clients, batch.updates, batch.samples, strict=True):
            weight = min(samples, limits.cap(client))
            decision = judge(update, weight, limits.cap(client), limits)
            if decision.verdict is Verdict.ADMITTED:
                rows.append(update)
                weights.append(weight)
            else:
                self._refused[client] = decision
            if self.roots:
                self._entries[client] = entry(client, weight, decision.verdict, root_of(update))
        self._losses += zip(batch.losses, batch.samples, strict=True)
        if rows:
            self._sums.add(weights, rows.__getitem__)

    def finish(self, base: Stream) -> SimulatedRound:
        """The round's outcome, from the model that it builds on."""
        model, why = None, ""
        admitted, needed = self._sums.updates, self.job.admission.min_updates
        if admitted < needed:
            why = f"updates admitted: {admitted}, needed: {needed}"
        else:
            try:
                model = add(base, self._sums.mean().divided(), 0)
            except Saturated as error:
                why = str(error)
        entries = tuple(self._entries[client] for client in sorted(self._entries))
        return SimulatedRound(model, why, admitted, mean_loss(self._losses), self._refused, entries)


def mean_loss(losses: Sequence[tuple[float, int]]) -> float:
    """The mean of clients' losses, each with its samples."""
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


def judge(update: Ints, weight: int, cap: int, limits: Admission) -> Decision:
    """Admission of an update that this process itself made: of its bytes there is nothing to check but the bounds."""
    decision = weigh(weight, cap)
    return judge_values(update, limits) if decision.verdict is Verdict.ADMITTED else decision


class _WeightedSums:
    """The weighted mean, whose sums are added up as updates come: memory does not grow with them."""

    def __init__(self, job: Job) -> None:
        self.updates = 0
        self._limits, self._sums, self._weight = job.admission, np.zeros(job.layout.values, np.int64), 0

    def add(self, weights: Sequence[int], read: Callable[[int], Ints]) -> None:
        """Add updates to the sums, as far as these stay exact."""
        self._weight += sum(weights)
        if self._weight * self._limits.max_value >= LARGEST_SUM or self._weight >= LARGEST_DIVISOR:
            raise UsageError(
                "the weights of so many clients do not fit exact sums",
                advice="lower the job's admission.max_weight or max_value, or simulate fewer --clients",
                weights=self._weight,
                max_value=self._limits.max_value,
            )
        self._sums += weighted_sum(weights, read)
        self.updates += len(weights)

    def mean(self) -> Mean:
        """The mean of all that was added."""
        return Mean(self._sums, self._weight)


class _Kept:
    """Any other rule, which needs all updates at once."""

    def __init__(self, job: Job) -> None:
        self._rule, self._rows, self._weights = job.aggregation, list[Ints](), list[int]()

    @property
    def updates(self) -> int:
        return len(self._rows)

    def add(self, weights: Sequence[int], read: Callable[[int], Ints]) -> None:
        """Keep updates."""
        self._rows += [read(position) for position in range(len(weights))]
        self._weights += weights

    def mean(self) -> Mean:
        """The rule's mean of all that was kept."""
        return mean_of_any(self._rule, self._weights, self._rows.__getitem__)
