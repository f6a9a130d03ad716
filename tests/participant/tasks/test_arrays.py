"""Reading NPZ files: nothing is unpickled, nothing unpacked before its size is known."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.errors import Malformed, UsageError
from participant.tasks.data.arrays import read_npz

CLASSES = ["cat", "dog"]


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("labels", [np.array([1, 0]), np.array(["dog", "cat"]), np.array([1, 0], np.uint8)])
def test_labels_are_numbers_or_names(tmp_path: Path, labels: np.ndarray) -> None:
    arrays = read_npz(save(tmp_path, x=np.ones((2, 3), np.uint8), y=labels), (3,), CLASSES)
    assert arrays.targets.tolist() == [1, 0]
    assert arrays.values.dtype == np.float64


def test_compressed_and_column_order_arrays_are_read(tmp_path: Path) -> None:
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.savez_compressed(tmp_path / "data.npz", x=values, y=[0, 1])
    assert read_npz(tmp_path / "data.npz", (3,), CLASSES).values.tolist() == values.tolist()


X, Y = np.ones((2, 3)), np.array([0, 1])
BAD = {
    "no x": ({"y": Y}, "no array 'x'"),
    "no y": ({"x": X}, "no array 'y'"),
    "another shape": ({"x": np.ones((2, 4)), "y": Y}, "array 'x' is not what the job describes"),
    "text": ({"x": np.array([["a"] * 3] * 2), "y": Y}, "array 'x' is not what the job describes"),
    "other rows": ({"x": X, "y": np.array([0])}, "one label for each row"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "no rows"),
    "not a number": ({"x": np.array([[1, 2, 3], [1, np.nan, 3]]), "y": Y}, "missing or not a number"),
    "unknown number": ({"x": X, "y": np.array([0, 2])}, "none of the job's classes"),
    "unknown name": ({"x": X, "y": np.array(["cat", "cow"])}, "none of the job's classes"),
    "float labels": ({"x": X, "y": np.array([0.0, 1.0])}, "integers or texts"),
    "identifiers": ({"x": np.array([[1, 2, 3], [1, 2, 2**53 + 1]]), "y": Y}, "cannot be kept as it is"),
    "unsigned": ({"x": np.array([[1, 2, 2**64 - 1]] * 2, np.uint64), "y": Y}, "cannot be kept as it is"),
    "unknown case": ({"x": X, "y": np.array(["cat", "Dog"])}, "none of the job's classes"),
    "objects": ({"x": X, "y": np.array([print, 1], dtype=object)}, "never loaded"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_unclear_is_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(Malformed, match=message) as caught:
        read_npz(path, (3,), CLASSES)
    assert caught.value.facts["file"] == str(path)


def test_a_bad_value_is_named_by_row(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        read_npz(save(tmp_path, **BAD["not a number"][0]), (3,), CLASSES)
    assert caught.value.facts["row"] == 1
    assert caught.value.facts["place"] == (1,)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(Malformed, match="not an NPZ archive"):
        read_npz(tmp_path / "data.npz", (3,), CLASSES)


def test_a_header_that_promises_too_much_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 3)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(Malformed, match="too large"):
        read_npz(tmp_path / "data.npz", (3,), CLASSES)


def test_a_truncated_array_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2, 3)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(40))
    with pytest.raises(Malformed, match="truncated"):
        read_npz(tmp_path / "data.npz", (3,), CLASSES)


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too large"):
        read_npz(save(tmp_path, x=X, y=Y), (3,), CLASSES, ceiling=100)
