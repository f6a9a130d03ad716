"""The network of a job: its layers without torch where the document tells them, the task's own code else.

Layers that a job commits to (docs/spec/scores.md) are taken from it; those of the ready tasks follow from the names of
their tensors. Both run as exact integers, by the function that auditors of scores run (`ledger.scores.inference`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ledger.errors import UsageError
from ledger.formats.artifact import Tensor
from ledger.jobs.document import Job, Setting
from ledger.jobs.layers import Conv2d, Flatten, Layer, Linear, MaxPool, Relu
from ledger.jobs.scores import committed_set
from ledger.scores.inference import FRACTION_BITS, HIGHEST, NeuralNetwork
from participant.predicting.arrays import image_shape
from participant.tasks.settings import Settings

Ints = NDArray[np.int32]
Sums = NDArray[np.int64]
PERCEPTRONS = frozenset({("tabular", "1"), ("regression", "1"), ("survival", "1"), ("sklearn", "1")})
"""Ready tasks, and their versions, whose networks are linear layers with ReLUs between them
(`participant/tasks/ready/towers.py`)."""
TRUNK = "trunk."
_NAME = re.compile(r"(0|[1-9][0-9]*)\.(bias|weight)")


class RowNetwork(Protocol):
    """Rows in, outputs out: both integers with 16 fraction bits. `exact` says that they are the same everywhere."""

    exact: bool

    def outputs(self, inputs: Ints) -> Sums:
        """Outputs n × … of inputs n × …"""


class LayeredNetwork:
    """A model of plain layers, run in exact integers."""

    exact = True

    def __init__(self, network: NeuralNetwork, model: Ints) -> None:
        self.network, self.model = network, model

    def outputs(self, inputs: Ints) -> Sums:
        return self.network.outputs(self.model, inputs)


class TaskNetwork:
    """A model that the task's own code runs, in float32: outputs may differ in their last bits between machines."""

    exact = False

    def __init__(self, job: Job, model: Ints) -> None:
        """Raises UsageError where task or torch are not installed, or the task is another one than the job approved."""
        from participant.tasks.discovery import require
        from participant.tasks.sharing import load_shared

        task = require(job.task).create(job.task.settings)
        self.module = task.build_model(job.initial_model.seed)
        load_shared(task, self.module, job.layout, model)

    def outputs(self, inputs: Ints) -> Sums:
        """Raises UsageError where an output is not a number, which says nothing of its row."""
        import torch

        from participant.tasks.classification import outputs_of

        scaled = torch.from_numpy(np.ldexp(inputs.astype(np.float64), -FRACTION_BITS)).float()
        made = outputs_of(self.module, scaled).double().numpy()
        if np.isnan(made).any():
            raise UsageError(
                "the model's outputs are not numbers",
                advice="do not use it; ask the members to revoke it: fedledger release revoke --help",
                rows=int(np.isnan(made.reshape(len(made), -1)).any(axis=1).sum()),
            )
        whole: Sums = np.clip(np.rint(made * (1 << FRACTION_BITS)), -HIGHEST, HIGHEST).astype(np.int64)
        return whole


def layers_of(job: Job) -> tuple[tuple[int, ...], tuple[Layer, ...]] | None:
    """The shape of one input, and the layers, where the job tells them; None where only the task's code knows."""
    committed = committed_set(job.scoring)
    if committed is not None:
        return committed.shape, committed.layers
    match job.task.name, job.task.version:
        case ("multitask", "1"):
            return _trunk_and_head(job.tensors)
        case ("image", "1"):
            return _convolutions(job.task.settings)
        case known if known in PERCEPTRONS:
            return _perceptron(job.tensors)
    return None


def network_of(job: Job, model: Ints, inputs: tuple[int, ...]) -> RowNetwork:
    """The network of a job over a model's integers; a row makes `inputs` of that shape.

    Raises UsageError where neither its layers are told nor its task can run here, Malformed where layers do not fit.
    """
    told = layers_of(job)
    if told is None:
        return TaskNetwork(job, model)
    shape, layers = told
    if shape != inputs:
        raise UsageError("the network takes other inputs than the job's rows make", expected=shape, actual=inputs)
    return LayeredNetwork(NeuralNetwork(shape, layers, job.layout), model)


def _perceptron(tensors: Sequence[Tensor]) -> tuple[tuple[int, ...], tuple[Layer, ...]] | None:
    """Linear layers by the number in their names, ReLUs between them; None where a tensor is something else."""
    found = {tensor.name: tensor for tensor in tensors}
    if any(not _NAME.fullmatch(name) for name in found):
        return None
    numbers = sorted({int(name.partition(".")[0]) for name in found})
    if not numbers or any(f"{number}.{part}" not in found for number in numbers for part in ("weight", "bias")):
        return None
    if numbers != list(range(0, 2 * len(numbers), 2)):
        return None  # batch normalisation has numbers of its own
    first = found["0.weight"].shape
    layers: list[Layer] = []
    for number in numbers:
        layers += [Linear(weight=f"{number}.weight", bias=f"{number}.bias"), Relu()]
    return ((first[1],), tuple(layers[:-1])) if len(first) == 2 else None


def _trunk_and_head(tensors: Sequence[Tensor]) -> tuple[tuple[int, ...], tuple[Layer, ...]] | None:
    """The perceptron of `multitask`: a trunk that ends in a ReLU, and the head."""
    trunk = [replace(one, name=one.name.removeprefix(TRUNK)) for one in tensors if one.name.startswith(TRUNK)]
    found = _perceptron(trunk)
    if found is None or {one.name for one in tensors if not one.name.startswith(TRUNK)} != {"head.weight", "head.bias"}:
        return None
    shape, layers = found
    named = [
        Linear(weight=TRUNK + one.weight, bias=TRUNK + one.bias) if isinstance(one, Linear) else one for one in layers
    ]
    return shape, (*named, Relu(), Linear(weight="head.weight", bias="head.bias"))


def _convolutions(settings: Mapping[str, Setting]) -> tuple[tuple[int, ...], tuple[Layer, ...]] | None:
    """The layers of `image` where it is plain (`participant/tasks/ready/towers.py`): no residual blocks, and no
    normalisation.
    """
    if settings.get("model", "cnn") != "cnn" or settings.get("norm", "none") != "none":
        return None
    layers: list[Layer] = []
    for number in ("0", "3"):
        layers += [Conv2d(weight=f"{number}.weight", bias=f"{number}.bias", padding=1), Relu(), MaxPool(size=2)]
    shape = image_shape(Settings("image", settings)).of_an_input
    return shape, (*layers, Flatten(), Linear(weight="7.weight", bias="7.bias"))
