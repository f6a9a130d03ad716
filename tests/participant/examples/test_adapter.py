"""examples/adapter: a table without any data, or of files of one's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.examples import importable

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "adapter"
ARMS = ["local", "federated", "frozen", "private", "pooled"]
DESKS = ["North", "South", "East", "West"]


@pytest.fixture(scope="module", autouse=True)
def desks() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    pytest.importorskip("peft", reason='PEFT is not installed: pip install "fedledger[adapters]"')
    with importable("adapter", "desks"):
        yield


def of(module: str) -> Any:
    return import_module(f"desks.{module}")


def test_one_command_makes_the_table_without_any_data(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), "--small", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path)
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    assert [line["arm"] for line in said["lines"]] == ARMS
    for line in said["lines"]:
        assert list(line["figures"]["accuracy"]["by_party"]) == DESKS
        assert 0.3 < line["figures"]["accuracy"]["mean"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_makes_up_the_same_messages(tmp_path: Path) -> None:
    one, other, third = ((tmp_path / name) for name in ("one", "other", "third"))
    for folder, seed in ((one, 1), (other, 1), (third, 2)):
        folder.mkdir()
        parties = of("data").made_up(folder, seed)
        assert [party.name for party in parties] == DESKS
    assert [path.read_bytes() for path in sorted(one.iterdir())] == [
        path.read_bytes() for path in sorted(other.iterdir())
    ]
    assert (one / "North-train.csv").read_bytes() != (third / "North-train.csv").read_bytes()


def test_messages_of_one_s_own_are_read(tmp_path: Path) -> None:
    from ledger.errors import UsageError

    with pytest.raises(UsageError, match="no messages") as caught:
        of("data").read(tmp_path, tmp_path, 1)
    assert "NAME-train.csv" in caught.value.advice
    of("data").made_up(tmp_path, 1)
    assert {party.name for party in of("data").read(tmp_path, tmp_path, 1)} == set(DESKS)


def test_the_benchmark_makes_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDLEDGER_BACKBONES", "kept by the example")
    monkeypatch.syspath_prepend(str(EXAMPLE.parents[1] / "benchmarks"))
    row = import_module("learning.adapter").share()
    assert row["ok"] is True
