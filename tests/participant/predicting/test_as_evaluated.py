"""Predictions have the figures of `node evaluate`: the same classes, and torch's own numbers but for rounding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support import predicted
from support.consortia.voters import refused, said

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.node

from support import trained  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.jobs.preparation import Category, Label, Missing, Number, Preparation  # noqa: E402
from participant.predicting.describing import read_rows  # noqa: E402
from participant.predicting.network import LayeredNetwork, TaskNetwork, layers_of  # noqa: E402
from participant.predicting.predictor import Predictor  # noqa: E402
from participant.predicting.table import read_table  # noqa: E402

CLOSE = 2e-5
"""How far probabilities may be from torch's, in float32: inputs and layers are rounded to 16 fraction bits."""


def outputs_of(made: trained.Trained) -> np.ndarray:
    with torch.no_grad():
        return made.model(made.data.inputs).double().numpy()


def test_the_heart_model_predicts_as_it_is_evaluated(tmp_path: Path, shared_data: Path) -> None:
    made = trained.heart(tmp_path, shared_data)
    folder = predicted.folder_of(tmp_path / "heart", made.released)
    out = said("predict", folder, "--data", tmp_path / "heart.csv", "--json", "--offline")
    assert out["exact"]
    assert out["rows"] == {"predicted": 303, "unreadable": 0, "saturated": 0}
    chances = torch.softmax(torch.from_numpy(outputs_of(made)), 1).numpy()
    found = np.array([[row["probability_no"], row["probability_yes"]] for row in out["predictions"]])
    assert np.abs(found - chances).max() < CLOSE
    classes = [("no", "yes").index(row["class"]) for row in out["predictions"]]
    accuracy = float((np.array(classes) == made.data.targets.numpy()).mean())
    assert accuracy == pytest.approx(made.task.evaluate(made.model, made.data)["accuracy"], abs=1e-12)
    assert accuracy > 0.8


def test_batch_normalisation_goes_through_the_tasks_own_code(tmp_path: Path, shared_data: Path) -> None:
    made = trained.heart(tmp_path, shared_data, norm="batch")
    predictor = Predictor.of(made.released)
    assert isinstance(predictor.network, TaskNetwork)
    rows = read_table(tmp_path / "heart.csv", predictor.description)
    found = predictor.predict(rows.inputs)["probabilities"]
    assert np.abs(found - torch.softmax(torch.from_numpy(outputs_of(made)), 1).numpy()).max() < 5e-5


def test_outputs_that_are_not_numbers_are_no_prediction(tmp_path: Path, shared_data: Path) -> None:
    """A variance below 0, which integers may come to, has no square root."""
    made = trained.heart(tmp_path, shared_data, norm="batch")
    layout, model = made.released.job.layout, made.released.model.copy()
    places = {tensor.name: start for tensor, start in zip(layout.tensors, layout.starts, strict=False)}
    model[places["1.running_var"]] = -(1 << 20)
    predictor = Predictor.of(predicted.released(made.released.job, model))
    rows = read_table(tmp_path / "heart.csv", predictor.description)
    with pytest.raises(UsageError, match="not numbers"):
        predictor.predict(rows.inputs)


def test_another_version_of_a_task_is_not_taken_for_a_row_of_layers() -> None:
    """Only the versions that are known have ReLUs between linear layers; others run by their own code, or not."""
    job = predicted.job_of()
    assert layers_of(job) is not None
    assert layers_of(replace(job, task=replace(job.task, version="2"))) is None


TABLE = "dose,age,effect,days,time,event\n" + "".join(
    f"{k % 7},{20 + k % 50},{(k % 7) * 2 + k % 3},{k % 11},{1 + k % 9},{k % 2}\n" for k in range(60)
)
INPUTS: dict[str, Any] = {"columns": ["dose", "age"], "ranges": ["0:10", "0:100"]}


