"""A model of plain layers as an ONNX graph, written from numpy: ranges, layers, and what outputs mean.

A table's graph takes the numbers of its columns (float64, rows × columns), as they are before they are scaled, and
scales them as training does; words become numbers before it, by the job's preparation, which the file carries as a
text. A model of images takes what its first layer takes: pixels as the job scales them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from ledger.jobs.layers import Conv2d, Flatten, Layer, Linear, MaxPool, Relu, shapes
from ledger.store import disk
from participant.integers.fixed_point import to_floats
from participant.predicting.arrays import ArrayDescription
from participant.predicting.description import Description
from participant.predicting.meaning import ClassAnswers, EachAnswers, NumberAnswers, TimeAnswers
from participant.predicting.network import layers_of
from participant.predicting.released import FoundRelease

OPSET = 18
IR_VERSION = 10
ROWS, COLUMNS, OUTPUTS = "rows", "columns", "outputs"
"""Names in a graph: of the first dimension, of a table's input, and of what the last layer makes."""


def write_onnx(
    path: Path, released: FoundRelease, description: Description | ArrayDescription | None, said: Mapping[str, str]
) -> None:
    """Write the graph, its metadata the texts `said`. Raises UsageError where onnx is not installed, or the model is no
    row of plain layers.
    """
    try:
        import onnx
    except ImportError as error:
        raise UsageError("ONNX is not installed", advice="pip install 'fedledger[export]'") from error
    told = layers_of(released.job)
    if told is None:
        raise UsageError(
            "this model is no row of plain layers, which is what is written as ONNX",
            advice="--torchscript FILE writes any model whose task is installed",
            task=released.job.task.name,
        )
    shape, layers = told
    made = shapes(shape, layers, released.job.tensors)
    graph = _Graph(released)
    _inputs(graph, shape, description)
    for layer in layers:
        graph.layer(layer)
    _answers(graph, description, made[-1])
    model = onnx.helper.make_model(
        graph.made(released.title), opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    model.producer_name = "fedledger"
    onnx.helper.set_model_props(model, dict(said))
    onnx.checker.check_model(model, full_check=True)
    disk.write_whole(path, [model.SerializeToString(deterministic=True)])


class _Graph:
    """Nodes in a row; `at` is the name of what the last one makes."""

    def __init__(self, released: FoundRelease) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy = helper, numpy_helper
        layout, model = released.job.layout, released.model
        self._values = {
            tensor.name: to_floats(tensor, model[start : start + tensor.values]).astype(np.float32)
            for tensor, start in zip(layout.tensors, layout.starts, strict=False)
        }
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._outputs: list[Any] = []
        self._inputs: list[Any] = []
        self.at = ""

    def takes(self, name: str, kind: int, shape: Sequence[int]) -> None:
        """The graph's input."""
        self._inputs.append(self._helper.make_tensor_value_info(name, kind, [ROWS, *shape]))
        self.at = name

    def gives(self, kind: int, shape: Sequence[int]) -> None:
        """One of the graph's outputs is what the last node made."""
        self._outputs.append(self._helper.make_tensor_value_info(self.at, kind, [ROWS, *shape]))

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = self._numpy.from_array(value, name)
        return name

    def node(self, kind: str, *constants: str, name: str = "", of: str = "", **attributes: Any) -> None:
        """One node more, on what the last one made, or on `of`; what it makes may be given a name."""
        made = name or f"step_{len(self._nodes) + 1}"
        self._nodes.append(self._helper.make_node(kind, [of or self.at, *constants], [made], **attributes))
        self.at = made

    def layer(self, layer: Layer) -> None:
        """A layer as the job has it."""
        match layer:
            case Relu():
                self.node("Relu")
            case Flatten():
                self.node("Flatten", axis=1)
            case MaxPool(size=size):
                self.node("MaxPool", kernel_shape=[size, size], strides=[size, size])
            case Linear(weight=weight, bias=bias):
                self.node("Gemm", *self._tensors(weight, bias), transB=1)
            case Conv2d(weight=weight, bias=bias, padding=padding):
                self.node("Conv", *self._tensors(weight, bias), pads=[padding] * 4)

    def made(self, name: str) -> Any:
        constants = list(self._constants.values())
        return self._helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants)

    def _tensors(self, *names: str) -> Iterator[str]:
        return (self.constant(name, self._values[name]) for name in names)


def _inputs(graph: _Graph, shape: Sequence[int], description: Description | ArrayDescription | None) -> None:
    from onnx import TensorProto

    if not isinstance(description, Description):
        graph.takes("inputs", TensorProto.FLOAT, shape)
        return
    graph.takes(COLUMNS, TensorProto.DOUBLE, shape)
    graph.node("Sub", graph.constant("low", description.low))
    graph.node("Div", graph.constant("range", description.high - description.low))
    graph.node("Clip", graph.constant("zero", np.array(0.0)), graph.constant("one", np.array(1.0)))
    graph.node("Mul", graph.constant("two", np.array(2.0)))
    graph.node("Sub", "one")
    graph.node("Cast", to=TensorProto.FLOAT)


def _answers(graph: _Graph, description: Description | ArrayDescription | None, size: Sequence[int]) -> None:
    """What the last layer makes, and beside it what that means."""
    from onnx import TensorProto

    graph.node("Identity", name=OUTPUTS)
    graph.gives(TensorProto.FLOAT, size)
    match description.meaning if description is not None else None:
        case ClassAnswers():
            graph.node("Softmax", name="probabilities", axis=1)
            graph.gives(TensorProto.FLOAT, size)
            graph.node("ArgMax", name="class", of=OUTPUTS, axis=1, keepdims=0)
            graph.gives(TensorProto.INT64, ())
        case EachAnswers():
            graph.node("Sigmoid", name="probabilities")
            graph.gives(TensorProto.FLOAT, size)
        case NumberAnswers(low=low, high=high):
            graph.node("Cast", to=TensorProto.DOUBLE)
            graph.node("Mul", graph.constant("half_range", (high - low) / 2))
            graph.node("Add", graph.constant("middle", (high + low) / 2), name="values")
            graph.gives(TensorProto.DOUBLE, size)
        case TimeAnswers():
            graph.node("Softplus")  # log(1 - sigmoid(x)) is -softplus(x)
            graph.node("CumSum", graph.constant("axis", np.array(1)))
            graph.node("Neg")
            graph.node("Exp", name="outlived")
            graph.gives(TensorProto.FLOAT, size)
            graph.node("ReduceMean", graph.constant("axes", np.array([1])), keepdims=0)
            graph.node("Neg")
            graph.node("Add", graph.constant("whole", np.array(1, np.float32)), name="risk")
            graph.gives(TensorProto.FLOAT, ())
