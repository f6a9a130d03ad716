"""The task sklearn: what scikit-learn itself makes of the same rows and coefficients, by the same seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor  # noqa: E402
from support.consortia.trainers import COMMITTED, write_data  # noqa: E402

from ledger.errors import Malformed, UsageError  # noqa: E402
from ledger.formats.artifact import Layout  # noqa: E402
from ledger.jobs.layers import Linear  # noqa: E402
from participant.integers.fixed_point import NotRepresentable  # noqa: E402
from participant.integers.tensors import stream_of, table  # noqa: E402
from participant.jobs.creation import create  # noqa: E402
from participant.jobs.draft import read  # noqa: E402
from participant.predicting.describing import describe  # noqa: E402
from participant.predicting.network import layers_of  # noqa: E402
from participant.tasks.contract import check  # noqa: E402
from participant.tasks.discovery import find  # noqa: E402
from participant.tasks.protocol import Task, TrainResult  # noqa: E402
from participant.tasks.sharing import context_of, shared_state  # noqa: E402
from participant.tasks.trial import TrialRequest  # noqa: E402

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("forked_trials")]
MODULE = "sklearn.linear_model:"
ROWS: dict[str, Any] = {
    "columns": ["a", "b"],
    "ranges": ["0:10", "-1:1"],
    "label": "kind",
    "classes": ["low", "high"],
}
NUMBERS: dict[str, Any] = {
    "columns": ["a"],
    "ranges": ["0:10"],
    "targets": ["b"],
    "target_ranges": ["-1:1"],
}
CLASSIFIER = {"estimator": MODULE + "SGDClassifier", "parameters.loss": "log_loss", **ROWS}
LOGISTIC = {"estimator": MODULE + "LogisticRegression", **ROWS}
REGRESSOR = {"estimator": MODULE + "SGDRegressor", **NUMBERS}


def task(**settings: Any) -> Task:
    return find("sklearn").create(settings)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data.csv", 1, rows=60)


def trained(one: Task, data: Path, scratch: Path, rounds: int = 1, seed: int = 7) -> tuple[TrainResult, Any, Any]:
    model, rows = one.build_model(1), one.load_data(data)
    for number in range(1, rounds + 1):
        result = one.train(model, rows, context_of(one, model, number, seed, "cpu", scratch, {}))
    return result, model, rows


def arrays(model: Any) -> tuple[Any, Any]:
    weight, bias = (parameter.detach().double().numpy() for parameter in model.parameters())
    return weight, bias


def test_logistic_regression_is_scikit_learns(data: Path, tmp_path: Path) -> None:
    """Solved to its end, the coefficients and probabilities are those of a fit of its own."""
    _, model, rows = trained(task(**LOGISTIC, epochs=200), data, tmp_path)
    expected = LogisticRegression(max_iter=200).fit(rows.inputs.numpy().astype(float), rows.targets.numpy())
    weight, bias = arrays(model)
    assert np.allclose(weight[1] - weight[0], expected.coef_[0], atol=1e-4)
    assert np.allclose(bias[1] - bias[0], expected.intercept_[0], atol=1e-4)
    with torch.no_grad():
        probabilities = torch.softmax(model(rows.inputs), 1).numpy()
    assert np.allclose(probabilities, expected.predict_proba(rows.inputs.numpy().astype(float)), atol=1e-4)


def test_rounds_of_descent_go_on_as_one_long_training_would(data: Path, tmp_path: Path) -> None:
    """Each round's seed orders its rows; the schedule of steps counts the passes before it."""
    one = task(**CLASSIFIER, epochs=2)
    _, model, rows = trained(one, data, tmp_path, rounds=3)
    inputs, targets = rows.inputs.numpy().astype(float), rows.targets.numpy()
    expected = SGDClassifier(loss="log_loss")
    for _ in range(3):
        expected.set_params(random_state=np.random.RandomState(7))
        for _ in range(2):
            expected.partial_fit(inputs, targets, classes=[0, 1])
    weight, bias = arrays(model)
    assert np.allclose(weight[1] - weight[0], expected.coef_[0], rtol=1e-4)
    assert np.allclose(bias[1] - bias[0], expected.intercept_[0], rtol=1e-4)
    assert one.evaluate(model, rows)["accuracy"] == expected.score(inputs, targets)


def test_a_regressor_predicts_in_the_units_of_its_target(data: Path, tmp_path: Path) -> None:
    one = task(**REGRESSOR, epochs=5)
    result, model, rows = trained(one, data, tmp_path)
    expected = SGDRegressor(random_state=np.random.RandomState(7))
    for _ in range(5):
        expected.partial_fit(rows.inputs.numpy().astype(float), rows.targets.numpy()[:, 0].astype(float))
    weight, bias = arrays(model)
    assert np.allclose(weight[0], expected.coef_, atol=1e-6)
    assert np.allclose(bias, expected.intercept_, atol=1e-6)
    assert {"mae", "rmse", "r2"} <= one.evaluate(model, rows).keys()
    assert one.sums(model, rows) is not None
    assert result.samples == 60


