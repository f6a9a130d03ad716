"""A torch Sequential layer by layer, as a job that commits to an evaluation set describes its network."""

from typing import TYPE_CHECKING, Any

from ledger.errors import UsageError
from ledger.jobs import layers

if TYPE_CHECKING:
    from torch.nn import Module


def layers_of(task: str, model: "Module") -> tuple[layers.Layer, ...]:
    """The layers of a Sequential of linear, convolution, ReLU, maximum and flattening layers.

    Raises UsageError for any other model, naming what is in the way.
    """
    from torch import nn

    if not isinstance(model, nn.Sequential):
        raise UsageError(
            "this task's model cannot be described layer by layer",
            advice="give the task a method `layers(model)`, or score on private sets (docs/tasks.md)",
            task=task,
            model=type(model).__name__,
        )
    return tuple(_layer(name, part) for name, part in model.named_children())


def _layer(name: str, part: "Module") -> layers.Layer:
    from torch import nn

    tensors = {"weight": f"{name}.weight", "bias": f"{name}.bias"}
    match part:
        case nn.Linear() if part.bias is not None:
            return layers.Linear(**tensors)
        case nn.Conv2d() if _plain(part):
            return layers.Conv2d(**tensors, padding=int(part.padding[0]))
        case nn.ReLU():
            return layers.Relu()
        case nn.MaxPool2d(kernel_size=int(size)) if _square(part):
            return layers.MaxPool(size=size)
        case nn.Flatten(start_dim=1, end_dim=-1):
            return layers.Flatten()
    raise UsageError(
        "this model has a layer that exact inference does not know",
        advice="use linear, conv2d (stride 1), relu, max_pool and flatten, or score on private sets",
        layer=name,
        actual=str(part),
    )


def _plain(part: Any) -> bool:
    """A convolution with a bias, stride 1, and as many zeros on every side."""
    once = (part.stride, part.dilation, part.groups, part.padding_mode) == ((1, 1), (1, 1), 1, "zeros")
    even = isinstance(part.padding, tuple) and len(set(part.padding)) == 1
    return once and even and part.bias is not None


def _square(part: Any) -> bool:
    """Pooling of squares side by side that drops what is left over."""
    return (part.stride, part.padding, part.dilation, part.ceil_mode) == (part.kernel_size, 0, 1, False)
