"""Noisy sums of clipped gradients: the one place where rows become numbers that leave (M. Abadi et al. 2016).

Gradients of single rows come from `torch.func` (`vmap` of `grad`), so a model's layers may be any that it can map;
layers that mix the rows of a batch, such as batch normalisation, are none.

Sums are whole numbers of a small unit, which float64 adds exactly, in any order: floating-point sums would move by more
than the bound when a row is added (S. Casacuberta et al. 2022), and their last bits would tell what is in them whatever
the noise (I. Mironov 2012). Noise that is rounded to whole numbers and added to one is the exact sum of both, rounded.
"""

from collections.abc import Callable, Iterator, Mapping
from math import frexp

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import Module

from participant.privacy.noise import Noise

Loss = Callable[[Tensor, Tensor], Tensor]
AT_ONCE = 1 << 23
"""Values of single rows' gradients that are held at once: 32 MiB, and 64 more while they are added."""
ROOM = 1 - 2.0**-18
"""Kept free below the bound, so that rounding of norm and scale leads no row beyond it."""
FINENESS = 26
"""Bits of a row's largest value in units: 2^26 rows, or noise of 2^20 bounds, are below 2^53 units."""


def noisy_sum(
    model: Module, parameters: Mapping[str, Tensor], inputs: Tensor, targets: Tensor, loss: Loss, noise: Noise
) -> tuple[list[Tensor], Tensor]:
    """The sum of the rows' gradients, each of Euclidean norm at most `noise.clip`, plus noise; and the rows' losses.

    `inputs` are n × …, `targets` n; n may be 0. A row whose gradient is not finite counts as zero.
    """
    each = vmap(grad_and_value(_loss_of_row(model, loss)), in_dims=(None, 0, 0), randomness="different")
    sums = [torch.zeros_like(values, dtype=torch.float64) for values in parameters.values()]
    losses = [targets.new_zeros(0, dtype=torch.float32)]
    for rows in _pieces(len(targets), sum(values.numel() for values in sums)):
        gradients, values = each(dict(parameters), inputs[rows], targets[rows])
        _add(sums, [gradients[name] for name in parameters], noise.clip)
        losses.append(values.float())
    found = zip(sums, parameters.values(), strict=True)
    return [_noised(values, noise).to(like) for values, like in found], torch.cat(losses)


def _loss_of_row(model: Module, loss: Loss) -> Callable[[dict[str, Tensor], Tensor, Tensor], Tensor]:
    def of_row(parameters: dict[str, Tensor], row: Tensor, target: Tensor) -> Tensor:
        return loss(functional_call(model, parameters, (row[None],)), target[None])

    return of_row


def _pieces(rows: int, values: int) -> Iterator[slice]:
    size = max(1, AT_ONCE // max(values, 1))
    return (slice(start, start + size) for start in range(0, rows, size))


def unit_of(clip: float) -> float:
    """What sums are whole numbers of: a power of two, 2^-26 of the least one above the bound."""
    return 2.0 ** (frexp(clip)[1] - FINENESS)


def _add(sums: list[Tensor], gradients: list[Tensor], clip: float) -> None:
    """Add, in units, the gradients of n rows, n × … each, scaled down where their norm over all parameters is above the
    bound, each value rounded towards zero.
    """
    exact = [one.flatten(1).double() for one in gradients]
    norms = torch.stack([one.square().sum(1) for one in exact]).sum(0).sqrt()
    scale = torch.clamp(clip * ROOM / norms.clamp(min=torch.finfo(torch.float64).tiny), max=1.0)
    scale = torch.where(norms.isfinite(), scale, 0.0) / unit_of(clip)
    for total, one in zip(sums, exact, strict=True):
        total.add_(one.nan_to_num_(0.0, 0.0, 0.0).mul_(scale[:, None]).trunc_().sum(0).reshape(total.shape))


def _noised(values: Tensor, noise: Noise) -> Tensor:
    """Units as values, with noise."""
    unit = unit_of(noise.clip)
    drawn = np.rint(noise.randomness.normal(values.numel()) * (noise.deviation * noise.clip / unit))
    return (values.cpu() + torch.from_numpy(drawn).reshape(values.shape)) * unit


def drawn_rows(rows: int, noise: Noise) -> Tensor:
    """The places of the rows in a step: each with probability `noise.sampling`, none depending on another."""
    return torch.from_numpy(np.flatnonzero(noise.randomness.coins(rows, noise.sampling)))
