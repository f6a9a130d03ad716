"""What a task measures is reported as it says, or refused by name."""

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.errors import UsageError
from participant.measuring import evaluation
from participant.measuring.evaluation import Evaluator

JOB = SimpleNamespace(digest=b"d", task=SimpleNamespace(name="own"))


def evaluator(monkeypatch: pytest.MonkeyPatch, figures: dict[str, float]) -> Evaluator:
    """One whose task says these figures of any model."""
    local: Any = SimpleNamespace(evaluate=lambda *_: figures)
    made = Evaluator(SimpleNamespace(document=lambda _: JOB), SimpleNamespace(found=lambda *_: "data.csv"), None)  # type: ignore[arg-type]
    made._locals = {JOB.digest: local}
    monkeypatch.setattr(evaluation, "model_of", lambda *_: SimpleNamespace(root=b"\x07"))
    monkeypatch.setattr(evaluation, "read", lambda *_: None)
    return made


def test_every_figure_is_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    line = evaluator(monkeypatch, {"accuracy": 0.5, "f1": 1.0}).line(SimpleNamespace(number=1), 2)  # type: ignore[arg-type]
    assert line == {"job": 1, "round": 2, "model": "07", "accuracy": 0.5, "f1": 1.0}


@pytest.mark.parametrize("name", ["job", "round", "model"])
def test_a_figure_never_takes_the_place_of_what_was_measured(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(UsageError, match=f"calls a figure '{name}'"):
        evaluator(monkeypatch, {name: 3.0}).line(SimpleNamespace(number=1), 2)  # type: ignore[arg-type]
