"""All rows of the table, in its order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from attacks import images, members, reach
from attacks.digits import Digits
from attacks.rows import Row
from attacks.stores import Stores


@dataclass(frozen=True)
class Repeats:
    """How often each attack is tried: its figures are means."""

    analytic: int = 10
    gradients: int = 10
    reach: int = 20
    membership: int = 8


FEW = Repeats(analytic=2, gradients=1, reach=1, membership=1)
"""Enough to see that everything runs: the figures are rough."""


def rows(stores: Stores, digits: Digits, repeats: Repeats) -> Iterator[list[Row]]:
    """The rows of each attack, as soon as they are there."""
    steps: list[Callable[[], list[Row]]] = [
        lambda: images.rows(images.ANALYTIC, stores, digits, repeats.analytic),
        lambda: images.rows(images.GRADIENTS, stores, digits, repeats.gradients),
        lambda: reach.rows(stores, digits, repeats.reach),
        lambda: members.rows(stores, digits, repeats.membership),
    ]
    for step in steps:
        yield step()
