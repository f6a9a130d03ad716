"""The ready tasks on prepared tables: the same rows as without a preparation, where it changes nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.preparation import CLASSES, PREPARATION, write_raw

from ledger.errors import Malformed, UsageError
from ledger.jobs.preparation import Category, Label, Number, Preparation
from participant.tasks.data.preparing.job import plain_preparation
from participant.tasks.discovery import find
from participant.tasks.protocol import Task
from participant.tasks.ready.tabular import Tabular
from participant.tasks.seam import GuardedTask, TaskFailed

pytestmark = pytest.mark.node
COLUMNS: dict[str, Any] = {"columns": ["a", "b"], "ranges": ["0:10", "-1:1e0"]}
TASKS: dict[str, dict[str, Any]] = {
    "tabular": {"label": "k", "classes": ["low", "high"]},
    "regression": {"targets": ["y"], "target_ranges": ["0:5"]},
    "survival": {"time": "t", "event": "e", "bins": ["1", "2", "4"]},
    "multitask": {"tasks": ["m", "n"]},
}


def table(path: Path, rows: int = 30) -> Path:
    random = np.random.default_rng(3)
    lines = ["a,b,k,y,t,e,m,n"]
    for _ in range(rows):
        a, b, time = random.uniform(0, 10), random.uniform(-1, 1), random.uniform(0, 5)
        kind, event = random.choice(["low", "high"]), random.integers(0, 2)
        lines.append(f"{a},{b:.3f},{kind},{a / 2:.6g},{time},{event},{event},{random.choice(['', '1'])}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", TASKS)
def test_columns_of_numbers_are_read_alike_with_a_preparation_and_without(name: str, tmp_path: Path) -> None:
    path, task = table(tmp_path / "t.csv"), find(name)
    settings = COLUMNS | TASKS[name]
    preparation = plain_preparation(name, settings)
    assert preparation is not None
    plain = task.create(settings).load_data(path)
    ranges = {"ranges": [output.range for output in preparation.outputs]}
    made = task.create(settings | ranges, preparation).load_data(path)
    assert np.array_equal(plain.inputs.numpy(), made.inputs.numpy())
    assert np.array_equal(plain.targets.numpy(), made.targets.numpy(), equal_nan=True)
    assert plain.leaves == made.leaves


def test_a_label_map_and_words_reach_the_model(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"label": "num", "classes": list(CLASSES), "epochs": 1}
    outputs = PREPARATION.outputs
    settings |= {"columns": [one.name for one in outputs], "ranges": [one.range for one in outputs]}
    task = find("tabular").create(settings, PREPARATION)
    data = task.load_data(write_raw(tmp_path / "rows.data", 4))
    assert data.inputs.shape == (40, len(outputs))
    assert set(data.targets.tolist()) == {0, 1}
    model = task.build_model(1)
    assert task.evaluate(model, data)["samples"] == 40


def test_arrays_without_names_are_no_table(tmp_path: Path) -> None:
    settings = COLUMNS | {"ranges": ["0:10", "-1:1"]} | TASKS["tabular"]
    task = find("tabular").create(settings, plain_preparation("tabular", settings))
    np.savez(tmp_path / "rows.npz", x=np.zeros((2, 2)), y=np.zeros(2, np.int64))
    with pytest.raises(UsageError, match="holds arrays without names of columns"):
        task.load_data(tmp_path / "rows.npz")


class Raising(Tabular):
    """A task whose own reader of labels fails."""

    def labels(self) -> Any:
        return {"k": lambda text: {"low": 0.0}[text]}


def test_what_a_tasks_own_reader_raises_is_a_failure_of_the_task(tmp_path: Path) -> None:
    settings = COLUMNS | {"ranges": ["0:10", "-1:1"]} | TASKS["tabular"]
    task = GuardedTask(Raising, settings, plain_preparation("tabular", settings))
    with pytest.raises(TaskFailed, match="failed in labels: KeyError"):
        task.load_data(table(tmp_path / "t.csv"))
    with pytest.raises(TaskFailed, match="failed in labels"):
        GuardedTask(Raising, settings, _mapped("k", "other"))


def test_a_map_of_a_column_that_nobody_learns_is_refused() -> None:
    settings = COLUMNS | {"ranges": ["0:10", "-1:1"]} | TASKS["tabular"]
    with pytest.raises(Malformed, match="label map for column 'x', which the task does not learn"):
        find("tabular").create(settings, _mapped("x", "low"))
    with pytest.raises(Malformed, match="leads to what the task does not take"):
        find("tabular").create(settings, _mapped("k", "middle"))


def test_a_task_that_says_nothing_takes_no_tables() -> None:
    class Silent(Tabular):
        labels = Task.labels  # type: ignore[assignment]

    settings = COLUMNS | TASKS["tabular"]
    with pytest.raises(Malformed, match="takes no prepared tables"):
        GuardedTask(Silent, settings, Preparation(inputs=(Category(column="a", vocabulary=("x",)),)))


def _mapped(column: str, stands_for: str) -> Preparation:
    numbers = (Number(column="a", low="0", high="10"), Number(column="b", low="-1", high="1"))
    return Preparation(inputs=numbers, labels=(Label(column=column, values={"0": stands_for}),))
