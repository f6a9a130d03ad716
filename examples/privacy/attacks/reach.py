"""How far the analytic attack reaches: batches and steps of an open update, and why a best of many needs its control.

Of 64 results the three that are most like any original are taken. Foreign digits, as many as there are originals, are
compared with the same 64 results by the same rule: where they come out as well, nothing was found.
"""

import numpy as np

from attacks import inversion
from attacks.digits import Digits, Images
from attacks.files import JobFiles
from attacks.reading import read_file
from attacks.rows import Control, Row, at_least
from attacks.similarity import ssim
from attacks.stores import Stores
from attacks.victims import mlp, train

RATE = 0.1
BEST = 3
SIZES = ((1, 1), (8, 1), (8, 10), (32, 1), (100, 20), (800, 100))
"""Rows, and steps of gradient descent over all of them."""


def rows(stores: Stores, digits: Digits, repeats: int) -> list[Row]:
    """One row of the table for each size."""
    return [_row(stores, digits, repeats, *size) for size in SIZES]


def _row(stores: Stores, digits: Digits, repeats: int, count: int, steps: int) -> Row:
    found = [_once(stores, digits.shuffled(repeat), repeat, count, steps) for repeat in range(repeats)]
    return Row(
        "first layer, best 3 of 64",
        f"open update, {count} {'row' if count == 1 else 'rows'} × {steps} {'step' if steps == 1 else 'steps'}",
        "SSIM",
        [value for value, _ in found],
        [Control("foreign digits, same statistic", float(np.mean([control for _, control in found])))],
        bar=at_least(0.9) if (count, steps) == (1, 1) else None,
        note=f"above it in {sum(value > control for value, control in found)} of {repeats}",
    )


def _once(stores: Stores, order: Digits, seed: int, count: int, steps: int) -> tuple[float, float]:
    model = mlp(seed)
    store, *_ = stores
    files = JobFiles(store, stores.job(), model, seed)
    (cid,) = files.open_round(1, [train(model, order.part(slice(count)), steps, RATE)])
    images = np.clip(inversion.candidates(read_file(store, cid, files.layout).tensors), 0, 1)
    own, foreign = order.part(slice(count)), order.part(slice(-count, None))
    return _best(images, own), _best(images, foreign)


def _best(images: Images, digits: Digits) -> float:
    return float(np.sort(ssim(images, digits.images).max(1))[-BEST:].mean())
