"""Contribution scores: how near the approximations come, who ends last, and what scoring costs.

All of it goes through the ledger's own admission, aggregation, exact inference and scoring; the ledger itself is in
memory. `python benchmarks/bench_scores.py --heart` prints every coalition of four real hospitals.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import measure
import numpy as np
from federation import Federation
from numpy.typing import NDArray
from perceptron import HEART, Ints, Model, Plan, Rows, digits, heart, optdigits, split

from ledger.formats.artifact import Layout
from ledger.formats.digest import sha256
from ledger.jobs.document import (
    GtgShapley,
    LeaveOneOut,
    Measured,
    PairedRegression,
    PrivateSets,
    Shapley,
    SurrogateShapley,
    TruncatedMonteCarlo,
)
from ledger.scores import methods as scoring
from ledger.scores.draws import Draws
from ledger.scores.game import Game

Values = NDArray[np.float64]
Random = np.random.Generator
Table = dict[frozenset[int], int]

PARTIES, BUDGET, SEEDS = 10, 102, 5
LOSS: dict[str, Any] = {"utility": "loss", "evidence": PrivateSets()}
APPROXIMATIONS: dict[str, Measured] = {
    "surrogate_shapley": SurrogateShapley(**LOSS, evaluations=BUDGET),
    "paired_regression": PairedRegression(**LOSS, evaluations=BUDGET),
    "gtg_shapley": GtgShapley(**LOSS, evaluations=BUDGET, tolerance=1000),
    "truncated_monte_carlo": TruncatedMonteCarlo(**LOSS, evaluations=BUDGET, tolerance=1000),
    "leave_one_out": LeaveOneOut(**LOSS),
}
UNLIKE = ("sizes", "labels", "noise", "skew")
ADVERSARIES = ("zero", "replayed", "duplicate", "label flip 25 %", "label flip 100 %", "noise")


def unlike(kind: str, rows: Rows, random: Random) -> list[Rows]:
    """Ten parties that differ in how many rows they have, how many wrong labels, how much noise, or in which digits."""
    order = random.permutation(len(rows))
    if kind == "sizes":
        shares = np.arange(1, PARTIES + 1) / 55
        return [rows.take(part) for part in np.split(order, (np.cumsum(shares)[:-1] * len(rows)).astype(int))]
    if kind == "skew":
        return _skewed(rows, random)
    parts = [rows.take(part) for part in np.array_split(order, PARTIES)]
    if kind == "labels":
        return [Rows(part.x, flipped(part.y, k / PARTIES, random)) for k, part in enumerate(parts)]
    return [Rows(part.x + random.normal(0, k / PARTIES, part.x.shape), part.y) for k, part in enumerate(parts)]


def _skewed(rows: Rows, random: Random) -> list[Rows]:
    """Each digit's rows by shares from a Dirichlet distribution of 0.5 (Hsu et al. 2019); five more for everyone."""
    found: list[list[int]] = [random.choice(len(rows), 5).tolist() for _ in range(PARTIES)]
    for digit in range(10):
        where = random.permutation(np.flatnonzero(rows.y == digit))
        cuts = (np.cumsum(random.dirichlet([0.5] * PARTIES))[:-1] * len(where)).astype(int)
        for party, part in zip(found, np.split(where, cuts), strict=True):
            party.extend(part.tolist())
    return [rows.take(np.array(party)) for party in found]


def flipped(labels: NDArray[np.int64], share: float, random: Random) -> NDArray[np.int64]:
    """A share of the labels replaced by others."""
    labels = labels.copy()
    chosen = random.permutation(len(labels))[: round(share * len(labels))]
    labels[chosen] = (labels[chosen] + random.integers(1, 10, len(chosen))) % 10
    return labels


