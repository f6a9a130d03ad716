"""Reading an NPZ file with inputs `x` and labels `y`: no pickle, and nothing is unpacked before its size is known."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.alike import hint
from participant.tasks.data.tables import MAX_BYTES, read_bytes


@dataclass(frozen=True, slots=True)
class Arrays:
    """`values` float64 n × …, `targets` int64 n (number of the class)."""

    values: NDArray[np.float64]
    targets: NDArray[np.int64]


def read_npz(path: Path, shape: tuple[int, ...], classes: Sequence[str], ceiling: int = MAX_BYTES) -> Arrays:
    """Read `x`, numbers n × `shape`, and `y`, n labels: class names, or their numbers from 0.

    Raises UsageError for a file that is not there or too large, Malformed for what it holds, naming array and row.
    """
    members = _members(path, ceiling)
    x, y = members["x"], members["y"]
    if x.dtype.kind not in "iufb" or x.shape[1:] != shape:
        raise Malformed(
            "array 'x' is not what the job describes",
            file=str(path),
            expected=f"numbers, rows × {shape}",
            actual=f"{x.dtype} {x.shape}",
        )
    if y.ndim != 1 or len(y) != len(x):
        raise Malformed("array 'y' must hold one label for each row of 'x'", file=str(path), x=x.shape, y=y.shape)
    if not len(x):
        raise Malformed("the file has no rows", file=str(path))
    values = _exactly(path, x)
    bad = ~np.isfinite(values)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise Malformed(
            "a value is missing or not a number",
            advice="fill it in or leave the row out",
            file=str(path),
            array="x",
            row=place[0],
            place=place[1:],
            value=str(values[place]),
        )
    return Arrays(values, _targets(path, y, classes))


def _exactly(path: Path, x: NDArray[Any]) -> NDArray[np.float64]:
    """As float64. Raises Malformed for the first number that has none: it would become another one."""
    with np.errstate(over="ignore"):
        values = x.astype(np.float64)
    if x.dtype.kind in "iu":
        bad = np.abs(values) >= 2.0**53
        bad[bad] = [int(value) != int(number) for value, number in zip(x[bad].flat, values[bad].flat, strict=True)]
    else:
        bad = (values != x) & ~np.isnan(x)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise Malformed(
            "a number cannot be kept as it is: no float64 holds it exactly",
            advice="identifiers are no inputs: leave the column out, or use smaller units",
            file=str(path),
            array="x",
            row=place[0],
            place=place[1:],
            value=str(x[place]),
        )
    return values


def _members(path: Path, ceiling: int) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path, ceiling))) as archive:
            return {name: _array(path, archive, name, ceiling) for name in ("x", "y")}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Malformed(f"the file is not an NPZ archive: {error}", file=str(path)) from error


def _array(path: Path, archive: zipfile.ZipFile, name: str, ceiling: int) -> NDArray[Any]:
    if f"{name}.npy" not in archive.namelist():
        raise Malformed(
            f"the file has no array {name!r}",
            advice="write it with numpy.savez(file, x=inputs, y=labels)",
            file=str(path),
            arrays=", ".join(archive.namelist())[:200],
        )
    with archive.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(member)
        if dtype.hasobject:
            raise Malformed(
                f"array {name!r} holds Python objects, which are never loaded",
                advice="save numbers, and labels as texts of fixed length",
                file=str(path),
            )
        size = prod(shape) * dtype.itemsize
        if size > ceiling:
            raise Malformed(f"array {name!r} is too large", file=str(path), size=size, maximum=ceiling)
        data = member.read(size)
    if len(data) != size:
        raise Malformed(f"array {name!r} is truncated", file=str(path), expected=size, actual=len(data))
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _targets(path: Path, y: NDArray[Any], classes: Sequence[str]) -> NDArray[np.int64]:
    if y.dtype.kind == "U":
        numbers = {name: number for number, name in enumerate(classes)}
        targets = np.array([numbers.get(str(label), -1) for label in y], np.int64)
    elif y.dtype.kind in "iu":
        targets = y.astype(np.int64)
    else:
        raise Malformed("array 'y' must hold integers or texts", file=str(path), actual=str(y.dtype))
    bad = (targets < 0) | (targets >= len(classes))
    if bad.any():
        row = int(np.argmax(bad))
        raise Malformed(
            "the label is none of the job's classes",
            file=str(path),
            array="y",
            row=row,
            advice=hint(str(y[row]), classes) or "write the classes as the job does",
            value=str(y[row])[:80],
            classes=", ".join(classes)[:300],
        )
    return targets
