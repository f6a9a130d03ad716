"""A draft's `[server]`: numbers in their one form, what may be left out, and a task that does its half."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.drafts import DRAFT, Memory
from support.installing import install

from ledger.errors import Malformed, UsageError
from ledger.jobs.server import Adam, Dyn, Momentum, NoOptimiser, Scaffold
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.jobs.server import server_of


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, NoOptimiser()),
        ({"optimiser": "none"}, NoOptimiser()),
        ({"optimiser": "momentum", "rate": 2, "beta": Decimal("0.50")}, Momentum(rate="2", beta="0.5")),
        ({"optimiser": "adam", "tau": Decimal("1e-3")}, Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")),
        ({"optimiser": "dyn", "alpha": 100}, Dyn(alpha="100")),
        ({"optimiser": "scaffold", "rate": Decimal("1.0")}, Scaffold(rate="1")),
    ],
)
def test_numbers_are_written_in_their_one_form(written: dict[str, Any], expected: Any) -> None:
    assert server_of(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        {"optimiser": "lamb"},
        {"optimiser": 1},
        {"rate": 1},
        {"optimiser": "adam", "beta": Decimal("0.9")},
        {"optimiser": "momentum", "rate": True},
        {"optimiser": "momentum", "rate": "1"},
        {"optimiser": "momentum", "rate": Decimal("NaN")},
        {"optimiser": "momentum", "rate": Decimal("1e-1000000")},
        {"optimiser": "momentum", "rate": Decimal("1e1000000")},
    ],
)
def test_what_no_optimiser_has_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        server_of(written)


@pytest.mark.node
def test_a_job_has_the_drafts_optimiser(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "draft.toml"
    path.write_text(DRAFT + '[server]\noptimiser = "adam"\nrate = 0.050\n')
    assert create(read(path), Memory().put).server == Adam(rate="0.05", beta1="0.9", beta2="0.99", tau="0.001")


OWN = """
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    name = "{name}"
    version = "1"

    def __init__(self, settings): pass
    def build_model(self, seed): return nn.Linear(1, 1)
    def load_data(self, path): return [1]
    def train(self, model, data, round): return TrainResult(samples=1, loss=0.0)
    def evaluate(self, model, data): return {{}}
"""


@pytest.mark.node
@pytest.mark.parametrize("name", ["dyn", "scaffold"])
def test_a_task_that_does_not_correct_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from support.simulated import write_own_draft

    install(tmp_path, f"own_{name}", OWN)
    monkeypatch.syspath_prepend(tmp_path)
    draft = write_own_draft(tmp_path / "job.toml", f"own_{name}")
    text = draft.read_text().replace("[admission]", "[admission]\nmin_updates = 1")
    draft.write_text(text + f'[server]\noptimiser = "{name}"\n')
    with pytest.raises(UsageError, match="corrects each party's steps, and its task does not"):
        create(read(draft), Memory().put)
