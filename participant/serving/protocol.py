"""The documents of the Open Inference Protocol, version 2, in JSON: requests read strictly, answers written.

A request has either one tensor `inputs`, rows × what a row becomes (numbers before they are scaled), or a tensor for
each of the table's columns: numbers as numbers or texts, words as texts (BYTES), null where there is no value. Of a
model of arrays it has a tensor for each of them (`participant.serving.arrays`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.jobs.preparation import Number, outputs_of
from participant.predicting.arrays import ArrayDescription
from participant.predicting.description import Description
from participant.predicting.meaning import Tensors
from participant.predicting.predictor import Predictor
from participant.tasks.data.preparing.columns import (
    CategoryColumn,
    NumberColumn,
    PreparedColumn,
    Source,
    column_of,
)
from participant.tasks.data.sources.columns_file import Column, TableReading

MAX_ROWS = 10_000
MAX_TENSORS = 32_768
INPUTS = "inputs"
NUMBERS = frozenset(
    {"FP16", "FP32", "FP64", "BOOL", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))}
)
Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]


class InputTensor(msgspec.Struct, forbid_unknown_fields=True):
    """One input."""

    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct, forbid_unknown_fields=True):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A request for predictions; without `outputs` all are given."""

    inputs: list[InputTensor]
    outputs: list[WantedOutput] = []
    id: str = ""
    parameters: dict[str, Any] = {}


_DECODER = msgspec.json.Decoder(InferRequest)


def read_request(body: bytes) -> InferRequest:
    """Parse a request. Raises Malformed."""
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(
            f"this cannot be read as an inference request: {str(error)[:200]}", advice="see docs/predict.md"
        ) from error
    if not 0 < len(found.inputs) <= MAX_TENSORS or len(found.id) > 200:
        raise Malformed(
            "a request has inputs, and an id of 200 signs at most", advice="send fewer", inputs=len(found.inputs)
        )
    for what, names in (("input", [one.name for one in found.inputs]), ("output", [one.name for one in found.outputs])):
        if len(set(names)) != len(names):
            raise Malformed(f"an {what} is named twice", advice="name each once", actual=len(names))
    return found


class Intake:
    """Makes of a request's tensors the integers that the model takes; of one release."""

    def __init__(self, description: Description) -> None:
        self._description = description
        inputs = description.preparation.inputs
        self._columns: dict[str, NumberColumn | CategoryColumn] = {
            one.column: column_of(one, Source(Column(one.column), TableReading(), False)) for one in inputs
        }
        outside = {one.column: getattr(one, "outside", "refuse") for one in inputs}
        self._clips = np.array([outside[output.column] == "clip" for output in description.preparation.outputs])
        self._plain = PlainCells(description, self._columns)

    def rows(self, request: InferRequest) -> NDArray[np.int32]:
        """Integers n × what a row becomes. Raises Malformed, naming tensor and row, for what cannot be read."""
        tensors = {tensor.name: tensor for tensor in request.inputs}
        if list(tensors) == [INPUTS] and INPUTS not in self._columns:
            return self._description.integers(self._matrix(request.inputs[0]))
        if tensors.keys() != self._columns.keys():
            raise Malformed(
                f"the inputs are not the model's: one tensor {INPUTS!r}, or one for each column",
                advice="GET /v2/models/NAME lists them",
                expected=", ".join(self._columns)[:300],
                actual=", ".join(tensors)[:300],
            )
        rows = rows_of(request.inputs[0])
        values = self._plain.values(tensors, rows)
        if values is None:
            values = np.hstack([self._column(tensors[name], rows) for name in self._columns])
        return self._description.integers(values)

    def _matrix(self, tensor: InputTensor) -> NDArray[np.float64]:
        description = self._description
        rows, width = rows_of(tensor), len(description.names)
        if tensor.datatype not in NUMBERS or tensor.shape != [rows, width]:
            raise Malformed(
                f"tensor {INPUTS!r} is rows × {width} numbers", actual=f"{tensor.datatype} {tensor.shape}"[:200]
            )
        values = numbers_of(tensor, rows * width).reshape(rows, width)
        outside = ~((values >= description.low) & (values <= description.high))
        bad = outside & ~(self._clips & np.isfinite(values))
        if bad.any():
            row, place = (int(index) for index in np.argwhere(bad)[0])
            raise bad_value(description.names[place], row, values[row, place], "outside its range, or not a number")
        return values

    def _column(self, tensor: InputTensor, rows: int) -> NDArray[np.float64]:
        if tensor.shape not in ([rows], [rows, 1]):
            raise Malformed(f"tensor {tensor.name[:80]!r} has another shape", expected=[rows], actual=tensor.shape[:8])
        made = self._prepared(self._columns[tensor.name], tensor, rows)
        for fault in made.faults:
            raise bad_value(tensor.name, int(np.argmax(fault.rows)), fault.example, fault.kind.replace("-", " "))
        return made.values

    @staticmethod
    def _prepared(column: NumberColumn | CategoryColumn, tensor: InputTensor, rows: int) -> PreparedColumn:
        if isinstance(column, NumberColumn) and tensor.datatype in NUMBERS:
            return column.take(numbers_of(tensor, rows))
        cells = _flat(tensor.data)
        texts = ["" if cell is None else text_of(tensor, cell) for cell in cells]
        if len(texts) != rows:
            raise Malformed(
                f"tensor {tensor.name[:80]!r} has another number of values", expected=rows, actual=len(texts)
            )
        return column.take_texts(texts)


