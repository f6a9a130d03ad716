"""How near the approximations of the Shapley value come: τ and distances from all 1,024 coalitions of ten parties."""

import itertools
from functools import cache
from typing import Any

import measure
import numpy as np
from numpy.typing import NDArray
from scenes.federation import Federation
from scenes.perceptron import Model, Plan, Rows, digits, flipped, split

from ledger.formats.digest import sha256
from ledger.formats.draws import Draws
from ledger.jobs.scores import (
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


def rows() -> list[measure.Row]:
    made = []
    for utility, (name, method) in itertools.product(("loss", "accuracy"), APPROXIMATIONS.items()):
        found, most = approximation(method, utility)
        tau = float(np.mean(found["τ"]))
        demanded = (name, utility) == ("surrogate_shapley", "loss")
        others = ", ".join(f"{what} {np.mean(found[what]):.3f}" for what in ("cosine", "euclid", "max"))
        note = f"{measure.spread(found['τ'])}; {others}; {most} of 1,024 evaluations"
        made.append(
            measure.row(
                f"τ of {name} against exact Shapley, {utility}",
                "≥ 0.95" if demanded else "",
                tau,
                "",
                tau >= 0.95 and most <= BUDGET if demanded else None,
                note,
            )
        )
    return made
