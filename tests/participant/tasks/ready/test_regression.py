"""Numbers predicted: what is learnt, what is summed of it, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.training import context  # noqa: E402

from ledger.errors import Malformed  # noqa: E402
from ledger.releases.sums import add, figures_of  # noqa: E402
from participant.tasks.ready.regression import Regression  # noqa: E402

pytestmark = pytest.mark.node
SETTINGS: dict[str, Any] = {
    "columns": ["a", "b"],
    "ranges": ["0:10", "-1:1"],
    "targets": ["dose"],
    "target_ranges": ["100:300"],
    "learning_rate": "0.2",
    "batch_size": 16,
    "epochs": 40,
}


def write(path: Path, rows: int = 80, seed: int = 1, shift: float = 0) -> Path:
    """dose = 150 + 10 a + 20 b, with noise, and a second target that falls with a; `shift` moves a."""
    random = np.random.default_rng(seed)
    a, b = random.uniform(0, 8, rows) + shift, random.uniform(-1, 1, rows)
    doses = 150 + 10 * a + 20 * b + random.normal(0, 4, rows)
    lines = [f"{x:.6f},{y:.6f},{z:.6f},{5 - x / 4:.6f}" for x, y, z in zip(a, b, doses, strict=True)]
    path.write_text("\n".join(["a,b,dose,days", *lines]) + "\n")
    return path


def learnt(task: Any, data: Any) -> Any:
    model = task.build_model(1)
    task.train(model, data, context(task, model))
    return model


@pytest.mark.parametrize(
    "kind", [{}, {"loss": "huber", "huber_delta": "0.05"}, {"model": "mlp", "hidden": ["8"], "optimiser": "sgd"}]
)
def test_numbers_are_learnt(tmp_path: Path, kind: dict[str, Any]) -> None:
    task = Regression({**SETTINGS, **kind})
    data = task.load_data(write(tmp_path / "data.csv"))
    merit = task.evaluate(learnt(task, data), data)
    assert merit.keys() == {"mae", "rmse", "r2", "loss", "samples"}
    assert merit["r2"] > 0.9
    assert 0 < merit["mae"] <= merit["rmse"] < 10, "in what a dose is measured in"
    assert merit["samples"] == 80


def test_figures_are_those_of_the_exact_errors(tmp_path: Path) -> None:
    task = Regression(SETTINGS)
    data = task.load_data(write(tmp_path / "data.csv"))
    model = learnt(task, data)
    merit = task.evaluate(model, data)
    truth = 100 + (data.targets.double().numpy() + 1) * 100
    said = 100 + (model(data.inputs).detach().double().numpy() + 1) * 100
    unit = 200 / 65536
    assert merit["mae"] == pytest.approx(np.abs(said - truth).mean(), abs=unit)
    assert merit["rmse"] == pytest.approx(np.sqrt(((said - truth) ** 2).mean()), abs=unit)
    expected = 1 - ((said - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    assert merit["r2"] == pytest.approx(expected, abs=1e-3)


def test_sums_of_parties_are_the_figures_of_all_rows(tmp_path: Path) -> None:
    task = Regression(SETTINGS | {"targets": ["dose", "days"], "target_ranges": ["100:300", "0:6"]})
    parts = [task.load_data(write(tmp_path / f"{k}.csv", 30, k, shift=k)) for k in (0, 1, 2)]
    pooled = task.join(parts)
    model = learnt(task, parts[0])
    together = add([task.sums(model, part) for part in parts])
    assert together == task.sums(model, pooled)
    assert together is not None
    found = {name: float(value) for name, value in figures_of(together).items()}
    assert found.items() <= task.evaluate(model, pooled).items()
    assert found.keys() == {"mae_1", "rmse_1", "r2_1", "mae_2", "rmse_2", "r2_2"}
    mean = np.mean([task.evaluate(model, part)["r2_1"] for part in parts])
    assert found["r2_1"] != pytest.approx(mean, abs=1e-3)


def test_a_model_that_says_no_number_is_as_far_off_as_can_be(tmp_path: Path) -> None:
    task = Regression(SETTINGS)
    data, model = task.load_data(write(tmp_path / "data.csv")), task.build_model(1)
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    assert figures_of(task.sums(model, data))["mae"] == 400


def test_a_range_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    sums = []
    for text in ("100:300", "1e2:+300.0", " 100.00 :3.00E2"):
        task = Regression(SETTINGS | {"target_ranges": [text]})
        sums.append(task.sums(task.build_model(1), task.load_data(write(tmp_path / "data.csv"))))
    assert sums[0] == sums[1] == sums[2]
    assert (sums[0].targets[0].low, sums[0].targets[0].high) == ("100", "300")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": ["dose", "dose"], "target_ranges": ["0:1", "0:1"]}, "targets"),
        ({"target_ranges": ["300:100"]}, "target_ranges"),
        ({"target_ranges": ["0:1", "0:2"]}, "target_ranges"),
        ({"targets": ["a"]}, "a target is among the inputs"),
        ({"targets": [f"t{k}" for k in range(9)], "target_ranges": ["0:1"] * 9}, "too many targets"),
        ({"target_ranges": ["0:1e-30"]}, "a target's range"),
        ({"targets": ["\u202edose"]}, "a target's name"),
        ({"loss": "absolute"}, "loss"),
        ({"huber_delta": "0.1"}, "no setting 'huber_delta'"),
        ({"loss": "huber", "huber_delta": "0"}, "huber_delta"),
    ],
)
def test_settings_that_make_no_task_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        Regression(SETTINGS | settings)


@pytest.mark.parametrize(
    ("row", "message", "column"),
    [
        ("5,0,,1", "a value is missing", "dose"),
        ("5,0,nan,1", "a value is missing", "dose"),
        ("5,0,inf,1", "a value is missing", "dose"),
        ("5,0,much,1", "not a number", "dose"),
        ("5,0,301,1", "outside the range", "dose"),
        ("11,0,150,1", "outside the range", "a"),
        ("5,0,1e999,1", "cannot be kept", "dose"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, message: str, column: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"a,b,dose,days\n5,0,150,1\n{row}\n")
    with pytest.raises(Malformed, match=message) as caught:
        Regression(SETTINGS).load_data(path)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (3, column)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "'dose' is missing"),
        ("a,b,dose,dose\n1,0,150,150\n", "'dose' is missing, or stands more than once"),
        ("a,b,dose\n", "no rows"),
        ("", "the file is empty"),
        ("a,b,dose\n1,0\n", "another number of fields"),
        ('a,b,dose\n1,0,"150\n', "not CSV"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(Malformed, match=message):
        Regression(SETTINGS).load_data(path)
    path.write_bytes(b"a,b,dose\n\xff")
    with pytest.raises(Malformed, match="UTF-8"):
        Regression(SETTINGS).load_data(path)


@pytest.mark.parametrize(
    ("header", "advice"),
    [("a;b;dose", "fedledger data profile"), ("1,0,150", "the first line holds numbers"), ("a,b,x", "columns file")],
)
def test_a_column_that_is_missing_has_advice_by_its_cause(tmp_path: Path, header: str, advice: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(f"{header}\n1,0,150\n")
    with pytest.raises(Malformed, match="is missing") as caught:
        Regression(SETTINGS).load_data(path)
    assert advice in caught.value.advice
