"""Analytic inversion of the first linear layer, and the label by the last one. Exact, instant, and without training.

For one row x, the gradient of unit i's weights is d_i · x, and that of its bias d_i: their quotient is the row (L. T.
Phong et al., IEEE TIFS 2018). Of several rows it is a mean of them, by how much each moved the unit. The bias of the
true class is the only one of the last layer that a row pushes up (B. Zhao et al., iDLG, 2020).
"""

import re

import numpy as np
from numpy.typing import NDArray

from attacks.reading import Tensors
from ledger.errors import Malformed

Rows = NDArray[np.float64]


def candidates(change: Tensors) -> Rows:
    """The row that each unit of the first linear layer gives back, shape (units, inputs), the unit that moved most
    first; those that did not move are left out.

    Raises Malformed where the model has no linear layer with a bias.
    """
    weight, bias = linear_layers(change)[0]
    order = np.argsort(-np.abs(change[bias]), kind="stable")
    order = order[change[bias][order] != 0]
    rows: Rows = change[weight][order] / change[bias][order][:, None]
    return rows


def strongest(change: Tensors) -> Rows:
    """The row that the unit which moved most gives back, shape (1, inputs); zeros where none moved."""
    found = candidates(change)[:1]
    return found if len(found) else np.zeros((1, change[linear_layers(change)[0][0]].shape[1]))


def label(change: Tensors) -> int:
    """The class whose bias rose most."""
    return int(np.argmax(change[linear_layers(change)[-1][1]]))


def linear_layers(change: Tensors) -> list[tuple[str, str]]:
    """Names of weight and bias of each linear layer, in the order of their numbers."""
    names = [name.removesuffix("weight") for name in change if name.endswith("weight") and change[name].ndim == 2]
    found = [(f"{name}weight", f"{name}bias") for name in sorted(names, key=_natural) if f"{name}bias" in change]
    if not found:
        raise Malformed("the model has no linear layer with a bias", tensors=", ".join(sorted(change))[:200])
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part]
