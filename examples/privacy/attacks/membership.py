"""Membership inference by a threshold on the loss: rows that were trained on have less of it.

After S. Yeom et al., Privacy Risk in Machine Learning, CSF 2018. The attacker adds the change that it read to the
public base model and evaluates its candidates.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.func import functional_call

from attacks.digits import Digits
from attacks.reading import Tensors
from attacks.victims import moved


def losses(model: nn.Module, change: Tensors, rows: Digits) -> NDArray[np.float64]:
    """The loss of each row under base model plus change."""
    found = nn.functional.cross_entropy(_outputs(model, change, rows), torch.from_numpy(rows.labels), reduction="none")
    return found.numpy()


def accuracy(model: nn.Module, change: Tensors, rows: Digits) -> float:
    """The share of rows that base model plus change gets right."""
    return float((_outputs(model, change, rows).argmax(1).numpy() == rows.labels).mean())


def _outputs(model: nn.Module, change: Tensors, rows: Digits) -> torch.Tensor:
    with torch.no_grad():
        outputs: torch.Tensor = functional_call(model, moved(model, change), (torch.from_numpy(rows.images),))
    return outputs
