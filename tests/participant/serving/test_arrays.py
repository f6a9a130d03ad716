"""A request's arrays become what the same arrays in a file become, and hostile ones are refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import predicted

from ledger.errors import Malformed
from ledger.jobs.preparation import Category, Missing, Number, Preparation
from participant.predicting.arrays import ArrayDescription
from participant.predicting.describing import describe
from participant.serving.arrays import ArrayIntake
from participant.serving.protocol import InferRequest, InputTensor

SETTINGS: dict[str, Any] = {"height": 4, "width": 4, "classes": ["a", "b"]}
PREPARED = Preparation(
    inputs=(
        Number(column="age", low="0", high="100", missing=Missing(by="flag", value="50")),
        Category(column="ward", vocabulary=("A", "B")),
    )
)
COLUMNS = {"columns": [one.name for one in PREPARED.outputs], "ranges": [one.range for one in PREPARED.outputs]}


def described(task: str) -> ArrayDescription:
    preparation = PREPARED if task == "multimodal" else None
    settings = SETTINGS | (COLUMNS if preparation else {})
    found = describe(predicted.job_of(task, settings, preparation=preparation))
    assert isinstance(found, ArrayDescription)
    return found


def tensor(name: str, array: Any, kind: Any = "FP64") -> InputTensor:
    return InputTensor(name, list(np.shape(array)), kind, np.ravel(np.asarray(array, object)).tolist())


PIXELS = np.arange(32.0).reshape(2, 4, 4)
TABLE = [["50", "A"], ["", "B"]]


def modal(**other: Any) -> InferRequest:
    arrays = {
        "x_image": tensor("x_image", PIXELS),
        "x_table": tensor("x_table", TABLE, "BYTES"),
        "has_image": tensor("has_image", [1, 0]),
        "has_table": tensor("has_table", [1, 1]),
    } | other
    return InferRequest([one for one in arrays.values() if one is not None])


def test_a_request_of_images_is_read_as_a_file_is(tmp_path: Path) -> None:
    description = described("image")
    np.savez(tmp_path / "x.npz", x=PIXELS)
    made = ArrayIntake(description).rows(InferRequest([tensor("x", PIXELS)]))
    assert made.shape == (2, 1, 4, 4)
    assert np.array_equal(made, description.read(tmp_path / "x.npz").inputs)


def test_one_of_images_beside_tables_too(tmp_path: Path) -> None:
    description = described("multimodal")
    arrays = {"x_image": PIXELS, "x_table": np.array(TABLE), "has_image": np.array([1, 0]), "has_table": [1, 1]}
    np.savez(tmp_path / "x.npz", **arrays)
    made = ArrayIntake(description).rows(modal())
    assert made.shape == (2, 16 + 4 + 2)
    assert np.array_equal(made, description.read(tmp_path / "x.npz").inputs)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"x_image": None}, "a tensor for each array"),
        ({"x_image": tensor("x_image", PIXELS[:1])}, "another shape"),
        ({"x_image": InputTensor("x_image", [2, 4, 4], "FP64", [0] * 31)}, "has not the numbers"),
        ({"x_image": tensor("x_image", PIXELS * 100)}, "brighter"),
        ({"x_image": tensor("x_image", [[[None] * 4] * 4] * 2)}, "missing"),
        ({"x_image": tensor("x_image", PIXELS, "BYTES")}, "not what the job describes"),
        ({"x_table": tensor("x_table", [["50", "C"], ["1", "A"]], "BYTES")}, "vocabulary"),
        ({"x_table": tensor("x_table", [["500", "A"], ["1", "A"]], "BYTES")}, "range"),
        ({"x_table": InputTensor("x_table", [2, 2], "BYTES", ["1", "A", "2"])}, "number of values"),
        ({"x_table": InputTensor("x_table", [2, 2], "BYTES", ["1", "A", "2", ["B"]])}, "neither text nor number"),
        ({"has_image": tensor("has_image", [1, 2])}, "0 or 1"),
        ({"has_table": tensor("has_table", [1, 0])}, "neither an image nor a table"),
        ({"has_table": tensor("has_table", [])}, "another shape"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(other: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        ArrayIntake(described("multimodal")).rows(modal(**other))
