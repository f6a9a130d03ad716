"""Inverting gradients: the images whose gradient points the way of the update (J. Geiping et al., NeurIPS 2020).

One minus the cosine, plus a trace of total variation, by Adam on the sign of the gradient. It takes any model, and any
number of images at once, so also the public sum of several members' updates: the labels are counted first.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attacks import inversion
from attacks.digits import SIDE, Images
from attacks.reading import Tensors

STEPS = 240
RATE = 0.05
SMOOTHNESS = 1e-6
PROBES = 64
"""Random images by whose mean prediction labels are counted."""


def labels(model: nn.Module, change: Tensors, rows: int, rate: float) -> list[int]:
    """The labels of so many rows behind one step of this rate, ascending: how often each occurs, by the last bias.

    The bias of a class falls by what the model predicts of it, and rises by one for each row of it, times rate over
    rows (after A. Wainakh et al., User-Level Label Leakage from Gradients, PoPETs 2022).
    """
    probes = torch.rand(PROBES, SIDE * SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        predicted = model(probes).softmax(1).mean(0).double().numpy()
    counts = rows * (change[inversion.linear_layers(change)[-1][1]] / rate + predicted)
    found = []
    for _ in range(rows):
        found.append(int(np.argmax(counts)))
        counts[found[-1]] -= 1
    return sorted(found)


def invert(model: nn.Module, change: Tensors, labels_: list[int], seed: int, steps: int = STEPS) -> Images:
    """The images, shape (labels, 64), that best explain a change of the model; pixels from 0 to 1."""
    aim = _direction([-torch.from_numpy(change[name]) for name, _ in model.named_parameters()])
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(len(labels_), SIDE * SIDE, generator=random, requires_grad=True)
    optimiser = torch.optim.Adam([images], RATE)
    slower = torch.optim.lr_scheduler.MultiStepLR(optimiser, [steps // 2, steps * 3 // 4, steps * 7 // 8], 0.3)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(images), torch.tensor(labels_))
        gradient = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        distance = 1 - torch.dot(aim, _direction(list(gradient)))
        (images.grad,) = torch.autograd.grad(distance + SMOOTHNESS * _variation(images), [images])
        images.grad.sign_()
        optimiser.step()
        slower.step()
        with torch.no_grad():
            images.clamp_(0, 1)
    found: NDArray[np.float64] = images.detach().numpy().astype(np.float64)
    return found


def _direction(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The unit vector of all values, in their type first: squares of a masked update's words are beyond float32."""
    return nn.functional.normalize(torch.cat([tensor.flatten() for tensor in tensors]), dim=0).float()


def _variation(images: torch.Tensor) -> torch.Tensor:
    squares = images.reshape(-1, SIDE, SIDE)
    return squares.diff(dim=1).abs().mean() + squares.diff(dim=2).abs().mean()
