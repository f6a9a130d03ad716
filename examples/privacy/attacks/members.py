"""Which rows a client trained on: membership inference on an open update, a sum, a masked update and a noised one."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from attacks import private
from attacks.digits import Digits
from attacks.files import JobFiles
from attacks.membership import accuracy, losses
from attacks.noise import noised
from attacks.reading import Seen, read_change, read_file
from attacks.rows import Bar, Control, Row, at_least, at_most
from attacks.similarity import auc
from attacks.stores import Stores
from attacks.victims import mlp, train

ROWS, CLIENTS, OTHERS = 60, 5, 600
STEPS, RATE = 200, 0.5
"""Enough to learn 60 rows by heart: the attacker's best case."""
NOISES = (0.1, 1.0)
BUDGETS = tuple(private.Budget(epsilon, 40, Decimal("0.25"), 0.5) for epsilon in (1, 8))
"""Of jobs that have noise of their own."""
_BARS: dict[str, Bar] = {
    "open update": at_least(0.65),
    "masked update": at_most(0.55),
    "open, noise z = 1": at_most(0.55),
    "open, a job's ε = 1": at_most(0.55),
}


class Result(NamedTuple):
    """The attack on a file that the rows are behind, on one that they are not behind, and what the model is worth."""

    auc: float
    control: float
    accuracy: float


def rows(stores: Stores, digits: Digits, repeats: int) -> list[Row]:
    """The table's rows, each over so many repeats with other clients and another model."""
    results: dict[str, list[Result]] = {}
    for repeat in range(repeats):
        for read, found in _once(stores, digits.shuffled(repeat), repeat):
            results.setdefault(read, []).append(found)
    return [_row(read, found) for read, found in results.items()]


def _once(stores: Stores, order: Digits, seed: int) -> Iterator[tuple[str, Result]]:
    """Two groups of clients with rows of their own: who reads the files of the second learns nothing of the first."""
    model = mlp(seed)
    parts = [order.part(slice(ROWS * at, ROWS * (at + 1))) for at in range(2 * CLIENTS)]
    others, test = order.part(slice(-OTHERS, None)), order.part(slice(ROWS * len(parts), -OTHERS))

    def attack(seen: Seen) -> float:
        return auc(losses(model, seen.tensors, parts[0]), losses(model, seen.tensors, others))

    own, foreign = (
        _sights(stores, model_seed, parts[at : at + CLIENTS]) for model_seed, at in ((seed, 0), (seed, CLIENTS))
    )
    for (read, seen), (_, instead) in zip(own, foreign, strict=True):
        yield read, Result(attack(seen), attack(instead), accuracy(model, seen.tensors, test))


def _sights(stores: Stores, seed: int, parts: list[Digits]) -> Iterator[tuple[str, Seen]]:
    """What is read of one group of clients."""
    model = mlp(seed)
    updates = [train(model, part, STEPS, RATE) for part in parts]
    job = stores.job()
    plain, hidden, noisy = (JobFiles(store, job, model, seed) for store in stores)
    (cid,) = plain.open_round(1, updates[:1])
    yield "open update", read_file(plain.store, cid, plain.layout)
    cids, after = hidden.masked_round(1, updates)
    yield "masked update", read_file(hidden.store, cids[0], hidden.layout)
    yield f"public sum of {len(parts)}", read_change(hidden.store, after, hidden.base, hidden.layout)
    for number, scale in enumerate(NOISES, 1):
        (cid,) = noisy.open_round(number, [noised(updates[0], scale, seed)])
        yield f"open, noise z = {scale:g}", read_file(noisy.store, cid, noisy.layout)
    for number, budget in enumerate(BUDGETS, len(NOISES) + 1):
        (cid,) = noisy.open_round(number, [private.train(model, parts[0], budget, bytes([seed] * 32))])
        yield f"open, a job's ε = {budget.epsilon}", read_file(noisy.store, cid, noisy.layout)


def _row(read: str, found: list[Result]) -> Row:
    return Row(
        "membership, MLP",
        read,
        "AUC",
        [one.auc for one in found],
        [Control("other clients' update", float(np.mean([one.control for one in found])))],
        bar=_BARS.get(read),
        note=f"the model's accuracy is {np.mean([one.accuracy for one in found]):.2f}",
    )
