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
    members = members_of(path, ceiling, ("x", "y"))
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
    values = exactly(path, x)
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
    return Arrays(values, targets_of(path, y, classes))


def exactly(path: Path, x: NDArray[Any], name: str = "x") -> NDArray[np.float64]:
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
            array=name,
            row=place[0],
            place=place[1:],
            value=str(x[place]),
        )
    return values


def members_of(path: Path, ceiling: int, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Arrays of an NPZ file; those of `optional` that are there. Raises as `read_npz`."""
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path, ceiling))) as archive:
            more = [name for name in optional if f"{name}.npy" in archive.namelist()]
            return {name: _array(path, archive, name, ceiling) for name in (*names, *more)}
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


def targets_of(path: Path, y: NDArray[Any], classes: Sequence[str]) -> NDArray[np.int64]:
    """Numbers of classes, from their names or numbers. Raises Malformed, naming the row."""
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


@dataclass(frozen=True, slots=True)
class Modalities:
    """Of each row an image (`images` float64 n × …) and numbers (`tables` float64 n × columns), one of which may be
    missing: `has_image`, `has_table`; what is missing is zeros. `targets` int64 n.
    """

    images: NDArray[np.float64]
    tables: NDArray[np.float64]
    has_image: NDArray[np.bool_]
    has_table: NDArray[np.bool_]
    targets: NDArray[np.int64]


def read_modalities(
    path: Path, image: tuple[int, ...], columns: int, classes: Sequence[str], ceiling: int = MAX_BYTES
) -> Modalities:
    """Read `x_image`, n × `image`, `x_table`, n × `columns`, `y`, n labels, and the flags `has_image` and `has_table`,
    n of 0 or 1 each; what stands where a flag is 0 is not looked at.

    Raises as `read_npz`, and for rows that have neither, naming the first of them.
    """
    members = members_of(path, ceiling, ("x_image", "x_table", "y", "has_image", "has_table"))
    rows = members["y"].shape[:1]
    if not rows or not rows[0]:
        raise Malformed("the file has no rows", file=str(path))
    flags = {name: flags_of(path, name, members[name], rows[0]) for name in ("has_image", "has_table")}
    neither = np.flatnonzero(~flags["has_image"] & ~flags["has_table"])
    if len(neither):
        raise Malformed(
            "rows have neither an image nor a table",
            advice="leave such rows out: nothing can be learnt of them",
            file=str(path),
            count=len(neither),
            rows=", ".join(map(str, neither[:10])),
        )
    found = {}
    for name, shape, there in (("x_image", image, flags["has_image"]), ("x_table", (columns,), flags["has_table"])):
        found[name] = _where_there(path, name, members[name], (rows[0], *shape), there)
    if members["y"].ndim != 1:
        raise Malformed("array 'y' must hold one label for each row", file=str(path), y=members["y"].shape)
    targets = targets_of(path, members["y"], classes)
    return Modalities(found["x_image"], found["x_table"], flags["has_image"], flags["has_table"], targets)


def array_member(path: Path, name: str, x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of numbers as it is. Raises Malformed for another shape, or for what holds no numbers."""
    if x.dtype.kind not in "iufb" or x.shape != shape:
        raise Malformed(
            f"array {name!r} is not what the job describes",
            file=str(path),
            expected=f"numbers {shape}",
            actual=f"{x.dtype} {x.shape}",
        )
    return x


def flags_of(path: Path, name: str, flags: NDArray[Any], rows: int) -> NDArray[np.bool_]:
    """0 or 1 for each row. Raises Malformed."""
    if flags.dtype.kind not in "iub" or flags.shape != (rows,) or not np.isin(flags, (0, 1)).all():
        raise Malformed(
            f"array {name!r} must hold 0 or 1 for each row",
            advice="write 1 where the row has it, 0 where it is missing",
            file=str(path),
            expected=f"integers ({rows},)",
            actual=f"{flags.dtype} {flags.shape}",
        )
    return flags.astype(np.bool_)


def _where_there(
    path: Path, name: str, x: NDArray[Any], shape: tuple[int, ...], there: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The numbers of the rows that have some, checked; zeros of the others."""
    array_member(path, name, x, shape)
    values = np.zeros(shape, np.float64)
    values[there] = exactly(path, x[there], name)
    bad = ~np.isfinite(values)
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise Malformed(
            "a value is missing or not a number",
            advice=f"fill it in, or write 0 in {name.replace('x_', 'has_')} for the row",
            file=str(path),
            array=name,
            row=place[0],
            place=place[1:],
            value=str(values[place]),
        )
    return values
