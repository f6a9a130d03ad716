"""Rows in arrays by a job's preparation: images, and beside them the columns of a table, which an array has by name.

The one way from an .npz file to what `image` and `multimodal` predict from, and, where a job has a preparation, to what
`multimodal` trains on. What cannot be read is listed with every reason, by row from 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.text import listed
from ledger.jobs.preparation import Preparation
from participant.tasks.data.arrays import array_member, exactly, flags_of, members_of, targets_of
from participant.tasks.data.columns import class_cell
from participant.tasks.data.preparing.columns import LabelColumn, NumberColumn, PreparedColumn, Source, column_of
from participant.tasks.data.preparing.faults import Faults, RowFault, by_line
from participant.tasks.data.preparing.scaling import PixelScale, scaled_inputs
from participant.tasks.data.sources.columns_file import Column, TableReading
from participant.tasks.data.tables import MAX_BYTES, why_missing

Floats = NDArray[np.float64]
Members = Mapping[str, NDArray[Any]]
IMAGE, TABLE, COLUMNS = "x_image", "x_table", "columns"
MODALITIES = (IMAGE, TABLE, "has_image", "has_table")
MISSING_PIXEL = ("a value is missing or not a number", "fill it in, or leave the row out")
OTHER_PIXEL = ("a pixel is brighter than the job's `brightest`, or negative", "correct it, or its unit")
NEITHER = ("a row has neither an image nor a table", "leave such rows out: nothing can be said of them")
SHOWN = 10


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Images of a job: channels × height × width, and how pixels are scaled."""

    channels: int
    height: int
    width: int
    pixels: PixelScale

    @property
    def of_a_row(self) -> tuple[int, ...]:
        """As a file has them: one channel needs no dimension of its own."""
        return (self.height, self.width) if self.channels == 1 else (self.channels, self.height, self.width)

    @property
    def of_an_input(self) -> tuple[int, ...]:
        """As the network takes them."""
        return self.channels, self.height, self.width


@dataclass(frozen=True, slots=True)
class PreparedArrays:
    """All rows of a file, in its order: `inputs` float32 n × …, as a network takes them, `values` float64 n × …, as a
    row's leaf has them. Rows with `faults` mean nothing.
    """

    inputs: NDArray[np.float32]
    values: Floats
    faults: tuple[RowFault, ...]


def refuse(path: Path, faults: Sequence[RowFault]) -> None:
    """Raise Malformed where rows cannot be read, with all reasons at once."""
    if not faults:
        return
    first = faults[0]
    more = [f"{one.column}: {one.message} ({one.lines.size} rows)" for one in faults[1:SHOWN]]
    raise Malformed(
        first.message,
        advice=first.advice,
        file=str(path),
        column=first.column,
        row=int(first.lines[0]),
        value=repr(first.example),
        rows=len(by_line(faults)),
        **({"more": "; ".join(more)} if more else {}),
    )


