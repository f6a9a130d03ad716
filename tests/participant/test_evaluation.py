"""What a task measures is reported as it says, or refused by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.config import Home
from ledger.errors import UsageError
from participant.measuring import evaluation
from participant.measuring.evaluation import Evaluator
from participant.measuring.own_rows import OwnRows
from participant.rows.records import RowRecords
from participant.trainer.messages import DataRead, Measured

JOB = SimpleNamespace(digest=b"d", task=SimpleNamespace(name="own"))
STATE: Any = SimpleNamespace(number=1)


class Answering:
    """Trainers that answer at once; what they were asked is kept."""

    def __init__(self, figures: dict[str, float]) -> None:
        self.asked: list[object] = []
        self._measured = Measured(figures={name: repr(value) for name, value in figures.items()})

    @contextmanager
    def carried_out(self, _job: Any, _number: int, do: object, *_: Any) -> Iterator[Any]:
        self.asked.append(do)
        yield SimpleNamespace(expect=lambda _: DataRead(rows=1, one_class=False), leaves=lambda: (b"x" * 32,))

    def ask(self, _job: Any, _number: int, do: object, *_: Any, **_facts: Any) -> Measured:
        self.asked.append(do)
        return self._measured


def evaluator(monkeypatch: pytest.MonkeyPatch, trainers: Any) -> Evaluator:
    """One whose task says the trainers' figures of any model."""
    connection: Any = SimpleNamespace(document=lambda _: JOB)
    files: Any = SimpleNamespace(found=lambda *_: "data.csv")
    monkeypatch.setattr(evaluation, "model_of", lambda *_: SimpleNamespace(root=b"\x07"))
    monkeypatch.setattr(evaluation, "read", lambda *_: None)
    own: Any = OwnRows(connection, Home(Path("nowhere")), RowRecords(Path("nowhere")))
    return Evaluator(own, files, trainers, "own_file")


def test_every_figure_is_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"accuracy": 0.5, "f1": 1.0}
    trainers = Answering(figures)
    measuring = evaluator(monkeypatch, trainers)
    assert measuring.line(STATE, 2) == {"job": 1, "round": 2, "model": "07", "rows": "own_file"} | figures
    measuring.line(STATE, 3)
    assert len(trainers.asked) == 3, "the data are read once"


@pytest.mark.parametrize("name", ["job", "round", "model", "rows", "counts", "sums"])
def test_a_figure_never_takes_the_place_of_what_was_measured(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(UsageError, match=f"calls a figure '{name}'"):
        evaluator(monkeypatch, Answering({name: 3.0})).line(STATE, 2)
