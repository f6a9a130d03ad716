"""Models and rows for sums of clipped gradients."""

from decimal import Decimal
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ledger.masks.secret import Secret
from participant.privacy.gradients import noisy_sum
from participant.privacy.noise import Noise
from participant.privacy.randomness import Randomness

MODELS = {
    "linear": lambda: nn.Linear(6, 3),
    "mlp": lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)),
    "cnn": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4, 3),
    ),
}


def noise(clip: float = 1.0, deviation: float = 0.0, sampling: str = "1", seed: int = 1) -> Noise:
    return Noise(clip, deviation, Decimal(sampling), 1, Randomness(Secret(seed.to_bytes(32, "big"))))


def rows(count: int) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(5)
    return 3 * torch.randn(count, 6, generator=generator), torch.randint(0, 3, (count,), generator=generator)


def summed(model: Any, inputs: Any, targets: Any, said: Noise) -> Any:
    """All values of the noisy sum of a batch."""
    known = {name: parameter.detach() for name, parameter in model.named_parameters()}
    sums, _ = noisy_sum(model, known, inputs, targets, cross_entropy, said)
    return torch.cat([one.flatten() for one in sums])
