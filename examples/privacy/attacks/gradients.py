"""Inverting gradients: the image whose gradient points the way of the update (J. Geiping et al., NeurIPS 2020).

One minus the cosine, plus a little total variation, by Adam on the sign of the gradient. It takes any model; the label
is found first (`inversion.label`).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attacks.digits import SIDE
from attacks.reading import Tensors

STEPS = 240
RATE = 0.05
SMOOTHNESS = 1e-4


def invert(model: nn.Module, change: Tensors, label: int, seed: int, steps: int = STEPS) -> NDArray[np.float64]:
    """The image, shape (1, 64), that best explains a change of the model; pixels from 0 to 1."""
    aim = _direction([-torch.from_numpy(change[name]) for name, _ in model.named_parameters()])
    image = torch.rand(1, SIDE * SIDE, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    optimiser = torch.optim.Adam([image], RATE)
    slower = torch.optim.lr_scheduler.MultiStepLR(optimiser, [steps // 2, steps * 3 // 4, steps * 7 // 8], 0.3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(image), torch.tensor([label]))
        gradient = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
        distance = 1 - torch.dot(aim, torch.nn.functional.normalize(torch.cat([g.flatten() for g in gradient]), dim=0))
        (image.grad,) = torch.autograd.grad(distance + SMOOTHNESS * _variation(image), [image])
        image.grad.sign_()
        optimiser.step()
        slower.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    return image.detach().numpy().astype(np.float64)


def _direction(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The unit vector of all values; in float64 first, for squares of a masked update's words are beyond float32."""
    return nn.functional.normalize(torch.cat([tensor.flatten() for tensor in tensors]), dim=0).float()


def _variation(image: torch.Tensor) -> torch.Tensor:
    square = image.reshape(SIDE, SIDE)
    return square.diff(dim=0).abs().mean() + square.diff(dim=1).abs().mean()
