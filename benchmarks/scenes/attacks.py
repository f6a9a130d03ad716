"""Twenty clients with unlike digits, some of whom attack, under each rule of the ledger: its very functions.

What attacks do with updates: F. Baruch et al., A Little Is Enough (ALIE), NeurIPS 2019; C. Xie et al., Fall of Empires:
Breaking Byzantine-tolerant SGD by Inner Product Manipulation (IPM), UAI 2019. Attackers know every honest update: more
than a ledger shows them, where updates are committed to before they are seen.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scenes.perceptron import SCALE, Ints, Model, Plan, Rows, digits, optdigits

from ledger.jobs.rules import Rule
from ledger.rounds.rules import mean_of_whole
from ledger.rounds.rules.arithmetic import Saturated, add_mean
from ledger.rounds.scaled import cut

CLIENTS = 20
STEPS, BATCH, RATE = 10, 16, 0.1
CONCENTRATION = 1.0
TRAINED_ON = 1_200
"""Rows that are trained on where only the small set is at hand."""
Attack = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""What all attackers send, from the honest updates."""


def alie(honest: NDArray[np.float64]) -> NDArray[np.float64]:
    """One and a half standard deviations below the mean, value by value: within what honest updates spread over."""
    return honest.mean(axis=0) - 1.5 * honest.std(axis=0)


def inner_product(honest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Against the mean, and shorter than it."""
    return -0.8 * honest.mean(axis=0)


ATTACKS: dict[str, Attack | None] = {
    "none": None,
    "label flip": None,
    "sign flip": None,
    "ALIE": alie,
    "IPM": inner_product,
}
"""Label flip (y to 9 - y) and sign flip (times -3) are of each attacker's own training."""


@dataclass(frozen=True)
class Scene:
    """The clients' rows, and rows to measure on."""

    parts: list[Rows]
    test: Rows

    @classmethod
    def of(cls, seed: int, clients: int = CLIENTS) -> "Scene":
        """Digits of the larger set where it is here, by its own halves; else of the small one."""
        whole = optdigits()
        train, test = _halves(digits(), TRAINED_ON) if whole is None else _halves(whole, 3_823)
        return cls(_dealt(train, clients, np.random.default_rng(1000 + seed)), test)


def accuracies(scene: Scene, rule: Rule, attack: str, bad: int, seed: int, rounds: int) -> list[float]:
    """The accuracy after each round; the first `bad` clients attack. No update is refused, whatever its length. A round
    whose model does not fit has none.
    """
    model = Model(64, 10, Plan(hidden=32, rate=RATE, epochs=1, batch=BATCH))
    random = np.random.default_rng(seed)
    base, step, found = model.initial(random), None, list[float]()
    for _ in range(rounds):
        updates = _updates(model, scene, base, attack, bad, random)
        with suppress(Saturated):
            after = add_mean(base, mean_of_whole(rule, [1] * len(updates), updates, step), 0)
            base, step = after, cut(np.subtract(after, base, dtype=np.int64))
        found.append(_accuracy(model, base, scene.test))
    return found


def _updates(model: Model, scene: Scene, base: Ints, attack: str, bad: int, random: np.random.Generator) -> list[Ints]:
    made = []
    for client, rows in enumerate(scene.parts):
        flips = client < bad and attack == "label flip"
        told = replace(rows, y=9 - rows.y) if flips else rows
        made.append(model.update(base, _drawn(told, random), random))
        if client < bad and attack == "sign flip":
            made[-1] = cut(-3 * made[-1].astype(np.int64))
    forged = ATTACKS[attack]
    if forged is not None and bad:
        sent = np.rint(forged(np.array(made[bad:], np.float64))).astype("<i4")
        made[:bad] = [sent] * bad
    return made


def _drawn(rows: Rows, random: np.random.Generator) -> Rows:
    """The rows of one round's steps."""
    return rows.take(random.integers(0, len(rows), STEPS * BATCH))


def _accuracy(model: Model, values: Ints, rows: Rows) -> float:
    flat, out = values / SCALE, rows.x
    for k, (bias, weight) in enumerate(zip(_tensors(model, flat, 0), _tensors(model, flat, 1), strict=True)):
        out = (np.maximum(out, 0) if k else out) @ weight.T + bias
    return float((out.argmax(axis=1) == rows.y).mean())


def _tensors(model: Model, flat: NDArray[np.float64], first: int) -> Iterable[NDArray[np.float64]]:
    table = list(zip(model.layout.tensors, model.layout.starts, strict=False))
    return [flat[start : start + one.values].reshape(one.shape) for one, start in table[first::2]]


def _halves(rows: Rows, first: int) -> tuple[Rows, Rows]:
    return rows.take(slice(first)), rows.take(slice(first, None))


def _dealt(rows: Rows, clients: int, random: np.random.Generator) -> list[Rows]:
    """Rows dealt by label, in shares that a Dirichlet distribution draws; everybody has some."""
    while True:
        parts: list[list[int]] = [[] for _ in range(clients)]
        for label in range(10):
            places = random.permutation(np.flatnonzero(rows.y == label))
            cuts = (np.cumsum(random.dirichlet([CONCENTRATION] * clients)) * len(places)).astype(int)[:-1]
            for part, chosen in zip(parts, np.split(places, cuts), strict=True):
                part.extend(chosen.tolist())
        if min(map(len, parts)) >= BATCH:
            return [rows.take(np.array(part)) for part in parts]