class PlainCells:
    """The short way for rows of which every cell is as plain as can be: a number within its range that is no sentinel,
    or a word of the vocabulary, as it stands there. Words become what their columns make of them.
    """

    def __init__(self, description: Description, columns: Mapping[str, NumberColumn | CategoryColumn]) -> None:
        self._width, at = len(description.names), 0
        self._numbers: list[tuple[str, int]] = []
        self._sentinels: list[tuple[int, float]] = []
        self._words: list[tuple[str, slice, dict[str, NDArray[np.float64]]]] = []
        for one in description.preparation.inputs:
            column, size = columns[one.column], sum(1 for _ in outputs_of(one))
            if isinstance(one, Number):
                self._numbers.append((one.column, at))
                self._sentinels += [(at, float(sentinel)) for sentinel in one.sentinels]
            else:
                made = {word: column.take_texts([word]) for word in one.vocabulary}
                known = {word: prepared.values[0] for word, prepared in made.items() if not prepared.faults}
                self._words.append((one.column, slice(at, at + size), known))
            at += size
        places = [place for _, place in self._numbers]
        self._places, self._low, self._high = places, description.low[places], description.high[places]

    def values(self, tensors: Mapping[str, InputTensor], rows: int) -> NDArray[np.float64] | None:
        """Numbers n × what a row becomes; None where a cell is not as plain as that, or a tensor not of its shape."""
        if any(tensor.shape != [rows] or len(tensor.data) != rows for tensor in tensors.values()):
            return None
        values = np.zeros((rows, self._width))
        for name, place in self._numbers:
            data = tensors[name].data
            if tensors[name].datatype not in NUMBERS or any(type(cell) not in _PLAIN for cell in data):
                return None
            try:
                values[:, place] = data
            except OverflowError:
                return None
        for name, places, known in self._words:
            try:
                values[:, places] = [known[cell] for cell in tensors[name].data]
            except (KeyError, TypeError):
                return None
        numbers = values[:, self._places]
        if ((numbers < self._low) | (numbers > self._high)).any():
            return None
        return None if any((values[:, place] == sentinel).any() for place, sentinel in self._sentinels) else values


def rows_of(tensor: InputTensor) -> int:
    """How many rows a tensor has. Raises Malformed for none, or too many."""
    rows = tensor.shape[0] if tensor.shape else 0
    if not 0 < rows <= MAX_ROWS:
        raise Malformed("a request has at least one row, and not too many", maximum=MAX_ROWS, actual=rows)
    return rows


def _flat(data: Sequence[Any]) -> list[Any]:
    """Nested lists, one level deep at most, as one; what is nested otherwise stays, and is no value."""
    if data and all(isinstance(row, list) for row in data):
        return [cell for row in data for cell in row]
    return list(data)