def test_three_classes_and_a_party_that_lacks_one(tmp_path: Path) -> None:
    three = {**CLASSIFIER, "classes": ["low", "middle", "high"]}
    data = write_data(tmp_path / "data.csv", 1, rows=60)
    _, model, rows = trained(task(**three), data, tmp_path)
    assert arrays(model)[0].shape == (3, 2)
    counts = task(**three).counts(model, rows)
    assert counts is not None
    assert counts.rows == 60
    solved = task(**{**LOGISTIC, "classes": three["classes"]})
    with pytest.raises(UsageError, match="2 classes out of 3; SGDClassifier takes such data"):
        trained(solved, data, tmp_path)


@pytest.mark.parametrize("settings", [CLASSIFIER, LOGISTIC, REGRESSOR], ids=["classifier", "logistic", "regressor"])
def test_the_contract_is_kept(data: Path, settings: dict[str, Any]) -> None:
    report = check(TrialRequest(task="sklearn", settings={**settings, "epochs": 2}, data=str(data), device="cpu"))
    assert report.held, report.findings


def test_class_weights_move_the_boundary(data: Path, tmp_path: Path) -> None:
    found = []
    for weights in (["1", "1"], ["1", "50"]):
        one = task(**LOGISTIC, epochs=100, class_weights=weights)
        _, model, rows = trained(one, data, tmp_path)
        found.append(float(model(rows.inputs).argmax(1).double().mean()))
    assert found[1] > found[0]


DRAFT = """
name = "Linear"
hold_out = 0

[task]
name = "sklearn"

[task.settings]
estimator = "sklearn.linear_model:SGDClassifier"
parameters.loss = "log_loss"
parameters.alpha = 0.001
epochs = 2
columns = ["a", "b"]
ranges = ["0:10", "-1:1"]
label = "kind"
classes = ["low", "high"]

[admission]
min_updates = 2
max_weight = 1000
max_value = 64.0
max_norm = 100.0

[terms]
rounds = 2
update_seconds = 600
aggregate_seconds = 600
attest_seconds = 600
"""


def test_a_job_of_it_may_be_scored_on_a_committed_set(tmp_path: Path) -> None:
    """The model is a linear layer, as exact inference knows it."""
    (tmp_path / "job.toml").write_text(DRAFT + COMMITTED)
    write_data(tmp_path / "rows.csv", 77, rows=40)
    made = create(read(tmp_path / "job.toml"), lambda pieces, pin: _cid(pieces))
    assert made.task.settings["parameters.alpha"] == "0.001"
    layers = (Linear(weight="0.weight", bias="0.bias"),)
    assert tuple(made.scoring.evidence.layers) == layers
    (tmp_path / "job.toml").write_text(DRAFT)
    plain = create(read(tmp_path / "job.toml"), lambda pieces, pin: _cid(pieces))
    assert layers_of(plain) == ((2,), layers), "what predicts and exports knows it, too, without the task's code"
    assert "class" in describe(plain).meaning.fields


def _cid(pieces: Any) -> Any:
    from ledger.formats.unixfs import cid_of

    return cid_of(pieces)[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**CLASSIFIER, "estimator": "os:system"}, "setting 'estimator'"),
        ({**CLASSIFIER, "estimator": MODULE + "Ridge"}, "setting 'estimator'"),
        ({**CLASSIFIER, "parameters.loss": "exotic"}, "setting 'parameters.loss'"),
        ({**CLASSIFIER, "parameters.alpha": "-1"}, "setting 'parameters.alpha'"),
        ({**CLASSIFIER, "parameters.warm_start": True}, "no setting 'parameters.warm_start'"),
        ({**CLASSIFIER, "hidden": ["3"]}, "no setting 'hidden'"),
        ({**CLASSIFIER, "targets": ["b"]}, "no setting 'targets'"),
        ({**CLASSIFIER, "epochs": 0}, "setting 'epochs'"),
        ({**REGRESSOR, "targets": ["b", "c"], "target_ranges": ["0:1", "0:1"]}, "predicts one number"),
        ({"estimator": MODULE + "SGDClassifier"}, "task 'sklearn' needs the setting"),
    ],
)
def test_an_estimator_or_a_parameter_that_is_not_on_the_list_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        task(**settings)
    if settings["estimator"].endswith("Ridge"):
        assert "solved from the data alone" in caught.value.advice


def test_coefficients_that_the_ledger_has_not_stop_the_round(data: Path, tmp_path: Path) -> None:
    wild = task(**{**REGRESSOR, "parameters.learning_rate": "constant", "parameters.eta0": "1000"}, epochs=50)
    _, model, _ = trained(wild, data, tmp_path)
    state = shared_state(wild, model)
    with pytest.raises(NotRepresentable) as caught:
        stream_of(state, Layout(table(state, 24, {})))
    assert caught.value.facts["tensor"] in state
