"""Digits at parties of which a few are far slower, in virtual time: rounds that wait for everyone, or buffers of the
updates that come first. numpy trains; the ledger's own arithmetic weighs and adds up.

A party trains on the newest model that there is, and again once its update is committed to and there is a newer one.
While a round is opened and attested nobody commits, and parties train on.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scenes import unlike
from scenes.perceptron import Ints, Rows

from ledger.jobs.server import NONE
from ledger.rounds.rules.arithmetic import Mean, add
from ledger.rounds.rules.weighted_mean import weighted_sum
from ledger.rounds.staleness import faded

PARTIES, SLOW, TIMES, ALPHA = 20, 4, 100.0, 0.5
LEAST, MOST = 0.7, 1.5
"""A fast party's training takes between so many units of time."""
OVERHEAD = 0.05
"""What opening and attesting a round takes."""


def dealt(rows: Rows, seed: int = 1) -> list[Rows]:
    """The rows of each class dealt by shares from a Dirichlet distribution; each party has a few."""
    random = np.random.default_rng(seed)
    places: list[list[int]] = [[] for _ in range(PARTIES)]
    for kind in range(unlike.CLASSES):
        mine = random.permutation(np.flatnonzero(rows.y == kind))
        ends = (np.cumsum(random.dirichlet([ALPHA] * PARTIES)) * len(mine)).astype(int)[:-1]
        for party, part in enumerate(np.split(mine, ends)):
            places[party] += part.tolist()
    return [rows.take(np.array(one if len(one) >= 2 else [0, 1])) for one in places]


@dataclass(frozen=True)
class Buffer:
    """What a model was made of, as the ledger has it: whose updates, on which models, with which weights."""

    members: tuple[int, ...]
    bases: tuple[int, ...]
    weights: tuple[int, ...]
    updates: tuple[Ints, ...]

    def model(self, base: Ints, number: int, order: Sequence[int]) -> Ints:
        """The model `number` that follows from it, its updates taken in any order."""
        ages = [number - 1 - self.bases[k] for k in order]
        weights, divisor = faded([self.weights[k] for k in order], ages)
        return add(base, Mean(weighted_sum(weights, lambda k: self.updates[order[k]]), divisor).divided(), 0)


@dataclass
class Run:
    """One run: models by number, and the buffers that they were made of. `size` 0 waits for everyone who is fast."""

    size: int
    seed: int
    parties: list[Rows]
    test: Rows
    models: list[Ints] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._trainer = unlike.Federation(NONE, self.seed, self.parties, self.test)
        self.models.append(self._trainer.model)
        self._random = np.random.default_rng([self.seed, 3])

    def times(self, until: float) -> Iterator[tuple[float, float]]:
        """The time of each model, and its accuracy on the test rows."""
        steps = self._buffered(until) if self.size else self._waiting(until)
        for now in steps:
            self._trainer.model = self.models[-1]
            yield now, self._trainer._accuracy()

    def play(self, until: float) -> int:
        """Go on without looking at the models; how many there are."""
        for _ in self._buffered(until):
            continue
        return len(self.buffers)

    def late(self) -> list[tuple[int, int]]:
        """Of each update of a slow party, the last model before its buffer, and its base."""
        return [
            (number, base)
            for number, one in enumerate(self.buffers)
            for member, base in zip(one.members, one.bases, strict=True)
            if member < SLOW
        ]

    def replayed(self) -> bool:
        """Whether every buffer, its updates in another order, makes the same bytes again."""
        random, made = np.random.default_rng(9), [self.models[0]]
        for number, one in enumerate(self.buffers, 1):
            made.append(one.model(made[-1], number, random.permutation(len(one.members)).tolist()))
        return all(one.tobytes() == other.tobytes() for one, other in zip(made, self.models, strict=True))

    def _waiting(self, until: float) -> Iterator[float]:
        """The fast parties alone, each round as long as its slowest one."""
        now, fast = 0.0, range(SLOW, PARTIES)
        while True:
            now += max(self._takes(party) for party in fast) + OVERHEAD
            if now > until:
                return
            entries = [(party, len(self.models) - 1, self._trained(party, len(self.models) - 1)) for party in fast]
            self._close(entries)
            yield now

    def _buffered(self, until: float) -> Iterator[float]:
        ready = [(self._takes(party), party, 0) for party in range(PARTIES)]
        heapq.heapify(ready)
        entries: list[tuple[int, int, Ints]] = []
        opens, waiting = 0.0, list[int]()
        while ready:
            done, party, base = heapq.heappop(ready)
            now = max(done, opens)
            if now > until:
                return
            entries.append((party, base, self._trained(party, base)))
            waiting.append(party)
            if len(entries) == self.size:
                self._close(entries)
                opens = now + OVERHEAD
                for one in waiting:
                    heapq.heappush(ready, (opens + self._takes(one), one, len(self.models) - 1))
                entries, waiting = [], []
                yield opens

    def _close(self, entries: list[tuple[int, int, Ints]]) -> None:
        members, bases, updates = (tuple(column) for column in zip(*entries, strict=True))
        made = Buffer(members, bases, tuple(len(self.parties[one]) for one in members), updates)
        self.models.append(made.model(self.models[-1], len(self.models), range(len(entries))))
        self.buffers.append(made)

    def _takes(self, party: int) -> float:
        return float(self._random.uniform(LEAST, MOST)) * (TIMES if party < SLOW else 1.0)

    def _trained(self, party: int, base: int) -> Ints:
        self._trainer.model = self.models[base]
        return self._trainer._trained(party, np.random.default_rng([self.seed, party, base]))


def run(size: int, seed: int) -> Run:
    """With buffers of a size, or 0 for rounds of all that are fast."""
    train, test = unlike.two_halves()
    return Run(size, seed, dealt(train), test)