@cache
def games(utility: str) -> list[tuple[list[int], Table]]:
    """Weights and all 1,024 coalitions' worth in the second round of each federation."""
    made = []
    for kind, seed in itertools.product(UNLIKE, range(SEEDS)):
        random = np.random.default_rng(seed)
        judged, rows = split(digits(), 500, random)
        parts = unlike(kind, rows, random)
        federation = Federation(Model(64, 10, Plan(hidden=32)), judged, random)
        federation.start(Shapley(utility=utility, evidence=federation.evidence), PARTIES)
        weights = [len(part) for part in parts]
        for _ in range(2):
            base = federation.base
            updates = {k: federation.model.update(base, part, random) for k, part in enumerate(parts)}
            round_ = federation.round(updates, weights)
        made.append((weights, federation.table(round_)))
    return made


def kendall(left: Values, right: Values) -> float:
    """Kendall's τ: pairs in the same order less pairs in the opposite one, of all pairs."""
    pairs = itertools.combinations(range(len(left)), 2)
    signs = [np.sign(left[i] - left[j]) * np.sign(right[i] - right[j]) for i, j in pairs]
    return float(np.mean(signs))


def distances(exact: Values, guess: Values) -> dict[str, float]:
    """τ and cosine; Euclidean and largest distance as shares of the exact scores' length."""
    length, off = np.linalg.norm(exact), exact - guess
    cosine = float(exact @ guess / (length * np.linalg.norm(guess))) if guess.any() else 0.0
    return {
        "τ": kendall(exact, guess),
        "cosine": cosine,
        "euclid": float(np.linalg.norm(off) / length),
        "max": float(np.abs(off).max() / length),
    }


def approximation(method: Measured, utility: str) -> tuple[dict[str, list[float]], int]:
    """How far a method is from the exact scores, and the most coalitions it measured."""
    found: dict[str, list[float]] = {}
    most = 0
    for number, (weights, table) in enumerate(games(utility)):
        exact = scoring.shapley(Game(PARTIES, table.__getitem__))
        game = Game(PARTIES, table.__getitem__, getattr(method, "evaluations", None))
        guess = scoring.values(method, game, weights, Draws(sha256(b"game %d" % number)))
        most = max(most, game.measured)
        for name, value in distances(np.array(exact, float), np.array(guess, float)).items():
            found.setdefault(name, []).append(value)
    return found, most


def approximation_rows() -> list[measure.Row]:
    rows = []
    for utility, (name, method) in itertools.product(("loss", "accuracy"), APPROXIMATIONS.items()):
        found, most = approximation(method, utility)
        tau = float(np.mean(found["τ"]))
        demanded = (name, utility) == ("surrogate_shapley", "loss")
        others = ", ".join(f"{what} {np.mean(found[what]):.3f}" for what in ("cosine", "euclid", "max"))
        note = f"{measure.spread(found['τ'])}; {others}; {most} of 1,024 evaluations"
        rows.append(
            measure.row(
                f"τ of {name} against exact Shapley, {utility}",
                "≥ 0.95" if demanded else "",
                tau,
                "",
                tau >= 0.95 and most <= BUDGET if demanded else None,
                note,
            )
        )
    return rows


