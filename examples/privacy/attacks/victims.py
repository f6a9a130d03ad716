"""The models that are attacked, and the training whose updates are."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attacks.digits import CLASSES, SIDE, Digits
from ledger.formats.artifact import Layout
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of, table

FRACTION_BITS = 24
HIDDEN = 64


class Update(NamedTuple):
    """An update of the ledger: integers, and the leaves of the rows that it was trained on."""

    values: Stream
    leaves: tuple[bytes, ...]


def mlp(seed: int) -> nn.Module:
    """64 pixels, 64 hidden units with a ReLU, 10 classes; 4,810 values."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(SIDE * SIDE, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def cnn(seed: int) -> nn.Module:
    """Two 3 × 3 convolutions with a sigmoid, and one linear layer; 3,818 values."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Unflatten(1, (1, SIDE, SIDE)),
            nn.Conv2d(1, 8, 3, padding=1),
            nn.Sigmoid(),
            nn.Conv2d(8, 16, 3, padding=1, stride=2),
            nn.Sigmoid(),
            nn.Flatten(),
            nn.Linear(16 * (SIDE // 2) ** 2, CLASSES),
        )


def layout_of(model: nn.Module) -> Layout:
    """The model's tensors as a job has them."""
    return Layout(table(model.state_dict(), FRACTION_BITS))


def train(model: nn.Module, rows: Digits, steps: int, rate: float) -> Update:
    """The update of so many steps of gradient descent over all rows; the model is left as it was.

    Raises NotRepresentable where training diverged.
    """
    optimiser = torch.optim.SGD(model.parameters(), rate)
    inputs, targets = tensors_of(rows)

    def fit() -> None:
        for _ in range(steps):
            optimiser.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(inputs), targets))
            optimiser.step()

    return change_of(model, rows, fit)


def change_of(model: nn.Module, rows: Digits, fit: Callable[[], None]) -> Update:
    """What `fit` changes of the model, which is left as it was. Raises NotRepresentable where training diverged."""
    layout, before = layout_of(model), {name: value.clone() for name, value in model.state_dict().items()}
    fit()
    after = stream_of(model.state_dict(), layout)
    model.load_state_dict(before)
    return Update(difference(layout, after, stream_of(before, layout)), rows.leaves)


def tensors_of(rows: Digits) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as float32 and labels, for torch."""
    return torch.from_numpy(rows.images.astype(np.float32)), torch.from_numpy(rows.labels)


def moved(model: nn.Module, change: dict[str, NDArray[np.float64]]) -> dict[str, torch.Tensor]:
    """The model's tensors after a change, in float64: what is added may be noise far beyond float32."""
    return {name: value.double() + torch.from_numpy(change[name]) for name, value in model.state_dict().items()}
