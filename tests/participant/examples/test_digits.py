"""examples/digits: a table without any data, rows dealt as simulations deal them, and what helps unlike parties."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import importable

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import UsageError

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "digits"
ARMS = ["local", "federated", "momentum", "adam", "yogi", "adagrad", "dyn", "scaffold", "private", "fine_tune", "ditto"]


@pytest.fixture(scope="module", autouse=True)
def writers() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    with importable("digits", "writers"):
        yield


def of(module: str) -> Any:
    return import_module(f"writers.{module}")


@pytest.mark.parametrize("way", [[], ["--dealt", "dirichlet"]])
def test_one_command_makes_the_table_without_any_data(way: list[str]) -> None:
    command = [sys.executable, str(EXAMPLE), "--small", "--json", *way]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)
    assert said["made_up"] is True
    assert said["example"] == (way[-1] if way else "digits")
    assert [line["arm"] for line in said["lines"]] == [*ARMS, "pooled"]
    assert all(len(line["figures"]["accuracy"]["by_party"]) == 20 for line in said["lines"])


def test_the_two_ways_to_help_do_help_on_real_digits(shared_data: Path) -> None:
    study = of("study")
    wanted = ("federated", "scaffold", "fine_tune")
    arms = [arm for arm in study.WHOLE.arms if arm.name in wanted]
    design = replace(study.WHOLE, arms=arms, seeds=(1,))
    found = {line.arm: line.figures for line in study.EXAMPLE.lines(shared_data / "optdigits", design)}
    assert found["scaffold"]["all_digits"].mean > found["federated"]["all_digits"].mean + 0.02
    assert found["scaffold"]["all_digits"].mean > 0.9
    assert found["fine_tune"]["accuracy"].mean > 0.97 > found["federated"]["accuracy"].mean


def test_a_party_is_measured_on_digits_that_it_has(tmp_path: Path) -> None:
    data = of("data")
    train, test = data.made_up()
    parties = data.dealt(train, test, "classes:2", tmp_path)
    seen = 0
    for one in parties:
        own, others = (np.load(path)["y"] for path in (one.train, one.test))
        assert len(set(own.tolist())) == 2
        assert set(others.tolist()) <= set(own.tolist())
        seen += len(others)
    assert seen == len(test.y)


def test_files_that_are_missing_or_others_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the digits"):
        of("data").read(tmp_path)
    (tmp_path / "optdigits.tra").write_text("1,2,3\n")
    with pytest.raises(UsageError, match="not a file of the Optical Recognition"):
        of("data").read(tmp_path)
