"""Arrays by a job's preparation: all reasons of all rows at once, and files that are not the job's refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.errors import Malformed
from ledger.jobs.preparation import Category, Label, Missing, Number, Preparation
from participant.tasks.data.preparing.arrays import (
    ImageShape,
    prepared_labels,
    prepared_modalities,
    read_modal_members,
    refuse,
)
from participant.tasks.data.preparing.scaling import PixelScale
from participant.tasks.ready.image import Image
from participant.tasks.ready.multimodal import Multimodal

SHAPE = ImageShape(1, 4, 4, PixelScale(255.0))
PREPARED = Preparation(
    inputs=(
        Number(column="age", low="0", high="100"),
        Number(column="dose", low="0", high="10", outside="clip", missing=Missing(by="median", value="5")),
        Category(column="ward", vocabulary=("1", "2")),
    ),
    labels=(Label(column="y", values={"0": "a", "1": "b", "2": "b"}),),
)


def written(path: Path, **other: Any) -> Path:
    arrays: dict[str, Any] = {
        "x_image": np.zeros((3, 4, 4), np.uint8),
        "x_table": np.array([[50.0, 5, 1], [20, np.nan, 2], [30, 99, 1]]),
        "has_image": np.array([1, 1, 0]),
        "has_table": np.array([1, 1, 1]),
    } | other
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def read(path: Path) -> Any:
    return prepared_modalities(path, read_modal_members(path), SHAPE, PREPARED)


def test_each_column_becomes_what_the_preparation_says(tmp_path: Path) -> None:
    found = read(written(tmp_path / "m.npz"))
    assert not found.faults
    expected = [[0, 0, 1, -1], [-0.6, 0, -1, 1], [-0.4, 1, 1, -1]]
    assert found.inputs[:, 16:20] == pytest.approx(np.array(expected), abs=1e-6)
    assert found.inputs[:, 20:].tolist() == [[1, 1], [1, 1], [0, 1]]


SETTINGS: dict[str, Any] = {"height": 4, "width": 4, "classes": ["a", "b"]}
OF_TABLE = {"columns": ["age"], "ranges": ["0:100"]}


def test_pixels_are_scaled_alike_wherever_they_are_read(tmp_path: Path) -> None:
    scaled = SETTINGS | {"pixel_mean": "0.5", "pixel_deviation": "0.25"}
    images, y = np.zeros((2, 4, 4)), np.array([0, 1])
    images[0] = 255
    np.savez(tmp_path / "i.npz", x=images, y=y)
    flags, table = np.ones(2, np.int64), np.array([[50.0], [100]])
    np.savez(tmp_path / "m.npz", x_image=images, x_table=table, has_image=flags, has_table=flags, y=y)
    alone = Image(scaled).load_data(tmp_path / "i.npz").inputs
    assert (alone.unique().tolist(), alone[0, 0, 0, 0]) == ([-2.0, 2.0], 2.0)
    task = Multimodal(scaled | OF_TABLE)
    plain = task.load_data(tmp_path / "m.npz").inputs
    by_job = task.load_prepared(tmp_path / "m.npz", Preparation(inputs=(Number(column="age", low="0", high="100"),)))
    assert plain.equal(by_job.inputs)
    assert plain[:, :16].reshape(2, 1, 4, 4).equal(alone)
    assert Image(SETTINGS).load_data(tmp_path / "i.npz").inputs.unique().tolist() == [0, 1], "as before without them"


@pytest.mark.parametrize("wrong", [{"pixel_mean": "1.5"}, {"pixel_deviation": "0"}, {"pixel_deviation": "2"}], ids=str)
def test_a_scale_that_no_pixels_have_is_refused(wrong: dict[str, str]) -> None:
    """In words that fit what was given: each is a text already."""
    with pytest.raises(Malformed, match=next(iter(wrong))) as refused:
        Image(SETTINGS | wrong)
    assert str(refused.value.facts["expected"]).startswith("a decimal number from ")
    assert "text" not in str(refused.value)


def test_what_a_flag_says_is_missing_is_not_looked_at(tmp_path: Path) -> None:
    table = np.array([[50.0, 5, 1], [np.inf, np.nan, 77], [30, 99, 1]])
    found = read(written(tmp_path / "m.npz", x_table=table, has_table=np.array([1, 0, 1])))
    assert not found.faults
    assert found.inputs[1, 16:].tolist() == [0, 0, 0, 0, 1, 0]


def test_every_reason_of_every_row_is_told_at_once(tmp_path: Path) -> None:
    image = np.zeros((3, 4, 4))
    image[0, 1, 1], image[1, 0, 0], image[2, 0, 0] = 256, np.nan, 999
    table = np.array([["50", "5", "3"], ["old", "", "2"], ["101", "9", "1"]])
    path = written(tmp_path / "m.npz", x_image=image, x_table=table)
    found = [(one.column, one.kind, one.lines.tolist()) for one in read(path).faults]
    assert found == [
        ("ward", "unknown-word", [0]), ("x_image", "other-pixel", [0]), ("age", "text-in-numbers", [1]),
        ("x_image", "not-a-number", [1]), ("age", "outside", [2]),
    ]  # fmt: skip
    with pytest.raises(Malformed) as refused:
        refuse(path, read(path).faults)
    assert refused.value.facts["rows"] == 3 and "x_image" in str(refused.value.facts["more"])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"x_image": np.zeros((3, 5, 4))}, "'x_image' is not what the job describes"),
        ({"x_table": np.zeros((3, 2))}, "'x_table' is not what the job describes"),
        ({"x_table": np.array([["1", "2"]] * 3)}, "'x_table' is not what the job describes"),
        ({"x_table": np.array([[2**53 + 1, 1, 1]] * 3)}, "no float64 holds it"),
        ({"x_table": None}, "has no array 'x_table'"),
        ({"has_image": np.array([1, 1, 3])}, "0 or 1"),
        ({"has_image": np.array([], np.int64)}, "no rows"),
        ({"columns": np.array(["age", "dose"])}, "column 'ward' is missing"),
        ({"columns": np.array(["age", "ward", "ward"])}, "column 'dose' is missing"),
        ({"columns": np.array([1, 2, 3])}, "as texts"),
    ],
)
def test_arrays_of_another_job_are_refused(tmp_path: Path, other: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read(written(tmp_path / "m.npz", **other))


def test_labels_go_by_the_map(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    assert prepared_labels(path, np.array([0, 2, 1]), ("a", "b"), PREPARED).tolist() == [0, 1, 1]
    assert prepared_labels(path, np.array(["0", "2.0"]), ("a", "b"), PREPARED).tolist() == [0, 1]
    with pytest.raises(Malformed, match="label map") as refused:
        prepared_labels(path, np.array([0, 7]), ("a", "b"), PREPARED)
    assert refused.value.facts["row"] == 1
    with pytest.raises(Malformed, match="a text or an integer"):
        prepared_labels(path, np.array([0.5]), ("a", "b"), PREPARED)
