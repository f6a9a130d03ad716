"""An image and a row of numbers: both are learnt from, either may be missing, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.training import context  # noqa: E402

from ledger.errors import Malformed  # noqa: E402
from participant.tasks.ready.multimodal import Multimodal  # noqa: E402

pytestmark = pytest.mark.node
SETTINGS: dict[str, Any] = {
    "height": 8,
    "width": 8,
    "filters": ["4", "4"],
    "norm": "group",
    "groups": 2,
    "brightest": "1",
    "columns": ["age", "oxygen"],
    "ranges": ["0:100", "50:100"],
    "features": 6,
    "classes": ["home", "ward"],
    "learning_rate": "0.2",
    "batch_size": 16,
    "epochs": 60,
}


def arrays(rows: int = 96, missing: float = 0.25, seed: int = 1) -> dict[str, Any]:
    """The image tells of one half of the class, the table of the other; a quarter of each is missing."""
    random = np.random.default_rng(seed)
    shade, oxygen = random.uniform(0, 1, rows), random.uniform(0, 1, rows)
    lost = random.random(rows) < missing
    image = random.uniform(0, 0.2, (rows, 8, 8)) + 0.8 * shade[:, None, None]
    table = np.stack([random.uniform(20, 90, rows), 50 + 50 * oxygen], 1)
    has_image, has_table = ~lost, ~(~lost & (random.random(rows) < missing))
    image[~has_image], table[~has_table] = np.nan, np.nan
    seen = np.where(has_image, shade, 0.5) - np.where(has_table, oxygen, 0.5)
    flags = {"has_image": has_image, "has_table": has_table}
    return {"x_image": image, "x_table": table, "y": (seen > 0).astype(np.int64), **flags}


def write(path: Path, **changed: Any) -> Path:
    np.savez(path, **{name: one for name, one in (arrays() | changed).items() if one is not None})
    return path


def trained(task: Any, data: Any) -> Any:
    model = task.build_model(1)
    task.train(model, data, context(task, model))
    return model


@pytest.mark.parametrize("missing", ["learnt", "zero"])
def test_both_are_learnt_from_and_either_may_be_missing(tmp_path: Path, missing: str) -> None:
    task = Multimodal(SETTINGS | {"missing": missing})
    data = task.load_data(write(tmp_path / "data.npz"))
    model = trained(task, data)
    assert task.evaluate(model, data)["accuracy"] > 0.85
    assert ("no_image" in model.state_dict()) == (missing == "learnt")
    without_image = data.inputs.clone()
    without_image[:, :64], without_image[:, -2] = 0, 0
    assert not torch.allclose(model(data.inputs), model(without_image)), "the image says something"
    if missing == "learnt":
        assert model.no_image.abs().sum() > 0, "what stands in for an image is trained"


def test_what_stands_where_nothing_is_plays_no_part(tmp_path: Path) -> None:
    task, first = Multimodal(SETTINGS), arrays()
    other = {name: one.copy() for name, one in first.items()}
    other["x_image"][~first["has_image"]], other["x_table"][~first["has_table"]] = 7.0, -1e9
    loaded = [task.load_data(write(tmp_path / f"{name}.npz", **one)) for name, one in (("a", first), ("b", other))]
    assert torch.equal(loaded[0].inputs, loaded[1].inputs)
    assert loaded[0].leaves == loaded[1].leaves
    assert len(set(loaded[0].leaves)) == 96


def test_a_stand_in_moves_only_rows_that_lack_what_it_stands_for(tmp_path: Path) -> None:
    task = Multimodal(SETTINGS)
    data, model = task.load_data(write(tmp_path / "data.npz")), task.build_model(1)
    before = model(data.inputs)
    with torch.no_grad():
        model.no_image.add_(1.0)
    moved = (model(data.inputs) - before).abs().sum(1) > 1e-6
    assert torch.equal(moved, data.inputs[:, -2] == 0)


def test_parts_and_all_together_are_the_rows(tmp_path: Path) -> None:
    task = Multimodal(SETTINGS)
    data = task.load_data(write(tmp_path / "data.npz"))
    halves = [task.part(data, range(start, 96, 2)) for start in (0, 1)]
    assert sorted(task.join(halves).leaves) == sorted(data.leaves)
    counts = task.counts(task.build_model(1), data)
    assert counts is not None
    assert counts.rows == 96


GOOD = arrays()
FLAG = GOOD["has_image"].astype(np.int64)


def changed(name: str, place: Any, value: Any) -> Any:
    array = GOOD[name].astype(np.float64 if name.startswith("x") else np.int64)
    array[place] = value
    return array


WITH_IMAGE, WITH_TABLE = (int(np.flatnonzero(GOOD[name])[3]) for name in ("has_image", "has_table"))
WITHOUT = np.flatnonzero(~GOOD["has_image"])[:3]


@pytest.mark.parametrize(
    ("arrays_", "message"),
    [
        ({"has_table": changed("has_table", WITHOUT, 0)}, "neither an image nor a table"),
        ({"has_image": None}, "no array 'has_image'"),
        ({"has_image": changed("has_image", 0, 2)}, "'has_image' must hold 0 or 1"),
        ({"has_image": FLAG[:-1]}, "'has_image' must hold 0 or 1"),
        ({"has_image": FLAG.astype(np.float64)}, "'has_image' must hold 0 or 1"),
        ({"x_image": GOOD["x_image"][:, :7]}, "'x_image' is not what the job describes"),
        ({"x_table": GOOD["x_table"][:, :1]}, "'x_table' is not what the job describes"),
        ({"x_table": GOOD["x_table"][:-1]}, "'x_table' is not what the job describes"),
        ({"x_image": changed("x_image", (WITH_IMAGE, 2, 2), np.nan)}, "missing or not a number"),
        ({"x_table": changed("x_table", (WITH_TABLE, 1), np.inf)}, "missing or not a number"),
        ({"x_image": changed("x_image", (WITH_IMAGE, 0, 0), 1.5)}, "brighter than"),
        ({"x_table": changed("x_table", (WITH_TABLE, 1), 101)}, "outside the range"),
        ({"y": GOOD["y"] + 1}, "none of the job's classes"),
        ({"y": GOOD["y"][:0]}, "no rows"),
        ({"y": np.stack([GOOD["y"]] * 2, 1)}, "one label for each row"),
    ],
)
def test_bad_arrays_are_named(tmp_path: Path, arrays_: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        Multimodal(SETTINGS).load_data(write(tmp_path / "bad.npz", **arrays_))
    assert caught.value.facts["file"]


def test_rows_with_nothing_are_named_by_their_places(tmp_path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        Multimodal(SETTINGS).load_data(write(tmp_path / "bad.npz", has_table=changed("has_table", WITHOUT, 0)))
    assert caught.value.facts["rows"] == ", ".join(map(str, WITHOUT))
    with pytest.raises(Malformed) as caught:
        Multimodal(SETTINGS).load_data(write(tmp_path / "far.npz", x_table=changed("x_table", (WITH_TABLE, 1), 101)))
    assert caught.value.facts["line"] == WITH_TABLE


@pytest.mark.parametrize("settings", [{"missing": "mean"}, {"features": 0}, {"columns": ["age"]}, {"filters": ["4"]}])
def test_settings_that_make_no_model_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Multimodal(SETTINGS | settings)
