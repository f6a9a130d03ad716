"""The tasks that come with fedledger, on small data made here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.training import context  # noqa: E402

from ledger.errors import Malformed  # noqa: E402
from ledger.formats.artifact import Layout  # noqa: E402
from participant.integers.tensors import stream_of, table  # noqa: E402
from participant.tasks.ready.image import Image  # noqa: E402
from participant.tasks.ready.tabular import Tabular  # noqa: E402

pytestmark = pytest.mark.node

TABLE: dict[str, Any] = {
    "columns": ["a", "b"],
    "ranges": ["0:10", "-1:1"],
    "label": "kind",
    "classes": ["low", "middle", "high"],
    "learning_rate": "0.5",
    "batch_size": 16,
    "epochs": 30,
}


def table_file(folder: Path, rows: int = 120) -> Path:
    generator = np.random.default_rng(1)
    a, b = generator.uniform(0, 10, rows), generator.uniform(-1, 1, rows)
    kinds = np.array(TABLE["classes"])[np.digitize(a, [3, 7])]
    lines = [f"{x},{y},{kind}" for x, y, kind in zip(a, b, kinds, strict=True)]
    path = folder / "data.csv"
    path.write_text("\n".join(["a,b,kind", *lines]))
    np.savez(folder / "data.npz", x=np.stack([a, b], 1), y=kinds)
    return path


def learn(task: Any, data: Any) -> dict[str, float]:
    model = task.build_model(1)
    task.train(model, data, context(task, model))
    return task.evaluate(model, data)


@pytest.mark.parametrize(
    "kind", [{"model": "logistic"}, {"model": "mlp", "hidden": ["16", "8"], "learning_rate": "0.2"}]
)
def test_a_table_is_learnt(tmp_path: Path, kind: dict[str, Any]) -> None:
    task = Tabular({**TABLE, **kind})
    merit = learn(task, task.load_data(table_file(tmp_path)))
    assert merit["accuracy"] > 0.85
    assert merit["samples"] == 120
    assert 0 < merit["loss"] < 0.6
    assert 0 < merit["balanced_accuracy"] <= 1


def test_csv_and_npz_give_the_same_rows(tmp_path: Path) -> None:
    task = Tabular(TABLE)
    left, right = task.load_data(table_file(tmp_path)), task.load_data(tmp_path / "data.npz")
    assert torch.equal(left.inputs, right.inputs)
    assert torch.equal(left.targets, right.targets)


def test_ranges_come_from_the_job_not_from_the_data(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("a,b,kind\n5,0,low\n10,-1,high\n")
    data = Tabular(TABLE).load_data(path)
    assert data.inputs.tolist() == [[0, 0], [1, -1]]


def test_a_value_outside_its_range_is_refused_or_clipped_as_the_job_says(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("a,b,kind\n5,0,low\n11,0,high\n")
    with pytest.raises(Malformed, match="outside the range") as caught:
        Tabular(TABLE).load_data(path)
    assert caught.value.facts["line"] == 3
    assert caught.value.facts["column"] == "a"
    assert caught.value.facts["value"] == 11.0
    assert Tabular({**TABLE, "outside": "clip"}).load_data(path).inputs.tolist() == [[0, 0], [1, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "forest"}, "'model'"),
        ({"ranges": ["0:1"]}, "'ranges'"),
        ({"classes": ["one"]}, "'classes'"),
        ({"columns": ["a", "a"]}, "'columns'"),
        ({"hidden": ["8"]}, "no setting 'hidden'"),
        ({"learning_rate": "-1"}, "'learning_rate'"),
        ({"optimiser": "magic"}, "'optimiser'"),
        ({"epochs": 0}, "'epochs'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        Tabular({**TABLE, **change})


@pytest.mark.parametrize(
    "task", [Tabular({**TABLE, "model": "mlp"}), Image({"height": 8, "width": 8, "classes": ["a", "b"]})]
)
def test_the_initial_model_depends_on_the_seed_alone(task: Any) -> None:
    layout = Layout(table(task.build_model(1).state_dict(), 24))
    first = stream_of(task.build_model(1).state_dict(), layout)
    torch.manual_seed(123)
    assert (stream_of(task.build_model(1).state_dict(), layout) == first).all()
    assert (stream_of(task.build_model(2).state_dict(), layout) != first).any()


IMAGE: dict[str, Any] = {
    "height": 8,
    "width": 8,
    "brightest": "16",
    "classes": [str(digit) for digit in range(10)],
    "optimiser": "adam",
    "learning_rate": "0.01",
    "epochs": 6,
}


def test_handwritten_digits_are_learnt(tmp_path: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    np.savez(tmp_path / "digits.npz", x=digits.images[:900], y=digits.target[:900])
    np.savez(tmp_path / "test.npz", x=digits.images[900:1300], y=digits.target[900:1300])
    task = Image(IMAGE)
    model = task.build_model(1)
    task.train(model, task.load_data(tmp_path / "digits.npz"), context(task, model))
    assert task.evaluate(model, task.load_data(tmp_path / "test.npz"))["accuracy"] > 0.9


def test_the_optical_digits_of_real_writers_are_read(shared_data: Path, tmp_path: Path) -> None:
    rows = np.loadtxt(shared_data / "optdigits" / "optdigits.tra", delimiter=",")[:400]
    np.savez(tmp_path / "writers.npz", x=rows[:, :64].reshape(-1, 8, 8), y=rows[:, 64].astype(int))
    task = Image(IMAGE)
    assert learn(task, task.load_data(tmp_path / "writers.npz"))["accuracy"] > 0.9


def test_colour_images_have_channels_first(tmp_path: Path) -> None:
    task = Image({**IMAGE, "channels": 3, "epochs": 1})
    np.savez(tmp_path / "colour.npz", x=np.ones((5, 3, 8, 8)), y=np.arange(5))
    data = task.load_data(tmp_path / "colour.npz")
    assert data.inputs.shape == (5, 3, 8, 8)
    assert learn(task, data)["samples"] == 5


def test_a_pixel_out_of_range_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "bright.npz", x=np.full((2, 8, 8), 255), y=np.arange(2))
    with pytest.raises(Malformed, match="brighter") as caught:
        Image(IMAGE).load_data(tmp_path / "bright.npz")
    assert caught.value.facts["expected"] == "0 to 16"


def test_pooled_data_are_all_rows_in_order(tmp_path: Path) -> None:
    task = Tabular(TABLE)
    data = task.load_data(table_file(tmp_path))
    pooled = task.join([data, data])
    assert torch.equal(pooled.targets, torch.cat([data.targets, data.targets]))
    assert len(pooled.inputs) == 240