def numbers_of(tensor: InputTensor, count: int) -> NDArray[np.float64]:
    """A tensor's values; NaN for null. Raises Malformed for another number of them, or for what is not a number."""
    cells = _flat(tensor.data)
    if any(type(cell) not in _NUMERIC for cell in cells) or len(cells) != count:
        raise Malformed(
            f"tensor {tensor.name[:80]!r} has not the numbers of its shape", expected=count, actual=len(cells)
        )
    try:
        return np.array(cells, np.float64)  # None becomes NaN
    except OverflowError as error:
        raise Malformed(f"tensor {tensor.name[:80]!r} has a number that no float64 holds") from error


_PLAIN = frozenset({int, float})
_NUMERIC = frozenset({int, float, bool, type(None)})


def text_of(tensor: InputTensor, cell: object) -> str:
    """A cell as a text. Raises Malformed for something else than a text or a number."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return repr(cell)
    raise Malformed(f"tensor {tensor.name[:80]!r} has something that is neither text nor number", actual=str(cell)[:80])


def bad_value(name: str, row: int, value: object, why: str) -> Malformed:
    """The error that a value of a request cannot be read."""
    return Malformed(
        f"input {name[:80]!r} cannot be read: {why}",
        advice="correct the value; the job says ranges and words: GET /v2/models/NAME",
        row=row,
        value=str(value)[:80],
    )


def answer(request: InferRequest, predictor: Predictor, answers: Tensors, block: int | None) -> dict[str, Any]:
    """The response. Raises Malformed where an output is asked for that the model does not have."""
    wanted = [one.name for one in request.outputs] or list(answers)
    unknown = sorted(set(wanted) - set(answers))
    if unknown:
        raise Malformed(f"the model has no output {unknown[0][:80]!r}", expected=", ".join(answers))
    released = predictor.released
    said = {"release": released.release, "root": released.root.hex(), "job_digest": released.job.digest.hex()}
    return {
        "model_name": released.name,
        "model_version": released.version,
        **({"id": request.id} if request.id else {}),
        "parameters": {**said, "checked_at_block": block},
        "outputs": [_output(name, answers[name]) for name in wanted],
    }


def _output(name: str, values: NDArray[Any]) -> dict[str, Any]:
    kind = "FP64" if values.dtype.kind == "f" else "BYTES"
    return {"name": name, "shape": list(values.shape), "datatype": kind, "data": values.ravel().tolist()}


def metadata(predictor: Predictor) -> dict[str, Any]:
    """What GET /v2/models/NAME says: inputs by column, outputs, and what the release is."""
    released, description = predictor.released, predictor.description
    inputs, prepared = _inputs(description)
    outputs = [
        {"name": name, "datatype": "BYTES" if name == "class" else "FP64", "shape": _shape(name, columns)}
        for name, columns in description.meaning.fields.items()
    ]
    use = released.job.permitted_use
    return {
        "name": released.name,
        "versions": [released.version],
        "platform": "fedledger",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": {
            **released.document(),
            "exact": predictor.network.exact,
            **prepared,
            "columns": {name: list(columns) for name, columns in description.meaning.fields.items()},
            "preparation": msgspec.to_builtins(description.preparation) if description.preparation else None,
            "permitted_use": msgspec.to_builtins(use) if use is not None else None,
        },
    }


def _inputs(description: Description | ArrayDescription) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The tensors of a request, and what rows of a table may be prepared to instead."""
    if isinstance(description, ArrayDescription):
        arrays = description.arrays.items()
        return [{"name": name, "datatype": "FP64", "shape": [-1, *shape]} for name, shape in arrays], {}
    columns = [
        {"name": one.column, "datatype": "FP64" if one.__struct_config__.tag == "number" else "BYTES", "shape": [-1]}
        for one in description.preparation.inputs
    ]
    names = list(description.names)
    prepared = {"name": INPUTS, "datatype": "FP64", "shape": [-1, len(names)]}
    return columns, {"prepared_inputs": prepared, "prepared_names": names}


def _shape(name: str, columns: Sequence[str]) -> list[int]:
    return [-1] if tuple(columns) == (name,) else [-1, len(columns)]
