"""What noise costs: in accuracy, by the product's own training on real rows, ten rounds; and in time."""

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import measure
import numpy as np
from scenes import noise

from ledger.budget.costs import costs, divergences
from ledger.masks.noise import MemberNoise
from ledger.masks.secret import Secret
from participant.jobs.draft import read
from participant.simulation.plan import Planned, PlanRequest, plan

EPSILONS = ("0.5", "1", "2", "4", "8")[measure.sized(0, 3) :]
SEEDS = measure.sized(3, 1)
Scene = Callable[[Path], tuple[Path, Path, Path]]
BARS: dict[str, tuple[Scene, float]] = {"breast cancer": (noise.breast_cancer, 0.93), "digits": (noise.digits, 0.89)}
"""Accuracy at ε = 4 and δ = 10^-5."""


MEMBERS, CLIP = (5, 10, 20, 40), "0.5"
LARGE = 1 << 22
RATES = (512, 4096, 1 << 20)


def planned(scene: Scene, epsilons: tuple[str, ...], seeds: int, members: int = 0) -> list[Planned]:
    """A scene's rows: without noise first, then at each ε; with `members` these are hidden, whole."""
    with TemporaryDirectory() as folder:
        draft, train, test = scene(Path(folder))
        request = PlanRequest(
            draft=read(noise.hiding_members(draft, CLIP) if members else draft),
            data=(train,),
            test=test,
            clients=members or 4,
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


def member_rows() -> list[measure.Row]:
    """Members hidden, whole, by their number."""
    rows = []
    for members in MEMBERS:
        for one in planned(noise.breast_cancer, ("1", "4", "8", "16"), SEEDS, members):
            value, low, high = one.figures["accuracy"], *one.spread
            note = f"{low:.3f} to {high:.3f}" + (f"; noise {one.noise.noise} clips" if one.noise else "")
            work = f"{members} members, " + ("without noise" if one.epsilon is None else f"ε = {one.epsilon}")
            rows.append(measure.row(work, "", value, "accuracy", None, note))
    return rows


def speed_rows() -> list[measure.Row]:
    """CPU of a member's noise, for each value; an opening takes as much."""
    rows = []
    for rate in RATES:
        taken = measure.median([drawing(rate) for _ in range(5)]) / LARGE * 1e9
        rows.append(measure.row(f"noise of a member, rate {rate:,}", "≤ 40", taken, "ns a value", taken <= 40))
    return rows


def drawing(rate: int) -> float:
    """Seconds of CPU for the noise of many values, once the rate's thresholds are there."""
    drawn, values = MemberNoise(rate, 64, Secret(bytes(32))), np.zeros(LARGE, np.uint64)
    drawn.apply(values[:1], 0)
    began = process_time()
    drawn.apply(values, 0)
    return process_time() - began


def cost_rows() -> list[measure.Row]:
    """What a reader of a job does to check its cost, for the most orders."""

    def check() -> None:
        divergences.cache_clear()
        costs(Decimal("2.36"), Decimal("0.28"), 4, 256)

    taken = measure.median([measure.timed(check) for _ in range(5)])
    return [measure.row("check of a job's cost, 256 orders", "≤ 250", taken * 1e3, "ms", taken <= 0.25)]


def run() -> list[measure.Row]:
    return [*accuracy_rows(), *member_rows(), *speed_rows(), *cost_rows()]


if __name__ == "__main__":
    sys.exit(measure.show(run()))
