"""Two Flower apps as they are, one of each of Flower's interfaces, three rounds each on a real chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("flwr", reason='Flower is not installed: pip install "fedledger[flower]"')

from support import flower
from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, notes, write_data

from ledger.config import HomeSettings, save
from ledger.party.auditing import AuditRequest, inspect
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.tasks.flower.keeping import kept

pytestmark = pytest.mark.node
ROUNDS = 3


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "site-packages").mkdir()
    flower.install_examples(folder)
    flower.use(folder, monkeypatch, *flower.EXAMPLES)


@contextmanager
def trained(app: str, consortium: object) -> Iterator[Trial]:
    with Trial(consortium, propose=False) as trial:
        trial.job = create(read(flower.APPS / f"{app}.toml"), trial.parties[0].connection.put)
        trial.layout = trial.job.layout
        for party in trial.parties:
            data = str(write_data(data_of(party), party.index, rows=60))
            save(party.member.home.settings_file, HomeSettings(name=party.member.name, data=data))
        trial.propose()
        nodes = [node(party, scores=False, until_complete=True) for party in trial.parties]
        drive(*nodes, aggregators.service(trial.parties[0]), looks=120)
        assert trial.state.complete, [notes(party.member.home, "failed") for party in trial.parties]
        yield trial


@pytest.mark.parametrize("app", flower.EXAMPLES)
@pytest.mark.usefixtures("installed")
def test_an_app_trains_three_rounds_that_an_audit_finds_right(app: str, consortium: object) -> None:
    with trained(app, consortium) as trial:
        report = inspect(trial.parties[1].connection, AuditRequest(source=False))
        assert report.right.answer == "yes"
        assert sorted(trial.state.rounds) == list(range(1, ROUNDS + 1))
        assert all(len(round_.updates) == len(trial.parties) for round_ in trial.state.rounds.values())
        for party in trial.parties:
            scratch = party.member.home.scratch / trial.job.digest.hex()
            assert [kept(scratch / str(number))["seen"]["rounds"] for number in range(1, ROUNDS + 1)] == [1, 2, 3]
