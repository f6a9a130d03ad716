"""examples/heart: the published division of the rows, a table that runs without them, and the bar with them."""

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
EXAMPLE = Path(__file__).parents[3] / "examples" / "heart"
ROWS = {"Cleveland": (199, 104), "Hungary": (172, 89), "Switzerland": (30, 16), "Long Beach": (85, 45)}
MAJORITY = (56 / 104 + 56 / 89 + 15 / 16 + 35 / 45) / 4
"""The rows of each hospital's larger class, among its published test rows."""


@pytest.fixture(scope="module", autouse=True)
def hospitals() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    pytest.importorskip("sklearn")
    with importable("heart", "hospitals"):
        yield


def of(module: str) -> Any:
    return import_module(f"hospitals.{module}")


def test_one_command_makes_the_table_without_any_data() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), "--small", "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    arms = [line["arm"] for line in said["lines"]]
    assert arms == ["majority", "local", "federated", "private", "fine_tune", "ditto", "pooled"]
    for line in said["lines"]:
        assert line["figures"]["accuracy"]["by_party"].keys() == ROWS.keys()
        assert 0 < line["figures"]["accuracy"]["mean"] < 1


def test_rows_are_divided_as_published(shared_data: Path) -> None:
    found = of("data").read(shared_data / "heart")
    assert {one.name: (int(one.trained.sum()), int((~one.trained).sum())) for one in found} == ROWS
    design = replace(of("study").SMALL, arms=())
    (line,) = of("study").EXAMPLE.lines(shared_data / "heart", design)
    assert line.arm == "majority"
    assert line.figures["accuracy"].mean == pytest.approx(MAJORITY)


def test_files_that_are_missing_or_others_are_named(tmp_path: Path) -> None:
    from ledger.errors import UsageError

    with pytest.raises(UsageError, match="cannot read a hospital's rows"):
        of("data").read(tmp_path)
    (tmp_path / "processed.cleveland.data").write_text("1,2,3\n")
    with pytest.raises(UsageError, match="not a file of the UCI Heart Disease data"):
        of("data").read(tmp_path)


def test_the_job_of_the_example_is_that_of_its_table() -> None:
    from participant.jobs.draft import read, settings

    draft, whole = read(EXAMPLE / "job.toml"), of("study").WHOLE
    assert settings(draft.task.settings) == whole.settings(str(draft.task.settings["learning_rate"]))
    assert draft.private.tensors in [arm.private for arm in whole.arms]
    assert draft.terms.rounds == whole.rounds


def test_the_benchmark_makes_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE.parents[1] / "benchmarks"))
    bench, scene = import_module("learning.heart"), import_module("scenes.examples")
    found, real = scene.lines("heart", "hospitals", small=True, shared=Path("/nowhere"))
    rows = bench.rows_of(found, real)
    assert not real
    assert len(rows) == 14
    assert all(row["ok"] is None for row in rows)
