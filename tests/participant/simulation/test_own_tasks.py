"""Tasks of one's own in a simulation: one by one, and what their code does wrong."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.installing import install  # noqa: E402
from support.simulated import audited, call, ran, wanted, write_own_draft  # noqa: E402

from ledger.errors import UsageError  # noqa: E402
from ledger.rounds.admission import Decision, Verdict  # noqa: E402
from participant.simulation.simulation import Simulation  # noqa: E402

pytestmark = pytest.mark.node


OWN = """
from types import SimpleNamespace
import torch
from torch import nn
from participant.tasks.protocol import Task, TrainResult

class Own(Task):
    name = "{name}"
    version = "1"
    def __init__(self, settings): pass
    def build_model(self, seed):
        model = nn.Linear(1, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.5)
        return model
    def load_data(self, path):
        return torch.tensor([[float(line)] for line in path.read_text().split()])
    def leaves(self, data):
        import hashlib
        return [hashlib.sha256(str(row).encode()).digest() for row in data.tolist()]
    def part(self, data, places):
        return data[list(places)]
    def join(self, parts):
        return torch.cat(list(parts))
    def train(self, model, data, round):
        print("said by the task")
        if float(data.sum()) < 0:
            raise RuntimeError("negative")
        with torch.no_grad():
            model.weight += 0.25 * data.mean()
        return TrainResult(samples=len(data), loss=1.0)
    def evaluate(self, model, data):
        return {{"error": float(model(data).detach().square().mean())}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A draft of a job with a task of one's own, not a classification."""
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "simulated", OWN)
    yield write_own_draft(tmp_path / "own.toml", "simulated")
    for name in [name for name in sys.modules if name.startswith(("own_", "helper_"))]:
        del sys.modules[name]


def test_after_a_round_without_a_model_the_latest_one_stays_as_it_was(tmp_path: Path, own: Path) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, numbers in zip(files, ("16", "8"), strict=True):
        file.write_text(numbers)
    made = Simulation(wanted(tmp_path, own, files, rounds=1))
    made.run()
    before = (made.wanted.folder / "model-1.safetensors").read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("participant.simulation.rounds.judge", lambda *_: Decision(Verdict.RANGE, "too large"))
        again = Simulation(wanted(tmp_path, own, files, rounds=2))
        again.run()
    assert [row.admitted for row in again.results.rows] == [2, 0]
    assert again.results.rows[0].model_root == again.results.rows[1].model_root
    assert (made.wanted.folder / "model-1.safetensors").read_bytes() == before


def test_a_task_of_ones_own_is_trained_one_by_one(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("\n".join(str(number) for number in range(40)))
    said = call(own, "--data", numbers, "--clients", 40, "--rounds", 1, "--folder", tmp_path / "out", "--json")
    assert said.exit_code == 0, said.output
    facts = json.loads(said.stdout)
    assert "has a method train of its own" in facts["training"]
    assert (tmp_path / "out" / "error.svg").exists()


@pytest.mark.parametrize("partition", ["dirichlet:1", "classes:2"])
def test_rows_without_classes_are_dealt_evenly_only(tmp_path: Path, own: Path, partition: str) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1 2 3 4")
    with pytest.raises(UsageError, match="have no classes") as caught:
        ran(tmp_path, own, numbers, clients=2, partition=partition)
    assert "iid" in caught.value.advice


def test_what_the_tasks_code_raises_is_told_with_client_method_and_line(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("1 -2")
    with pytest.raises(UsageError, match="failed in train: RuntimeError: negative") as caught:
        ran(tmp_path, own, numbers, clients=2)
    assert caught.value.facts["client"] in (0, 1)
    assert {"task", "method", "line", "round"} <= caught.value.facts.keys()


def test_a_member_whose_update_would_be_refused_commits_to_none(tmp_path: Path, own: Path) -> None:
    files = []
    for client, number in enumerate((1, 2, 3, 100)):
        files.append(tmp_path / f"{client}.txt")
        files[-1].write_text(str(number))
    made = Simulation(wanted(tmp_path, own, files, ledger="full", rounds=1))
    made.run()
    assert made.results.rows[0].admitted == 3
    assert audited(made.wanted.folder).exit_code == 0


def test_where_nobody_can_commit_the_reason_is_told(tmp_path: Path, own: Path) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("100 100 100")
    with pytest.raises(UsageError, match="nobody commits") as caught:
        ran(tmp_path, own, numbers, clients=3, ledger="full")
    assert "magnitude" in str(caught.value.facts["because"])
