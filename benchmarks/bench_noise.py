"""What noise costs in accuracy: the product's own training on real rows, four clients, ten rounds."""

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import measure
from scenes import noise

from ledger.budget.costs import costs, divergences
from participant.jobs.draft import read
from participant.simulation.plan import Planned, PlanRequest, plan

EPSILONS = ("0.5", "1", "2", "4", "8")
SEEDS = 3
Scene = Callable[[Path], tuple[Path, Path, Path]]
BARS: dict[str, tuple[Scene, float]] = {"breast cancer": (noise.breast_cancer, 0.93), "digits": (noise.digits, 0.89)}
"""Accuracy at ε = 4 and δ = 10^-5."""


def planned(scene: Scene, epsilons: tuple[str, ...], seeds: int) -> list[Planned]:
    """A scene's rows: without noise first, then at each ε."""
    with TemporaryDirectory() as folder:
        draft, train, test = scene(Path(folder))
        request = PlanRequest(
            draft=read(draft),
            data=(train,),
            test=test,
            clients=4,
            partition="iid",
            rounds=None,
            epsilons=tuple(map(Decimal, epsilons)),
            seeds=seeds,
        )
        return list(plan(request, "accuracy"))


def accuracy_rows() -> list[measure.Row]:
    rows = []
    for name, (scene, least) in BARS.items():
        for one in planned(scene, EPSILONS, SEEDS):
            value, low, high = one.figures["accuracy"], *one.spread
            note = f"{low:.3f} to {high:.3f}" + (f"; noise {one.noise.noise}" if one.noise else "")
            must, held = (f"≥ {least}", value >= least) if one.epsilon == 4 else ("", None)
            work = f"{name}, " + ("without noise" if one.epsilon is None else f"ε = {one.epsilon}")
            rows.append(measure.row(work, must, value, "accuracy", held, note))
    return rows


def cost_rows() -> list[measure.Row]:
    """What a reader of a job does to check its cost, for the most orders."""

    def check() -> None:
        divergences.cache_clear()
        costs(Decimal("2.36"), Decimal("0.28"), 4, 256)

    taken = measure.median([measure.timed(check) for _ in range(5)])
    return [measure.row("check of a job's cost, 256 orders", "≤ 250", taken * 1e3, "ms", taken <= 0.25)]


def run() -> list[measure.Row]:
    return [*accuracy_rows(), *cost_rows()]


if __name__ == "__main__":
    sys.exit(measure.show(run()))