def read_members(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file. Raises as `participant.tasks.data.arrays.read_npz`."""
    return members_of(path, MAX_BYTES, names, optional)


def prepared_images(path: Path, members: Members, shape: ImageShape) -> PreparedArrays:
    """Images alone: `x`, n × height × width, or n × channels × height × width. Raises Malformed for another shape."""
    faults = Faults()
    values = _images(path, "x", members, shape, None, faults)
    inputs = shape.pixels.scaled(values).reshape(-1, *shape.of_an_input)
    return PreparedArrays(inputs, values, faults.found())


def prepared_modalities(path: Path, members: Members, shape: ImageShape, preparation: Preparation) -> PreparedArrays:
    """Images beside a table: `x_image`, `x_table` n × columns, whose names are in `columns` or else the preparation's
    in its order, and the flags `has_image` and `has_table`. Inputs are pixels, prepared numbers, and both flags.

    Raises Malformed for arrays of another shape, and for a column that is not there.
    """
    rows = len(members["has_image"]) if members["has_image"].ndim else 0
    if not rows:
        raise Malformed("the file has no rows", file=str(path))
    image, table = (flags_of(path, name, members[name], rows) for name in ("has_image", "has_table"))
    faults = Faults()
    faults.add("neither", "", np.flatnonzero(~image & ~table), "0, 0", NEITHER)
    images = _images(path, IMAGE, members, shape, image, faults).reshape(rows, -1)
    tables = _table(path, members, preparation, table, faults)
    flags = np.stack([image, table], 1)
    numbers = np.where(flags[:, 1:], scaled_inputs(preparation, tables), np.float32(0))
    inputs = np.hstack([shape.pixels.scaled(images), numbers, flags.astype(np.float32)])
    return PreparedArrays(inputs, np.hstack([images, tables, flags.astype(np.float64)]), faults.found())


def prepared_labels(path: Path, y: NDArray[Any], classes: Sequence[str], preparation: Preparation) -> NDArray[np.int64]:
    """Classes of the array `y`, by the preparation's label map of `y` where there is one. Raises Malformed, naming the
    row.
    """
    label = next((one for one in preparation.labels if one.column == "y"), None)
    if label is None:
        return targets_of(path, y, classes)
    if y.dtype.kind not in "Uiu":
        raise Malformed("array 'y' must hold a text or an integer for each row", file=str(path), actual=str(y.dtype))
    words = pl.Series("y", [str(one) for one in y.tolist()], pl.String)
    made = LabelColumn("y", class_cell(classes), label, _source("y")).add(words)
    faults = Faults()
    for fault in made.faults:
        faults.add(fault.kind, "y", np.flatnonzero(fault.rows), fault.example, fault.words)
    refuse(path, faults.found())
    return made.values[:, 0].astype(np.int64)


def _images(
    path: Path, name: str, members: Members, shape: ImageShape, there: NDArray[np.bool_] | None, faults: Faults
) -> Floats:
    """Pixels, zeros where there is no image; what is wrong with them goes into `faults`."""
    rows = len(members[name]) if there is None else len(there)
    x = array_member(path, name, members[name], (rows, *shape.of_a_row))
    values = np.zeros(x.shape, np.float64)
    at = np.arange(rows) if there is None else np.flatnonzero(there)
    values[at] = exactly(path, x[at], name)
    flat = values.reshape(rows, -1)
    missing = ~np.isfinite(flat)
    _fault(faults, "not-a-number", name, flat, missing, MISSING_PIXEL)
    _fault(faults, "other-pixel", name, flat, ~missing & ((flat < 0) | (flat > shape.pixels.brightest)), OTHER_PIXEL)
    return np.where(missing.reshape(values.shape), 0.0, values)


def _fault(
    faults: Faults, kind: str, name: str, values: Floats, bad: NDArray[np.bool_], words: tuple[str, str]
) -> None:
    if bad.any():
        faults.add(kind, name, np.flatnonzero(bad.any(axis=1)), str(values[bad][0]), words)


def _table(path: Path, members: Members, preparation: Preparation, there: NDArray[np.bool_], faults: Faults) -> Floats:
    names = _names(path, members, preparation)
    x = members[TABLE]
    texts = x.dtype.kind == "U"
    if not texts:
        x = exactly(path, array_member(path, TABLE, x, (len(there), len(names))), TABLE)
    elif x.shape != (len(there), len(names)):
        raise Malformed(
            f"array {TABLE!r} is not what the job describes",
            file=str(path),
            expected=f"numbers or texts {(len(there), len(names))}",
            actual=f"{x.dtype} {x.shape}",
        )
    values = np.zeros((len(there), len(preparation.outputs)))
    at = np.flatnonzero(there)
    if at.size:
        values[at] = np.hstack(list(_columns(preparation, x[at], names, at, faults)))
    return values


def _columns(
    preparation: Preparation, x: NDArray[Any], names: Sequence[str], at: NDArray[np.int64], faults: Faults
) -> Iterator[Floats]:
    for one in preparation.inputs:
        preparer, cells = column_of(one, _source(one.column)), x[:, names.index(one.column)]
        if cells.dtype.kind != "U" and isinstance(preparer, NumberColumn):
            made: PreparedColumn = preparer.take(cells.astype(np.float64))
        else:
            made = preparer.take_texts([_text(cell) for cell in cells.tolist()])
        for fault in made.faults:
            faults.add(fault.kind, one.column, at[fault.rows], fault.example, fault.words)
        yield made.values


def _names(path: Path, members: Members, preparation: Preparation) -> list[str]:
    """What the columns of `x_table` are called."""
    if COLUMNS not in members:
        return list(preparation.columns)
    found = members[COLUMNS]
    if found.ndim != 1 or found.dtype.kind != "U":
        raise Malformed(
            f"array {COLUMNS!r} must hold the names of the columns of {TABLE!r}, as texts",
            file=str(path),
            actual=f"{found.dtype} {found.shape}",
        )
    names = [str(name) for name in found.tolist()]
    wrong = [name for name in preparation.columns if names.count(name) != 1]
    if wrong:
        raise Malformed(
            f"column {wrong[0]!r} is missing in array {COLUMNS!r}, or stands there twice",
            advice=why_missing(names, wrong[0]),
            file=str(path),
            columns=listed(names)[:300],
        )
    return names


def _source(name: str) -> Source:
    return Source(Column(name), TableReading(), False)


def _text(cell: Any) -> str:
    """A cell as a table would have it: a whole number without a point, nothing for one that is not a number."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and not cell.is_integer():
        return "" if isnan(cell) else repr(cell)
    return str(int(cell))


read_image_members = partial(read_members, names=("x",))
read_modal_members = partial(read_members, names=MODALITIES, optional=(COLUMNS,))
