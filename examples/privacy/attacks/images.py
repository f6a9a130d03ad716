"""Images taken back out of updates of one row each: what is read differs, the attack is the same."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from attacks import gradients, inversion, private
from attacks.digits import Digits, Images
from attacks.files import JobFiles
from attacks.noise import noised
from attacks.reading import Seen, read_change, read_file
from attacks.rows import Bar, Control, Pair, Row, at_least, near_chance
from attacks.similarity import ssim
from attacks.stores import Stores
from attacks.victims import cnn, mlp, train

RATE = 0.1
BUDGET = private.Budget(8, 1, Decimal(1), RATE)
"""Of the job that has noise of its own."""
TARGETS = 10
"""Originals of a sum that the one image of the analytic attack is compared with, at most."""
FOREIGN = 100
"""Digits of nobody in the round: as many at a time as the attack found, each such group in the place of its result."""


class Found(NamedTuple):
    """What an attack made of a file: images, shape (m, 64), and labels."""

    images: Images
    labels: list[int]


Attack = Callable[[nn.Module, Seen, int, int], Found]
"""Attacks what was read, behind which are so many rows; the last is a seed, for attacks that draw."""


@dataclass(frozen=True)
class Case:
    """An attack on a model, and what it is tried on. `whole` says that it looks for all rows, and not for one."""

    name: str
    model: Callable[[int], nn.Module]
    attack: Attack
    whole: bool
    noises: tuple[float, ...]
    sums: tuple[int, ...] = (3, 10, 50)


class Result(NamedTuple):
    """What one attack on one file came to, and what foreign digits and the mean digit come to in its place."""

    similarity: float
    labels: float
    foreign: float
    foreign_labels: float
    mean: float
    pairs: list[Pair]


def _analytic(_: nn.Module, seen: Seen, __: int, ___: int) -> Found:
    return Found(np.clip(inversion.strongest(seen.tensors), 0, 1), [inversion.label(seen.tensors)])


def _gradients(model: nn.Module, seen: Seen, rows: int, seed: int) -> Found:
    labels = gradients.labels(model, seen.tensors, rows, RATE)
    return Found(gradients.invert(model, seen.tensors, labels, seed), labels)


ANALYTIC = Case("first layer, MLP", mlp, _analytic, whole=False, noises=(0.001, 0.01, 0.1, 1.0))
GRADIENTS = Case("gradients, CNN", cnn, _gradients, whole=True, noises=(0.001, 0.01, 0.1))


def rows(case: Case, stores: Stores, digits: Digits, repeats: int) -> list[Row]:
    """The table's rows of one attack, each over so many repeats with other digits and another model."""
    results: dict[str, list[Result]] = {}
    for repeat in range(repeats):
        for read, seen, targets in _sights(case, stores, digits.shuffled(repeat), repeat):
            found = case.attack(case.model(repeat), seen, len(targets), repeat)
            results.setdefault(read, []).append(_judged(case, found, targets, digits, repeat))
    return [_row(case, read, found) for read, found in results.items()]


def _sights(case: Case, stores: Stores, order: Digits, seed: int) -> Iterator[tuple[str, Seen, Digits]]:
    """What is read, and the rows that are behind it."""
    model = case.model(seed)
    updates = [train(model, order.part([row]), 1, RATE) for row in range(max(case.sums))]
    job = stores.job()
    plain, hidden, noisy = (JobFiles(store, job, model, seed) for store in stores)
    (cid,) = plain.open_round(1, updates[:1])
    yield "open update", read_file(plain.store, cid, plain.layout), order.part([0])
    for number, members in enumerate(case.sums, 1):
        cids, after = hidden.masked_round(number, updates[:members])
        if number == 1:
            yield "masked update", read_file(hidden.store, cids[0], hidden.layout), order.part([0])
        change = read_change(hidden.store, after, hidden.base, hidden.layout)
        yield f"public sum of {members}", change, order.part(slice(members))
    for number, scale in enumerate(case.noises, 1):
        (cid,) = noisy.open_round(number, [noised(updates[0], scale, seed)])
        yield f"open, noise z = {scale:g}", read_file(noisy.store, cid, noisy.layout), order.part([0])
    (cid,) = noisy.open_round(len(case.noises) + 1, [private.train(model, order.part([0]), BUDGET, bytes([seed] * 32))])
    yield f"open, a job's ε = {BUDGET.epsilon}", read_file(noisy.store, cid, noisy.layout), order.part([0])


def _judged(case: Case, found: Found, targets: Digits, digits: Digits, seed: int) -> Result:
    count = len(found.images)
    compared = targets if case.whole else targets.part(slice(TARGETS))
    foreign = digits.shuffled(seed).part(slice(-FOREIGN, None))
    groups = [foreign.part(slice(at, at + count)) for at in range(0, FOREIGN - count + 1, count)]
    likeness = ssim(found.images, compared.images)
    nearest = likeness.argmax(0)
    order = range(len(compared)) if case.whole else [int(likeness[0].argmax())]
    return Result(
        _reached(case, likeness),
        _agreeing(found.labels, compared.part(order)),
        float(np.mean([_reached(case, ssim(group.images, compared.images)) for group in groups])),
        float(np.mean([_agreeing(group.labels.tolist(), compared.part(order)) for group in groups])),
        _reached(case, ssim(digits.mean, compared.images)),
        [Pair(compared.images[at], found.images[nearest[at]]) for at in order],
    )


def _reached(case: Case, likeness: NDArray[np.float64]) -> float:
    """Of a result's similarity to each original (results, originals): of the nearest to each, or to the nearest one."""
    nearest = likeness.max(0)
    return float(nearest.mean() if case.whole else nearest.max())


def _agreeing(labels: Sequence[int], targets: Digits) -> float:
    """The share of the originals' labels that are among these, each as often as it occurs."""
    return (Counter(labels) & Counter(targets.labels.tolist())).total() / len(targets)


def _row(case: Case, read: str, found: list[Result]) -> Row:
    each = {name: float(np.mean([getattr(one, name) for one in found])) for name in ("foreign", "mean", "labels")}
    several = "of" in read.split()
    return Row(
        case.name,
        read,
        "SSIM",
        [one.similarity for one in found],
        [
            Control("foreign digits", each["foreign"]),
            Control("the mean digit", each["mean"]),
        ],
        label=each["labels"],
        label_control=float(np.mean([one.foreign_labels for one in found])),
        bar=_bar(read),
        note=_note(case, several),
        pairs=found[-1].pairs if case.whole and several else [one.pairs[0] for one in found],
    )


def _note(case: Case, several: bool) -> str:
    """How a sum's result is compared."""
    if not several:
        return ""
    return "mean over all rows" if case.whole else f"the nearest of up to {TARGETS} rows"


def _bar(read: str) -> Bar | None:
    """The attack works on an open update, or its failure on a masked one would say nothing."""
    return {"open update": at_least(0.9), "masked update": near_chance(0.05)}.get(read)