class Population:
    """Parties on the same footing, and a fifth of them that are not honest."""

    def __init__(self, kind: str, rows: Rows, parties: int, seed: int, method: Callable[..., Measured]) -> None:
        self.kind, self.random = kind, np.random.default_rng(1000 * seed + parties)
        judged, rest = split(rows, len(rows) // 4, self.random)
        order = self.random.permutation(len(rest))
        self.parts = [rest.take(part) for part in np.array_split(order, parties)]
        self.bad = sorted(self.random.permutation(parties)[: parties // 5].tolist())
        self.good = [k for k in range(parties) if k not in self.bad]
        if kind.startswith("label flip"):
            share = int(kind.split()[2]) / 100
            for k in self.bad:
                self.parts[k] = Rows(self.parts[k].x, flipped(self.parts[k].y, share, self.random))
        self.federation = Federation(Model(64, 10, Plan(epochs=3, batch=8)), judged, self.random)
        self.federation.start(method(utility="loss", evidence=self.federation.evidence), parties)
        self.before: dict[int, Ints] = {}

    def auc(self, rounds: int) -> float:
        """How often an honest party has more than one that is not, over all rounds together; equal counts half."""
        totals = np.zeros(len(self.parts))
        for _ in range(rounds):
            updates = self._updates()
            weights = [len(part) for part in self.parts]
            round_ = self.federation.round({k: updates[k] for k in (*self.good, *self.bad)}, weights)
            totals += self.federation.scores(round_)
            self.before = updates
        gaps = totals[self.good][:, None] - totals[self.bad]
        return float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))

    def _updates(self) -> dict[int, Ints]:
        base, model = self.federation.base, self.federation.model
        updates = {k: model.update(base, part, self.random) for k, part in enumerate(self.parts)}
        for place, k in enumerate(self.bad):
            updates[k] = self._instead(updates, k, self.good[place % len(self.good)])
        return updates

    def _instead(self, updates: dict[int, Ints], own: int, other: int) -> Ints:
        """What a party that is not honest registers, in its own place or at another's cost."""
        nothing = np.zeros_like(updates[own])
        match self.kind:
            case "zero":
                return nothing
            case "replayed":
                return self.before.get(other, nothing)
            case "duplicate":
                return updates[other].copy()
            case "noise":
                drawn = self.random.standard_normal(len(nothing))
                length = np.linalg.norm(updates[other].astype(float)) / np.linalg.norm(drawn)
                return (drawn * length).astype(np.int32)
        return updates[own]


def adversary_rows(rounds: int = 5) -> list[measure.Row]:
    rows = []
    known = {10: digits(), 50: optdigits()}
    methods = {10: _surrogate, 50: LeaveOneOut}
    for parties, kind in itertools.product(known, ADVERSARIES):
        data, work = known[parties], f"AUC of {kind}, a fifth of {parties} parties"
        if data is None:
            print(f"skipped: {work}: shared/data/optdigits is not here", flush=True)
            continue
        found = [Population(kind, data, parties, seed, methods[parties]).auc(rounds) for seed in range(SEEDS)]
        mean = float(np.mean(found))
        note = f"{measure.spread(found, 3)}, {rounds} rounds, {methods[parties].__name__.strip('_')}"
        rows.append(measure.row(work, "≥ 0.99", mean, "", mean >= 0.99, note))
    few = [Population("label flip 25 %", digits(), 50, seed, LeaveOneOut).auc(rounds) for seed in range(SEEDS)]
    note = f"{measure.spread(few, 3)}: 27 rows a party, of scikit-learn's digits; 84 above"
    rows.append(measure.row("… label flip 25 % where parties have few rows", "", float(np.mean(few)), "", None, note))
    return rows


def _surrogate(**fields: Any) -> Measured:
    return SurrogateShapley(**fields, evaluations=BUDGET)


def worker() -> None:
    """A hundred parties: seconds of training by the tabular task, and of scoring, in this process."""
    from torch import from_numpy

    from participant.integers.tensors import stream_of, table
    from participant.tasks.classification import Labelled
    from participant.tasks.sharing import context_of
    from participant.tasks.tabular import Tabular

    parties, random = 100, np.random.default_rng(0)
    judged, rest = split(digits(), 500, random)
    columns = [f"p{k:02}" for k in range(64)]
    settings: dict[str, Any] = {"columns": columns, "ranges": ["0:1"] * 64, "classes": list("0123456789")}
    task = Tabular(settings | {"model": "mlp"})
    model = Model(64, 10, Plan(hidden=16))
    torch_model = task.build_model(1)
    model.layout = Layout(table(torch_model.state_dict(), 24))
    model.layers = tuple(task.layers(torch_model))
    model.initial = lambda _: stream_of(torch_model.state_dict(), model.layout)  # type: ignore[method-assign]
    federation = Federation(model, judged, random)
    parts = [rest.take(part) for part in np.array_split(np.arange(len(rest)), parties)]
    seconds: dict[str, float] = {"training": 0.0}
    updates: dict[int, Ints] = {}
    for k, part in enumerate(parts):
        data = Labelled(from_numpy(part.x * 2 - 1).float(), from_numpy(part.y))
        trained = task.build_model(1)
        context = context_of(task, trained, 1, k, "cpu", Path(), settings)
        seconds["training"] += _busy(lambda: task.train(trained, data, context))  # noqa: B023
        updates[k] = stream_of(trained.state_dict(), model.layout) - federation.initial
    fields = {"utility": "loss", "evidence": federation.evidence}
    methods = {"leave_one_out": LeaveOneOut(**fields), "paired_regression": PairedRegression(**fields, evaluations=402)}
    for name, method in methods.items():
        federation.start(method, parties)
        round_ = federation.round(updates, [len(part) for part in parts])
        seconds[name] = _busy(lambda: federation.scores(round_))  # noqa: B023
    print(json.dumps(seconds))


def _busy(work: Callable[[], object]) -> float:
    """Seconds of all processors together: the same on a busy machine."""
    began = time.process_time()
    work()
    return time.process_time() - began


def time_rows(runs: int = 3) -> list[measure.Row]:
    found = [measure.alone("bench_scores") for _ in range(runs)]
    training = measure.median([one["training"] for one in found])
    note = f"of processor time, as training's {training:.2f} s of all parties together"
    rows = []
    for name in ("leave_one_out", "paired_regression"):
        ratios, demanded = [one[name] / one["training"] for one in found], name == "leave_one_out"
        ratio, evaluations = measure.median(ratios), 101 if demanded else 402
        rows.append(
            measure.row(
                f"100 parties: {name} against training, one epoch",
                "≤ 2" if demanded else "",
                ratio,
                "×",
                ratio <= 2 if demanded else None,
                f"{measure.spread(ratios)}, {evaluations} evaluations; {note}",
            )
        )
    return rows


def heart_round(utility: str, rounds: int, seed: int = 0) -> tuple[list[str], Table, Sequence[int]]:
    """Four hospitals, a quarter of each one's patients in the committed set: the last round's table and scores."""
    random = np.random.default_rng(seed)
    hospitals = heart()
    halves = {name: split(rows, len(rows) // 4, random) for name, rows in hospitals.items()}
    judged = Rows(
        np.concatenate([held.x for held, _ in halves.values()]), np.concatenate([held.y for held, _ in halves.values()])
    )
    parts = [rest for _, rest in halves.values()]
    federation = Federation(Model(10, 2, Plan(epochs=3, rate=0.1)), judged, random)
    federation.start(Shapley(utility=utility, evidence=federation.evidence), len(parts))
    for _ in range(rounds):
        base = federation.base
        updates = {k: federation.model.update(base, part, random) for k, part in enumerate(parts)}
        round_ = federation.round(updates, [len(part) for part in parts])
    return list(hospitals), federation.table(round_), federation.scores(round_)


def show_heart(utility: str) -> None:
    """Print what every coalition is worth, and the scores."""
    names, table, scores = heart_round(utility, rounds=1)
    for members in sorted(table, key=lambda members: (len(members), sorted(members))):
        print(f"{' + '.join(names[k] for k in sorted(members)) or 'the base model':52} {table[members]:>10,}")
    for name, score in zip(names, scores, strict=True):
        print(f"score of {name:43} {score:>10,}")


def heart_rows() -> list[measure.Row]:
    if not Path(HEART).exists():
        print("skipped: heart: shared/data/heart is not here", flush=True)
        return []
    _, table, scores = heart_round("auc", rounds=1)
    whole, base = table[frozenset(range(4))], table[frozenset()]
    off = abs(sum(scores) - (whole - base))
    work = "heart, four hospitals: scores' sum less what all gained"
    note = f"scores {', '.join(f'{score:,}' for score in scores)}; everyone {whole:,}, the base model {base:,}"
    return [measure.row(work, "≤ 2", off, "ppm", off <= 2, note)]


def run() -> list[measure.Row]:
    return [*approximation_rows(), *adversary_rows(), *time_rows(), *heart_rows()]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker()
    elif sys.argv[1:2] == ["--heart"]:
        for name in ("auc", "accuracy", "loss"):
            print(f"\n{name}, in millionths")
            show_heart(name)
    else:
        measure.show(run())
