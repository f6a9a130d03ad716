"""One simulated round: the ledger's admission and aggregation of any number of updates, without a ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np

from ledger import kernel
from ledger.errors import UsageError
from ledger.formats import merkle
from ledger.jobs.document import Admission, Job
from ledger.jobs.rules import WeightedMean
from ledger.rounds.admission import Decision, Verdict, judge_values, weigh
from ledger.rounds.optimisers import Turnout
from ledger.rounds.rules import mean_of_whole
from ledger.rounds.rules.arithmetic import Ints, Mean, Saturated
from ledger.rounds.rules.clipping import clipped
from ledger.rounds.rules.weighted_mean import weighted_sum
from ledger.rounds.scaled import cut
from ledger.rounds.staleness import faded
from participant.integers.artifacts import body_of
from participant.integers.fixed_point import Stream
from participant.simulation.clients import SimulatedClient
from participant.simulation.drifts import WentSoFar
from participant.simulation.noise import add_noise, within_clip
from participant.simulation.state import State, advanced
from participant.simulation.training import Batch

LARGEST_SUM = 1 << 63
LARGEST_DIVISOR = 1 << 32
ENTRY = 41
"""Bytes of what stands for an update in its round's tree."""


@dataclass(frozen=True, slots=True)
class SimulatedRound:
    """What came of a round: the next model, or why there is none; training's mean loss by samples; and, where they are
    asked for, what stands for each update in the round's tree (`entry`), by client; `state` is the server optimiser's,
    and `staleness` that of the stalest update that was admitted.
    """

    model: Stream | None
    why: str
    admitted: int
    loss: float
    refused: dict[int, Decision]
    entries: tuple[bytes, ...]
    state: State = ()
    staleness: int = 0

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
    """Takes a round's updates as they are trained, judges each, and adds up those that are admitted. `went` has what
    earlier rounds counted of each client, and `age` returns how old a model is by its root, in a buffered job.
    """

    job: Job
    number: int
    clients: Sequence[SimulatedClient]
    roots: bool
    went: WentSoFar
    age: Callable[[bytes], int]
    _sums: "_WeightedSums | _Kept" = field(init=False)
    _entries: dict[int, bytes] = field(default_factory=dict)
    _refused: dict[int, Decision] = field(default_factory=dict)
    _losses: list[tuple[float, int]] = field(default_factory=list)
    _counted: dict[int, Ints] = field(default_factory=dict)
    _stalest: int = 0

    def __post_init__(self) -> None:
        weighted = isinstance(self.job.aggregation, WeightedMean)
        self._sums = _WeightedSums(self.job) if weighted else _Kept(self.job)

    def take(self, batch: Batch) -> None:
        """Judge a batch. Raises UsageError where exact sums of so many updates do not fit int64."""
        limits, rows, weights = self.job.admission, list[Ints](), list[int]()
        admitted, age = list[int](), self.age(batch.base) if self.job.buffered else 0
        for client, update, samples in zip(batch.clients, batch.updates, batch.samples, strict=True):
            weight = min(samples, limits.cap(client))
            made = within_clip(self.job, update)
            decision = judge(made, weight, limits.cap(client), limits)
            if decision.verdict is Verdict.ADMITTED:
                rows.append(clipped(made, decision.factor))
                weights.append(weight)
                admitted.append(client)
            else:
                self._refused[client] = decision
            if self.roots:
                self._entries[client] = entry(client, weight, decision.verdict, self._root(made))
        self._losses += zip(batch.losses, batch.samples, strict=True)
        if rows:
            self._sums.add(weights, rows.__getitem__, age)
            self._stalest = max(self._stalest, age)
        if self.job.server.corrects:
            self._counted.update(zip(admitted, rows, strict=True))
        if isinstance(self._sums, _WeightedSums):  # the only rule that goes with noise of members
            for client in admitted:
                self._sums.add_noise(self.number, self.clients[client].salt)

    def _root(self, update: Ints) -> bytes:
        """The tensor root of an update that is neither masked nor sealed."""
        return merkle.root_of(body_of(self.job.packing or self.job.layout, update))

    def finish(self, base: Stream, state: State, before: Stream | None) -> SimulatedRound:
        """The round's outcome, from the model that it builds on, the state beside it, and the model before that."""
        model, why = None, ""
        admitted, needed = self._sums.updates, self.job.admission.min_updates
        if admitted < needed:
            why = f"updates admitted: {admitted}, needed: {needed}"
        else:
            try:
                step = None if before is None else cut(np.subtract(base, before, dtype=np.int64))
                turnout = Turnout(admitted, len(self.clients))
                model, after = advanced(self.job, base, self._sums.mean(step).divided(), state, turnout)
                self.went.count(self._counted, state)
                state = after
            except Saturated as error:
                why = str(error)
        entries = tuple(self._entries[client] for client in sorted(self._entries))
        loss = mean_loss(self._losses)
        return SimulatedRound(model, why, admitted, loss, self._refused, entries, state, self._stalest)

    def drift(self, client: int, state: State) -> Stream | None:
        """What corrects a client's training of this round, `state` being that beside the model it builds on."""
        return self.went.drift(client, state)


