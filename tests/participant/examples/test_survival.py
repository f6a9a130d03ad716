"""examples/survival: FLamby's division of the rows, and a table that runs without them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.examples import importable

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "survival"
CENTRES = ["Northeast", "South", "West", "Midwest", "Europe", "Canada"]
SIZES = [(248, 63), (156, 40), (164, 42), (129, 33), (129, 33), (40, 11)]


@pytest.fixture(scope="module", autouse=True)
def centres() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    pytest.importorskip("torch")
    with importable("survival", "centres"):
        yield


def of(module: str) -> Any:
    return import_module(f"centres.{module}")


def test_one_command_makes_the_table_without_any_data() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), "--small", "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    assert [line["arm"] for line in said["lines"]] == ["local", "federated", "private", "pooled"]
    for line in said["lines"]:
        assert list(line["figures"]) == ["loss", "concordance"]
        assert list(line["figures"]["concordance"]["by_party"]) == CENTRES
        assert 0 < line["figures"]["concordance"]["mean"] < 1


def test_rows_are_divided_as_published(shared_data: Path, tmp_path: Path) -> None:
    from participant.tasks.discovery import find

    found = of("data").read(shared_data / "tcga_brca")
    assert [(len(one.trained), len(one.tested)) for one in found] == SIZES
    patients = [row["pid"] for one in found for row in (*one.trained, *one.tested)]
    assert len(set(patients)) == len(patients) == 1088
    task = find("survival").create(of("study").settings("0.1"))
    events = [int(task.load_data(party.test).targets[:, -1].sum()) for party in of("study").written(found, tmp_path)]
    assert events == [14, 4, 8, 3, 2, 1]


def test_joining_is_worth_it_where_patients_are_few(shared_data: Path) -> None:
    """Alone a region learns little of its few events; by FedAvg the parties' mean loss comes near to pooled rows'."""
    design = replace(of("study").WHOLE, seeds=(1,), rates=("0.1",))
    found = {
        line.arm: line.figures["loss"].weighted for line in of("study").EXAMPLE.lines(shared_data / "tcga_brca", design)
    }
    assert found["federated"] < found["local"]
    assert abs(found["federated"] - found["pooled"]) < 0.05


def test_files_that_are_missing_or_others_are_named(tmp_path: Path) -> None:
    from ledger.errors import UsageError

    with pytest.raises(UsageError, match="cannot read FLamby's files"):
        of("data").read(tmp_path)
    (tmp_path / "train_test_split.csv").write_text("pid,fold,fold2\nA,train,train_0\n")
    (tmp_path / "brca.csv").write_text("pid,E\nA,0\n")
    with pytest.raises(UsageError, match="not FLamby's file"):
        of("data").read(tmp_path)
    columns = ["pid", *of("data").RANGES, "T", "E"]
    cells = ['"' + name + '"' for name in columns]
    (tmp_path / "brca.csv").write_text(",".join(cells) + "\nA" + ",1" * (len(columns) - 1) + "\n")
    with pytest.raises(UsageError, match="not the rows that FLamby divides"):
        of("data").read(tmp_path)


def test_the_job_of_the_example_is_that_of_its_table() -> None:
    from participant.jobs.draft import read, settings

    draft, study = read(EXAMPLE / "job.toml"), of("study")
    assert settings(draft.task.settings) == study.settings(str(draft.task.settings["learning_rate"]))
    assert draft.terms.rounds == study.WHOLE.rounds
