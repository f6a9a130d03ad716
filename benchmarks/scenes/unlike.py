"""Digits at parties that have two classes each, of which a few train in a round: numpy trains, the ledger's own
arithmetic makes the models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scenes.perceptron import SCALE, SHARED, Floats, Ints, Rows, digits

from ledger.jobs.rules import WeightedMean
from ledger.jobs.server import ONE, Dyn, Server
from ledger.rounds.optimisers import Turnout, stepped
from ledger.rounds.rules import combine
from ledger.rounds.rules.arithmetic import Sums, add

INPUTS, HIDDEN, CLASSES = 64, 32, 10
SHAPES = ((INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
SIZES = tuple(int(np.prod(shape)) for shape in SHAPES)
BITS = SCALE.bit_length() - 1
PARTIES, TAKING_PART, ROWS = 20, 5, 2_000
STEPS, BATCH, RATE = 10, 16, 0.1


def two_halves() -> tuple[Rows, Rows]:
    """Rows to train on and rows of other writers; without the larger set, scikit-learn's in two."""
    folder = SHARED / "optdigits"
    if folder.exists():
        tables = [np.loadtxt(folder / f"optdigits.{half}", delimiter=",") for half in ("tra", "tes")]
        halves = [Rows(table[:, :64] / 16.0, table[:, 64].astype(np.int64)) for table in tables]
        return halves[0].take(np.random.default_rng(0).permutation(len(halves[0]))[:ROWS]), halves[1]
    rows = digits()
    order = np.random.default_rng(0).permutation(len(rows))
    return rows.take(order[:1_200]), rows.take(order[1_200:])


def dealt(rows: Rows) -> list[Rows]:
    """The rows in shards by class, two for each party, whichever they are."""
    order = np.argsort(rows.y, kind="stable")
    shards = np.array_split(order, 2 * PARTIES)
    places = np.random.default_rng(1).permutation(2 * PARTIES)
    return [rows.take(np.concatenate([shards[places[2 * k]], shards[places[2 * k + 1]]])) for k in range(PARTIES)]


@dataclass
class Federation:
    """One run: a model, its state, and what each party keeps of its own updates (FedDyn, SCAFFOLD)."""

    server: Server
    seed: int
    parties: list[Rows]
    test: Rows
    model: Ints = field(init=False)
    state: tuple[Sums, ...] = field(init=False)
    went: Sums = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng([self.seed, 7])
        scales = [1 / np.sqrt(INPUTS), 1 / np.sqrt(INPUTS), 1 / np.sqrt(HIDDEN), 1 / np.sqrt(HIDDEN)]
        drawn = [random.uniform(-scale, scale, size) for scale, size in zip(scales, SIZES, strict=True)]
        self.model = np.rint(np.concatenate(drawn) * SCALE).astype(np.int32)
        self.state = tuple(np.zeros(len(self.model), np.int64) for _ in self.server.streams)
        self.went = np.zeros((PARTIES, len(self.model)), np.int64)

    def rounds(self, count: int) -> Iterator[float]:
        """The accuracy on the test rows after each round."""
        for number in range(count):
            random = np.random.default_rng([self.seed, number])
            chosen = random.choice(PARTIES, TAKING_PART, replace=False)
            updates = np.stack([self._trained(int(party), random) for party in chosen])
            weights = [len(self.parties[party]) for party in chosen]
            mean = combine(WeightedMean(), weights, lambda k, rows=updates: rows[k])
            control = self.state[0] if self.server.name == "scaffold" else 0
            self.went[chosen] += updates - control
            change, self.state = stepped(self.server, mean, self.state, Turnout(TAKING_PART, PARTIES), BITS)
            self.model = add(self.model, change, 0)
            yield self._accuracy()

    def _trained(self, party: int, random: np.random.Generator) -> Ints:
        """A party's update: minibatch steps, corrected where the server optimiser says so."""
        rows, base = self.parties[party], self.model / SCALE
        values, anchor, shift, pull = base.copy(), base, np.zeros_like(base), 0.0
        if isinstance(self.server, Dyn):
            anchor, pull = base - self.went[party] / SCALE, self.server.integer("alpha") / ONE
        elif self.server.corrects:
            shift = (self.state[0] - self.went[party]) / SCALE / STEPS
        for _ in range(STEPS):
            batch = rows.take(random.integers(0, len(rows), BATCH))
            values -= RATE * (_gradient(values, batch) + pull * (values - anchor))
            values += shift
        return (np.rint(values * SCALE).astype(np.int64) - self.model).astype(np.int32)

    def _accuracy(self) -> float:
        return float((_scores(_layers(self.model / SCALE), self.test.x)[1].argmax(1) == self.test.y).mean())


def rounds_to(server: Server, bar: float, most: int, seeds: int) -> list[int]:
    """For each seed the first round after which the accuracy is at least the bar; `most` + 1 where none is."""
    train, test = two_halves()
    parties, found = dealt(train), []
    for seed in range(seeds):
        run = Federation(server, seed, parties, test).rounds(most)
        found.append(next((number for number, accuracy in enumerate(run, 1) if accuracy >= bar), most + 1))
    return found


def _layers(values: Floats) -> list[Floats]:
    parts = np.split(values, np.cumsum(SIZES)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, SHAPES, strict=True)]


def _scores(layers: list[Floats], x: Floats) -> tuple[Floats, Floats]:
    hidden = np.maximum(x @ layers[0] + layers[1], 0)
    return hidden, hidden @ layers[2] + layers[3]


def _gradient(values: Floats, rows: Rows) -> Floats:
    """Of the mean cross-entropy."""
    layers = _layers(values)
    hidden, scores = _scores(layers, rows.x)
    wrong = np.exp(scores - scores.max(1, keepdims=True))
    wrong /= wrong.sum(1, keepdims=True)
    wrong[np.arange(len(rows)), rows.y] -= 1
    wrong /= len(rows)
    back = (wrong @ layers[2].T) * (hidden > 0)
    parts = (rows.x.T @ back, back.sum(0), hidden.T @ wrong, wrong.sum(0))
    return np.concatenate([part.ravel() for part in parts])
