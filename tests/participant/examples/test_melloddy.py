"""examples/melloddy: heads at home over one trunk, of made-up molecules, whose assays no other partner's file names."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.examples import importable

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "melloddy"


@pytest.fixture(scope="module", autouse=True)
def partners() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    with importable("melloddy", "partners"):
        yield


def of(module: str) -> Any:
    return import_module(f"partners.{module}")


def test_one_command_makes_the_table() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), "--small", "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    assert [line["arm"] for line in said["lines"]] == ["local", "private", "federated", "pooled"]
    assert all(len(line["figures"]["average_precision"]["by_party"]) == 10 for line in said["lines"])


def test_a_table_of_one_seed_has_no_spread() -> None:
    from participant.comparing.study import StudyFigure, StudyRow
    from participant.examples.command import table

    def lines(seeds: int) -> str:
        figure = StudyFigure({"north": 0.5}, 0.5, 0.0, 0.5, 0.0, [{"north": 0.5}] * seeds)
        return "\n".join(table([StudyRow("local", "each alone", "0.1", {"auc": figure})], ["auc"]))

    assert "±" not in lines(1)
    assert lines(2).count("0.5000 ± 0.000") == 2


def test_there_are_no_data_to_bring(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, str(EXAMPLE), "--data", str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 2
    assert "no data but those that it makes up" in run.stderr


def test_a_head_is_of_a_partners_own_assays_and_the_trunk_of_one_shape(tmp_path: Path) -> None:
    from participant.tasks.discovery import find

    shapes = []
    for one in of("data").made_up(tmp_path, 1):
        task = find("multitask").create(of("study").settings("0.003"))
        task.adapt(one.own)
        rows = task.load_data(one.train)
        assert rows.targets.isnan().any()
        assert not rows.targets.isnan().all(1).any()
        state = task.build_model(1).state_dict()
        assert len(state["head.bias"]) == len(one.own["tasks"]) == rows.targets.shape[1]
        shapes.append({name: tuple(tensor.shape) for name, tensor in state.items() if name.startswith("trunk")})
    assert all(shape == shapes[0] for shape in shapes)


def test_the_job_of_the_example_is_that_of_its_table() -> None:
    from participant.jobs.draft import read, settings

    draft, whole = read(EXAMPLE / "job.toml"), of("study").WHOLE
    assert settings(draft.task.settings) == whole.settings(str(draft.task.settings["learning_rate"]))
    assert draft.private.tensors in [arm.private for arm in whole.arms]
    assert draft.terms.rounds == whole.rounds
