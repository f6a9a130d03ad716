"""A job's own noise: training as `participant` does it where the job has a section `dp` (docs/spec/privacy.md)."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from attacks.digits import Digits
from attacks.victims import Update, change_of, tensors_of
from participant.jobs.draft import DraftNoise
from participant.jobs.noise import noise_of
from participant.privacy.noise import Noise
from participant.privacy.randomness import noise_seed
from participant.tasks.learning import fit_noisily
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import RoundContext

DELTA = Decimal("0.00001")
CLIP = Decimal(1)


@dataclass(frozen=True)
class Budget:
    """What one round may cost a row, as ε at δ = 10^-5, and how it is spent: steps, and each row's chance to be in one.

    `rate` is the learning rate.
    """

    epsilon: int
    steps: int
    sampling: Decimal
    rate: float


def train(model: nn.Module, rows: Digits, budget: Budget, salt: bytes) -> Update:
    """The update of one round with a job's noise, the least that its budget allows; the model is left as it was.

    `salt` is the secret of 32 bytes that a home has, from which nobody else can make the noise.
    """
    said = noise_of(DraftNoise(CLIP, budget.sampling, budget.steps, Decimal(budget.epsilon), DELTA, "digits"), 1)
    noise = Noise.of(said, noise_seed(salt, bytes(32), 1, bytes(32), rows.leaves))
    plan = Plan(1, 1, "sgd", budget.rate, 0, 0, 0)
    context = RoundContext(1, 1, MappingProxyType({}), torch.device("cpu"), Path(), MappingProxyType({}), noise=noise)
    inputs, targets = tensors_of(rows)

    def fit() -> None:
        fit_noisily(model, inputs, targets, nn.functional.cross_entropy, plan, context, noise)

    return change_of(model, rows, fit)
