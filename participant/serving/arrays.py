"""Requests to a model whose rows are arrays: a tensor for each array, as an .npz file has them."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from participant.predicting.arrays import ArrayDescription
from participant.serving.protocol import InferRequest, InputTensor, bad_value, numbers_of, rows_of, text_of

REQUEST = Path("request")


class ArrayIntake:
    """Makes of a request's tensors the integers that the model takes; of one release."""

    def __init__(self, description: ArrayDescription) -> None:
        self._description = description

    def rows(self, request: InferRequest) -> NDArray[np.int32]:
        """Integers n × the shape of an input. Raises Malformed, naming tensor and row, for what cannot be read."""
        tensors = {tensor.name: tensor for tensor in request.inputs}
        wanted = self._description.arrays
        if tensors.keys() != wanted.keys():
            raise Malformed(
                "the inputs are not the model's: a tensor for each array",
                advice="GET /v2/models/NAME lists them",
                expected=", ".join(wanted)[:300],
                actual=", ".join(tensors)[:300],
            )
        rows = rows_of(request.inputs[0])
        members = {name: _array(tensors[name], (rows, *shape)) for name, shape in wanted.items()}
        prepared = self._description.take(REQUEST, members)
        if prepared.faults:
            first = prepared.faults[0]
            raise bad_value(first.column, int(first.lines[0]), first.example, first.message)
        return self._description.rows(prepared).inputs


def _array(tensor: InputTensor, shape: tuple[int, ...]) -> NDArray[Any]:
    if tuple(tensor.shape) != shape:
        raise Malformed(
            f"tensor {tensor.name[:80]!r} has another shape", expected=list(shape), actual=str(tensor.shape)[:80]
        )
    if tensor.datatype == "BYTES":
        texts = ["" if cell is None else text_of(tensor, cell) for cell in tensor.data]
        if len(texts) != prod(shape):
            raise Malformed(f"tensor {tensor.name[:80]!r} has another number of values", expected=prod(shape))
        return np.array(texts, np.str_).reshape(shape)
    values = numbers_of(tensor, prod(shape)).reshape(shape)
    whole = tensor.name.startswith("has_") and bool(np.isin(values, (0, 1)).all())
    return values.astype(np.int64) if whole else values
