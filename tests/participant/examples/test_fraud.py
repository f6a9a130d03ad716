"""examples/fraud: a table without any data, banks' own thresholds, and on real payments more frauds found together."""

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

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "fraud"
BANKS = {"Alder", "Birch", "Cedar", "Dogwood", "Elm"}


@pytest.fixture(scope="module", autouse=True)
def banks() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    with importable("fraud", "banks"):
        yield


def of(module: str) -> Any:
    return import_module(f"banks.{module}")


def test_one_command_makes_the_table_without_any_data() -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE), "--small", "--json"], capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(run.stdout)
    assert said["made_up"] is True
    assert [line["arm"] for line in said["lines"]] == ["nothing", "local", "federated", "private", "pooled"]
    for line in said["lines"]:
        assert line["figures"].keys() == {"all_banks", "average_precision", "cost"}
        assert line["figures"]["all_banks"]["by_party"].keys() == BANKS
    alone, joined = (said["lines"][place]["figures"]["all_banks"] for place in (1, 2))
    assert len(set(alone["by_party"].values())) == len(BANKS)
    assert len(set(joined["by_party"].values())) == 1


def test_on_real_payments_the_banks_find_more_together_than_the_best_alone(shared_data: Path) -> None:
    study = of("study")
    design = replace(study.WHOLE, arms=study.WHOLE.arms[:2], seeds=(1, 2), rates=("0.3",), baselines=())
    alone, joined = (line.figures["all_banks"] for line in study.EXAMPLE.lines(shared_data / "credit", design))
    assert joined.mean > max(alone.by_party.values())
    assert joined.mean > 0.96


def test_the_second_day_is_measured_and_the_first_trained_on(shared_data: Path, tmp_path: Path) -> None:
    data = of("data")
    payments = data.read(shared_data / "credit")
    assert (len(payments.frauds), int(payments.frauds.sum())) == (1_722, 492)
    parties = data.dealt(payments, 1, tmp_path)
    rows = [sum(len(getattr(one, side).read_text().splitlines()) - 1 for one in parties) for side in ("train", "test")]
    assert rows == [914, 808]
    assert {one.name for one in parties} == BANKS


def test_a_bank_takes_the_threshold_that_costs_it_least() -> None:
    merit = of("merit")
    margins, targets = torch.tensor([0.1, 0.4, 0.5, 0.9]).double(), torch.tensor([0, 0, 1, 1])
    threshold = merit.cheapest(margins, targets)
    assert 0.4 < threshold < 0.5
    assert merit.cost(margins >= threshold, targets) == 0
    assert merit.cost(margins >= 0.6, targets) == merit.MISSED
    assert merit.cost(margins >= 0.2, targets) == merit.ALARM
    assert merit.cheapest(margins, torch.zeros(4)) > 0.9


def test_files_that_are_missing_or_others_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the payments"):
        of("data").read(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="not a file of card payments"):
        of("data").read(tmp_path)


def test_the_job_of_the_example_is_that_of_its_table() -> None:
    from participant.jobs.draft import read, settings

    draft, whole = read(EXAMPLE / "job.toml"), of("study").WHOLE
    assert settings(draft.task.settings) == whole.settings(str(draft.task.settings["learning_rate"]))
    assert draft.private.tensors in [arm.private for arm in whole.arms]
    assert draft.terms.rounds == whole.rounds
