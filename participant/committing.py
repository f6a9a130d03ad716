"""What a committed evaluation set needs of a task: its network as layers, and its rows as integers.

Only networks made of the layers that exact inference knows can be committed to; both tasks that come along are.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ledger.errors import Malformed
from ledger.evaluation_set import EvaluationSet
from ledger.inference import FRACTION_BITS, HIGHEST
from ledger.layers import Conv2d, Flatten, Layer, Linear, MaxPool, Relu

if TYPE_CHECKING:
    from torch.nn import Module


def layers_of(model: "Module") -> tuple[Layer, ...]:
    """The layers of a `torch.nn.Sequential`. Raises Malformed, naming the first that exact inference does not know."""
    return tuple(_layer(name, module) for name, module in model.named_children())


def _layer(name: str, module: "Module") -> Layer:
    from torch import nn

    tensors = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
    match module:
        case nn.Linear() if module.bias is not None:
            return Linear(**tensors)
        case nn.Conv2d() if module.bias is not None and _plain(module):
            return Conv2d(**tensors, padding=_single(module.padding))
        case nn.MaxPool2d() if module.kernel_size == module.stride and not module.padding and not module.ceil_mode:
            return MaxPool(size=_single(module.kernel_size))
        case nn.ReLU():
            return Relu()
        case nn.Flatten(start_dim=1, end_dim=-1):
            return Flatten()
    raise Malformed(
        f"layer {name!r} of the model is none that exact inference knows",
        actual=str(module)[:200],
        advice="score by private sets or by cosine, which run no network outside the parties",
    )


def _plain(module: Any) -> bool:
    """Whether a convolution has stride 1, no holes and no groups, and zeros around the image."""
    ones = module.stride == module.dilation == (1, 1)
    return bool(ones and module.groups == 1 and module.padding_mode == "zeros" and not isinstance(module.padding, str))


def _single(size: Any) -> int:
    """A size that is the same in both directions. Raises Malformed otherwise."""
    sizes = {int(one) for one in size} if isinstance(size, tuple) else {int(size)}
    if len(sizes) != 1:
        raise Malformed("a layer is not the same in both directions", actual=size)
    return sizes.pop()


def evaluation_set(inputs: Any, targets: Any) -> EvaluationSet:
    """Labelled rows of a task (torch tensors) as a committed set has them: inputs rounded to 2^-16, half to even.

    Raises Malformed for inputs that are no numbers or beyond ±32,767.
    """
    scaled = np.rint(np.asarray(inputs, np.float64) * (1 << FRACTION_BITS))
    if not np.isfinite(scaled).all() or np.abs(scaled).max(initial=0) > HIGHEST:
        raise Malformed("an input of the evaluation set is no number, or too large", maximum=HIGHEST >> FRACTION_BITS)
    return EvaluationSet(scaled.astype("<i4"), np.asarray(targets).astype("<i4"))