def test_numbers_are_those_of_regression(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    settings = INPUTS | {"model": "mlp", "targets": ["effect", "days"], "target_ranges": ["0:20", "0:11"]}
    made = trained.train("regression", settings, tmp_path / "t.csv")
    predictor = Predictor.of(made.released)
    assert isinstance(predictor.network, LayeredNetwork)
    found = predictor.predict(read_table(tmp_path / "t.csv", predictor.description).inputs)["values"]
    expected = (outputs_of(made) + 1) / 2 * np.array([20, 11])
    assert np.abs(found - expected).max() < 20 * CLOSE


def test_times_are_those_of_survival(tmp_path: Path) -> None:
    from participant.tasks.ready.survival import risks_of

    (tmp_path / "t.csv").write_text(TABLE)
    made = trained.train("survival", INPUTS | {"bins": ["2", "5", "9"]}, tmp_path / "t.csv")
    predictor = Predictor.of(made.released)
    assert predictor.network.exact
    found = predictor.predict(read_table(tmp_path / "t.csv", predictor.description).inputs)
    expected = risks_of(torch.from_numpy(outputs_of(made))).numpy()
    assert np.abs(found["risk"] - expected).max() < CLOSE
    assert list(predictor.description.meaning.fields["outlived"]) == ["outlived_2", "outlived_5", "outlived_9"]


SKLEARN: dict[str, Any] = {"estimator": "sklearn.linear_model:SGDClassifier", "label": "event", "classes": ["0", "1"]}
EFFECT: dict[str, Any] = {"targets": ["effect"], "target_ranges": ["0:20"]}


def test_linear_models_of_scikit_learn_predict_as_they_are_evaluated(tmp_path: Path) -> None:
    (path := tmp_path / "t.csv").write_text(TABLE)
    classes = trained.train("sklearn", INPUTS | SKLEARN, path)
    predictor = Predictor.of(classes.released)
    assert predictor.network.exact
    said = predictor.predict(read_table(path, predictor.description).inputs)
    assert np.abs(said["probabilities"] - torch.softmax(torch.from_numpy(outputs_of(classes)), 1).numpy()).max() < CLOSE
    right = (said["class"] == np.array(["0", "1"])[classes.data.targets.numpy()]).mean()
    assert right == pytest.approx(classes.task.evaluate(classes.model, classes.data)["accuracy"], abs=1e-12)
    settings = INPUTS | EFFECT | {"estimator": "sklearn.linear_model:SGDRegressor"}
    numbers = trained.train("sklearn", settings, path)
    predictor = Predictor.of(numbers.released)
    found = predictor.predict(read_table(path, predictor.description).inputs)["values"]
    truth = np.array([float(line.split(",")[2]) for line in TABLE.splitlines()[1:]])[:, None]
    mae = numbers.task.evaluate(numbers.model, numbers.data)["mae"]
    assert np.abs(found - truth).mean() == pytest.approx(mae, abs=20 / 65536)


def test_each_of_several_questions_has_its_probability(tmp_path: Path) -> None:
    lines = (f"{k % 7},{20 + k % 50},{k % 2},{'' if k % 5 else (k // 5) % 2}\n" for k in range(60))
    (path := tmp_path / "t.csv").write_text("dose,age,pain,fever\n" + "".join(lines))
    made = trained.train("multitask", INPUTS | {"tasks": ["pain", "fever"], "hidden": ["8", "4"]}, path)
    predictor = Predictor.of(made.released)
    assert predictor.network.exact, "trunk and head are plain layers"
    assert list(predictor.description.meaning.fields["probabilities"]) == ["probability_pain", "probability_fever"]
    found = predictor.predict(read_rows(path, predictor.description).inputs)["probabilities"]
    assert np.abs(found - torch.sigmoid(torch.from_numpy(outputs_of(made))).numpy()).max() < CLOSE


def images(path: Path, rows: int = 24, **more: Any) -> Path:
    drawn = np.random.default_rng(1).integers(0, 256, (rows, 8, 9))
    np.savez(path, x=drawn, y=np.arange(rows) % 2, **more)
    return path


IMAGES: dict[str, Any] = {"height": 8, "width": 9, "classes": ["a", "b"]}


@pytest.mark.parametrize(
    ("settings", "exact"), [({}, True), ({"norm": "group"}, False), ({"model": "resnet", "filters": ["4", "8"]}, False)]
)
def test_images_are_told_apart_as_they_are_evaluated(tmp_path: Path, settings: dict[str, Any], exact: bool) -> None:
    path = images(tmp_path / "i.npz")
    made = trained.train("image", IMAGES | settings, path)
    predictor = Predictor.of(made.released)
    assert predictor.network.exact is exact
    rows = read_rows(path, predictor.description)
    assert (rows.place, rows.lines) == ("row", list(range(24)))
    found = predictor.predict(rows.inputs)
    assert np.abs(found["probabilities"] - torch.softmax(torch.from_numpy(outputs_of(made)), 1).numpy()).max() < 1e-4
    right = (found["class"] == np.array(["a", "b"])[made.data.targets.numpy()]).mean()
    assert right == pytest.approx(made.task.evaluate(made.model, made.data)["accuracy"], abs=1e-12)


def test_images_need_no_labels_and_rows_that_are_none_are_listed(tmp_path: Path) -> None:
    made = trained.train("image", IMAGES, images(tmp_path / "i.npz"))
    folder = predicted.folder_of(tmp_path / "release", made.released)
    new = np.random.default_rng(2).integers(0, 256, (4, 8, 9)).astype(np.float64)
    new[1, 0, 0], new[2, 3, 3] = np.nan, 256
    np.savez(tmp_path / "new.npz", x=new)
    words = ("predict", folder, "--data", tmp_path / "new.npz", "--offline")
    error = refused(Malformed, *words, "--json")
    assert error.facts["row"] == 1 and "2 of 4 rows" in error.message
    out = said(*words, "--json", "--skip-bad")
    assert [row["row"] for row in out["predictions"]] == [0, 3]
    assert [(one["line"], one["column"]) for one in out["unreadable"]] == [(1, "x"), (2, "x")]
    said(*words, "--skip-bad", "--output", tmp_path / "out.csv", "--json")
    assert (tmp_path / "out.csv").read_text().startswith("row,class,probability_a,probability_b,root\n0,")
    (tmp_path / "new.csv").write_text("a\n1\n")
    other = refused(UsageError, "predict", folder, "--data", tmp_path / "new.csv", "--offline", "--json")
    assert "numpy.savez" in other.advice


MODAL: dict[str, Any] = IMAGES | {"columns": ["age", "dose"], "ranges": ["0:100", "0:10"], "features": 4}
PREPARED = Preparation(
    inputs=(
        Number(column="age", low="0", high="100", outside="clip", missing=Missing(by="flag", value="50")),
        Category(column="ward", vocabulary=("1", "2"), unknown="other"),
    ),
    labels=(Label(column="y", values={"0": "a", "1": "b", "2": "b"}),),
)


def modalities(path: Path, table: Any, **more: Any) -> Path:
    rows = len(table)
    image = np.random.default_rng(1).integers(0, 256, (rows, 8, 9))
    has_image, has_table = np.arange(rows) % 3 != 0, np.arange(rows) % 3 != 1
    arrays = {"x_image": image, "x_table": table, "has_image": has_image, "has_table": has_table}
    np.savez(path, **(arrays | more))
    return path


def test_an_image_beside_a_table_is_told_as_it_is_evaluated(tmp_path: Path) -> None:
    table = np.stack([np.arange(24) * 4.0, np.arange(24) % 10], 1)
    made = trained.train("multimodal", MODAL, modalities(tmp_path / "m.npz", table, y=np.arange(24) % 2))
    predictor = Predictor.of(made.released)
    rows = read_rows(modalities(tmp_path / "new.npz", table), predictor.description)
    found = predictor.predict(rows.inputs)["probabilities"]
    assert np.abs(found - torch.softmax(torch.from_numpy(outputs_of(made)), 1).numpy()).max() < 1e-4
    table[0, 0] = 101
    fault = read_rows(modalities(tmp_path / "new.npz", table), predictor.description).unreadable
    assert [(one.line, one.column) for one in fault] == [(0, "age")]


def test_a_preparation_is_the_same_in_training_and_in_prediction(tmp_path: Path) -> None:
    """Texts or numbers, columns by name in any order, missing values, other words, and a label map."""
    age = np.array([10.0, np.nan, 130.0, 42.0] * 6)
    ward = np.array([1.0, 2.0, 3.0, 1.0] * 6)
    y = np.arange(24) % 3
    names = np.array(["ward", "note", "age"])
    numbers = modalities(tmp_path / "n.npz", np.stack([ward, ward * 0, age], 1), y=y, columns=names)
    settings = IMAGES | {"features": 4, "columns": [one.name for one in PREPARED.outputs],
                         "ranges": [one.range for one in PREPARED.outputs]}  # fmt: skip
    made = trained.train("multimodal", settings, numbers, PREPARED)
    said = made.data.inputs[8, 72:]
    assert said.tolist() == pytest.approx([-0.8, -1, 1, -1, -1, 1, 1]), "age, missing, ward=1, =2, other; both flags"
    texts = np.array([[f"{w:g}", "", "" if np.isnan(a) else f"{a:g}"] for w, a in zip(ward, age, strict=True)])
    written = modalities(tmp_path / "t.npz", texts, y=y.astype("U1"), columns=names)
    again = made.task.load_data(written)
    assert torch.equal(again.inputs, made.data.inputs) and again.leaves == made.data.leaves
    assert made.data.targets.tolist() == [(0, 1, 1)[one] for one in y]
    predictor = Predictor.of(made.released)
    rows = read_rows(modalities(tmp_path / "new.npz", texts, columns=names), predictor.description)
    found = predictor.predict(rows.inputs)["probabilities"]
    assert np.abs(found - torch.softmax(torch.from_numpy(outputs_of(made)), 1).numpy()).max() < 1e-4


@pytest.mark.parametrize(
    ("task", "instead"),
    [("adapter", "PEFT"), ("flower", "Flower"), ("statistics", "fedledger stats"), ("own", "--huggingface")],
)
def test_where_nothing_says_what_rows_are_it_is_said_what_to_use(tmp_path: Path, task: str, instead: str) -> None:
    folder = predicted.folder_of(tmp_path / "release", predicted.released(predicted.job_of(task, {})))
    error = refused(UsageError, "predict", folder, "--data", tmp_path / "new.csv", "--offline", "--json")
    assert instead in error.advice
