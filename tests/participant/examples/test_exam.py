"""examples/exam: made-up images and tables of which some are missing, and a table that runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import importable

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "exam"
CLINICS = ["North", "East", "South", "West", "Islands", "Valley"]


@pytest.fixture(scope="module", autouse=True)
def clinics() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    pytest.importorskip("torch")
    with importable("exam", "clinics"):
        yield


def of(module: str) -> Any:
    return import_module(f"clinics.{module}")


def test_one_command_makes_the_table_without_any_data() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), "--small", "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    assert [line["arm"] for line in said["lines"]] == ["local", "federated", "private", "pooled"]
    for line in said["lines"]:
        assert list(line["figures"]) == ["auc", "accuracy"]
        assert list(line["figures"]["auc"]["by_party"]) == CLINICS


def test_rows_lack_images_and_tables_as_the_clinics_do(tmp_path: Path) -> None:
    from participant.tasks.discovery import find

    task = find("multimodal").create(of("study").settings("0.1"))
    for clinic, party in zip(of("data").CLINICS, of("data").made_up(tmp_path, 3), strict=True):
        data = task.load_data(party.train)
        without = 1 - data.inputs[:, -2:].mean(0)
        assert len(data.targets) == clinic.trained
        assert without[0] == pytest.approx(clinic.no_image, abs=0.2)
        assert 0.2 < data.targets.double().mean() < 0.9


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    drawn = []
    for run, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / run).mkdir()
        drawn.append(np.load(of("data").made_up(tmp_path / run, seed)[0].train)["x_image"])
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_folder_of_ones_own_is_read_or_named(tmp_path: Path) -> None:
    from ledger.errors import UsageError

    with pytest.raises(UsageError, match="two clinics or more"):
        of("data").read(tmp_path)
    of("data").made_up(tmp_path)
    assert sorted(CLINICS) == [party.name for party in of("data").read(tmp_path)]
    (tmp_path / "North-test.npz").unlink()
    with pytest.raises(UsageError, match="has no test rows"):
        of("data").read(tmp_path)


def test_the_job_of_the_example_is_that_of_its_table() -> None:
    from participant.jobs.draft import read, settings

    draft, study = read(EXAMPLE / "job.toml"), of("study")
    assert settings(draft.task.settings) == study.settings(str(draft.task.settings["learning_rate"]))
    assert draft.terms.rounds == study.WHOLE.rounds
