"""The task keeps fedledger's contract, and its model learns."""

from pathlib import Path

import pytest
from own_line import OwnLine

from ledger.errors import Malformed
from participant.jobs.draft import read, settings
from participant.tasks.contract import check
from participant.tasks.sharing import context_of
from participant.tasks.trial import TrialRequest

PACKAGE = Path(__file__).parents[1]
DATA = PACKAGE / "example.csv"
SETTINGS = settings(read(PACKAGE / "job.toml").task.settings)


def test_it_keeps_the_contract() -> None:
    report = check(TrialRequest(task=str(PACKAGE), settings=SETTINGS, data=str(DATA), device="cpu"))
    assert [finding for finding in report.findings if not finding.held] == []


def test_it_learns(tmp_path: Path) -> None:
    task = OwnLine(SETTINGS)
    model, data = task.build_model(1), task.load_data(DATA)
    before = task.evaluate(model, data)["r2"]
    task.train(model, data, context_of(task, model, 1, 1, "cpu", tmp_path, SETTINGS))
    assert task.evaluate(model, data)["r2"] > max(before, 0.5)


def test_a_value_that_is_not_a_number_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("age,bmi,bp,progression\n50,22,80,100\n50,,80,100\n")
    with pytest.raises(Malformed, match="not a number") as caught:
        OwnLine(SETTINGS).load_data(path)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (3, "bmi")
