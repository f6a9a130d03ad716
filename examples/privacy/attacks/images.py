"""Images taken back out of updates of one row each: what is read differs, the attack is the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import nn

from attacks import gradients, inversion
from attacks.digits import CLASSES, Digits, Images
from attacks.files import JobFiles
from attacks.noise import noised
from attacks.reading import Seen, read_change, read_file
from attacks.rows import Bar, Control, Pair, Row, at_least, near_chance
from attacks.similarity import ssim
from attacks.stores import Stores
from attacks.victims import cnn, mlp, train

RATE = 0.1
TARGETS = 10
"""Originals that a result is compared with, at most: the nearest counts."""
FOREIGN = 100
"""Digits of nobody in the round, each put in the place of a result."""

Attack = Callable[[nn.Module, Seen, int], Images]
"""Makes an image of what was read; the seed is for attacks that draw."""


@dataclass(frozen=True)
class Case:
    """An attack on a model, and what it is tried on."""

    name: str
    model: Callable[[int], nn.Module]
    attack: Attack
    sums: tuple[int, ...]
    noises: tuple[float, ...]


class Result(NamedTuple):
    """What one attack on one file came to, and what foreign digits and the mean digit come to in its place."""

    similarity: float
    label: bool
    foreign: float
    foreign_label: float
    mean: float
    pair: Pair


def _analytic(_: nn.Module, seen: Seen, __: int) -> Images:
    return np.clip(inversion.strongest(seen.tensors), 0, 1)


def _gradients(model: nn.Module, seen: Seen, seed: int) -> Images:
    return gradients.invert(model, seen.tensors, inversion.label(seen.tensors), seed)


ANALYTIC = Case("first layer, MLP", mlp, _analytic, sums=(3, 10, 50), noises=(0.001, 0.01, 0.1, 1.0))
GRADIENTS = Case("gradients, CNN", cnn, _gradients, sums=(3,), noises=(0.1,))


def rows(case: Case, stores: Stores, digits: Digits, repeats: int) -> list[Row]:
    """The table's rows of one attack, each over so many repeats with other digits and another model."""
    results: dict[str, list[Result]] = {}
    for repeat in range(repeats):
        for read, seen, targets in _sights(case, stores, digits.shuffled(repeat), repeat):
            found = _judge(case, seen, targets, digits, repeat)
            results.setdefault(read, []).append(found)
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
        yield f"public sum of {members}", change, order.part(slice(min(members, TARGETS)))
    for number, scale in enumerate(case.noises, 1):
        (cid,) = noisy.open_round(number, [noised(updates[0], scale, seed)])
        yield f"open, noise z = {scale:g}", read_file(noisy.store, cid, noisy.layout), order.part([0])


def _judge(case: Case, seen: Seen, targets: Digits, digits: Digits, seed: int) -> Result:
    image = case.attack(case.model(seed), seen, seed)
    likeness = ssim(image, targets.images)[0]
    nearest = int(np.argmax(likeness))
    foreign = digits.shuffled(seed).part(slice(-FOREIGN, None))
    foreign_likeness = ssim(foreign.images, targets.images)
    foreign_labels = foreign.labels == targets.labels[foreign_likeness.argmax(1)]
    return Result(
        float(likeness[nearest]),
        inversion.label(seen.tensors) == targets.labels[nearest],
        float(foreign_likeness.max(1).mean()),
        float(foreign_labels.mean()),
        float(ssim(digits.mean, targets.images).max()),
        Pair(targets.images[nearest], image[0]),
    )


def _row(case: Case, read: str, found: list[Result]) -> Row:
    controls = [
        Control("a foreign digit", float(np.mean([one.foreign for one in found]))),
        Control("the mean digit", float(np.mean([one.mean for one in found]))),
    ]
    return Row(
        case.name,
        read,
        "SSIM",
        [one.similarity for one in found],
        controls,
        label=float(np.mean([one.label for one in found])),
        label_control=1 / CLASSES,
        bar=_bar(read),
        note=f"nearest of {TARGETS} of them" if read.endswith("of 50") else "",
        pairs=[one.pair for one in found],
    )


def _bar(read: str) -> Bar | None:
    """The attack works on an open update, or its failure on a masked one would say nothing."""
    return {"open update": at_least(0.9), "masked update": near_chance(0.05)}.get(read)