def mean_loss(losses: Sequence[tuple[float, int]]) -> float:
    """The mean of clients' losses, each with its samples; NaN where there is none."""
    samples = sum(count for _, count in losses)
    return sum(loss * count for loss, count in losses) / samples if samples else nan


def judge(update: Ints, weight: int, cap: int, limits: Admission) -> Decision:
    """Admission of an update that this process itself made: of its bytes there is nothing to check but the bounds."""
    decision = weigh(weight, cap)
    return judge_values(update, limits) if decision.verdict is Verdict.ADMITTED else decision


class _WeightedSums:
    """The weighted mean, whose sums are added up as updates come: memory does not grow with them."""

    def __init__(self, job: Job) -> None:
        self.updates = 0
        self._job, self._limits = job, job.admission
        self._fades = job.buffered is not None and job.buffered.fades
        self._sums, self._weight = np.zeros(job.layout.values, np.int64), 0

    def add(self, weights: Sequence[int], read: Callable[[int], Ints], age: int = 0) -> None:
        """Add updates, whose base is so old, to the sums, as far as these stay exact."""
        divisor = sum(weights)
        if self._fades:
            weights, divisor = faded(weights, [age] * len(weights))
        self._weight += divisor
        if self._weight * self._limits.max_value >= LARGEST_SUM or self._weight >= LARGEST_DIVISOR:
            raise UsageError(
                "the weights of so many clients do not fit exact sums",
                advice="lower the job's admission.max_weight or max_value, or simulate fewer --clients",
                weights=self._weight,
                max_value=self._limits.max_value,
            )
        self._sums += weighted_sum(weights, read)
        self.updates += len(weights)

    def add_noise(self, number: int, salt: bytes) -> None:
        """Add a client's own noise, where members add any."""
        add_noise(self._job, number, salt, self._sums)

    def mean(self, centre: Ints | None) -> Mean:
        """The mean of all that was added."""
        return Mean(self._sums, self._weight)


class _Kept:
    """Any other rule, which needs all updates at once."""

    def __init__(self, job: Job) -> None:
        self._rule, self._rows, self._weights = job.aggregation, list[Ints](), list[int]()

    @property
    def updates(self) -> int:
        return len(self._rows)

    def add(self, weights: Sequence[int], read: Callable[[int], Ints], age: int = 0) -> None:
        """Keep updates; a buffered job has no such rule."""
        self._rows += [read(position) for position in range(len(weights))]
        self._weights += weights

    def mean(self, centre: Ints | None) -> Mean:
        """The rule's mean of all that was kept; `centre` is the last step of the model."""
        return mean_of_whole(self._rule, self._weights, self._rows, centre)
