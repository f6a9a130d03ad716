"""A job with a preparation on a real chain: nodes train from tables as they are, until its permitted use ends."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import COMMITTED, data_of, drive, node, notes, validation_of
from support.preparation import DRAFT, PREPARATION, write_raw

from ledger.cli.job import job as commands
from ledger.config import HomeSettings, save
from ledger.errors import UsageError
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.history.withdrawal import file_in
from ledger.jobs.permitted_use import Expired
from ledger.party.auditing import AuditRequest, inspect
from ledger.rounds.facts import RoundFacts
from participant.integers.artifacts import body_of
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.measuring.evaluation import read as read_model
from participant.node.trainings import seed_of
from participant.tasks.machine import Machine
from participant.tasks.training import Local

pytestmark = pytest.mark.node


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[[str], Trial]]:
    with Trial(found(3), propose=False) as trial:

        def make(text: str) -> Trial:
            home = trial.parties[0].member.home.folder
            (home / "draft.toml").write_text(text)
            write_raw(home / "rows.data", 77)
            trial.job = create(read(home / "draft.toml"), trial.parties[0].connection.put)
            trial.layout = trial.job.layout
            for party in trial.parties:
                files = (data_of(party), party.index), (validation_of(party), 100 + party.index)
                data, validation = (str(write_raw(path, seed)) for path, seed in files)
                said = HomeSettings(name=party.member.name, data=data, validation=validation)
                save(party.member.home.settings_file, said)
            trial.propose()
            return trial

        yield make


def finished(t: Trial) -> Trial:
    nodes = [node(party, until_complete=True) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.complete, [notes(party.member.home, "failed") for party in t.parties]
    return t


def test_three_parties_train_and_score_from_their_tables_as_they_are(
    trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    scored = COMMITTED.replace("rows.csv", "rows.data")
    t = finished(trial(DRAFT.replace("hold_out = 20", "hold_out = 0") + scored))
    assert t.job.preparation == PREPARATION
    connection = t.parties[1].connection
    base = read_model(connection, t.state, t.job, _base(t))
    for party in t.parties:
        local = Local.of(t.job, Machine("cpu", tmp_path / str(party.index)))
        again = local.train(base, data_of(party), 1, seed_of(t.job.digest, 1, party.index), keep=False)
        assert root_of(body_of(t.job.layout, again.update)) == t.state.rounds[1].updates[party.index].root
    assert inspect(connection, AuditRequest(source=False)).right.answer == "yes"


def _base(t: Trial) -> Any:
    return RoundFacts.of(t.parties[0].connection.place, t.state, t.job, t.state.rounds[1]).base


def test_rows_are_held_out_of_prepared_ones(trial: Callable[[str], Trial]) -> None:
    t = finished(trial(DRAFT))
    assert inspect(t.parties[1].connection, AuditRequest(source=False)).right.answer == "yes"


def test_no_round_is_trained_after_the_permitted_use_ends(trial: Callable[[str], Trial]) -> None:
    t = trial(DRAFT.replace("expires = 2099-12-31", f"expires = {datetime.now(UTC).date() - timedelta(days=1)}"))
    nodes, service = [node(party) for party in t.parties], aggregators.service(t.parties[0])
    drive(*nodes, service)
    assert t.state.current is None, "no aggregator opens a round"
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes, service)
    assert (t.round.commitments, t.phase) == ({}, Phase.COLLECTING)
    worker = nodes[1]._worker
    step = worker.decide(t.parties[1].connection.refresh(), t.state, t.parties[1].connection.time())
    assert "round 1 gets no update: the job's permitted use ended with" in step.why


def test_a_member_withdraws_for_the_rounds_to_come(trial: Callable[[str], Trial]) -> None:
    """Killed at any instruction it withdraws or does not: the file that is there first holds the node back."""
    t = trial(DRAFT.replace("min_updates = 3", "min_updates = 2"))
    leaver, other = t.parties[2].member, t.parties[0].member
    key = ["--home", str(leaver.home.folder), "--passphrase-file", str(leaver.passphrase_file)]
    path = file_in(leaver.home.withdrawals, t.number)
    path.parent.mkdir()
    path.touch()
    said = ["withdraw", str(t.number), "--reason", "the ethics vote was revoked", "--yes", "--json", *key]
    done = CliRunner().invoke(commands, said, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["last_round"] == 0
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    t.pass_time(700)
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    assert t.state.rounds[1].commitments.keys() == {0, 1}
    held = CliRunner().invoke(commands, ["withdrawal", str(path), "--json", "--home", str(other.home.folder)])
    assert (held.exit_code, json.loads(held.output)["broken"]) == (0, [])
    assert json.loads(held.output)["block"] == t.state.withdrawn[2].block == json.loads(done.output)["block"]
    again = CliRunner().invoke(commands, said)
    assert "withdrew its data already" in str(again.exception)


def test_nobody_approves_a_job_whose_permitted_use_ended(trial: Callable[[str], Trial]) -> None:
    t = trial(DRAFT.replace("expires = 2099-12-31", f"expires = {datetime.now(UTC).date() - timedelta(days=1)}"))
    member = t.parties[1].member
    key = ["--home", str(member.home.folder), "--passphrase-file", str(member.passphrase_file)]
    done = CliRunner().invoke(commands, ["approve", str(t.number), "--yes", "--unchecked", *key])
    assert isinstance(done.exception, Expired)
    assert "approving: the job's permitted use ended" in str(done.exception)
    shown = CliRunner().invoke(commands, ["show", str(t.number), "--home", str(member.home.folder)])
    said = " ".join(shown.output.split())
    assert ("use: purpose" in said, "column chol" in said, "use ends" in said) == (True, True, True)


def test_who_proposes_reads_its_own_table_before_anything_is_sent(trial: Callable[[str], Trial]) -> None:
    t = trial(DRAFT)
    proposer = t.parties[0].member
    document = proposer.home.folder / "job.json"
    document.write_bytes(t.job.encode())
    key = ["--home", str(proposer.home.folder), "--passphrase-file", str(proposer.passphrase_file)]
    said = ["propose", str(document), "--no-wait", *key]
    table = data_of(t.parties[0])
    whole = table.read_bytes()
    table.write_bytes(whole.splitlines(keepends=True)[0] + b"nothing like a row\n")
    with pytest.raises(UsageError) as told:
        CliRunner().invoke(commands, said, catch_exceptions=False)
    assert "--unchecked" in told.value.advice
    t.parties[0].connection.refresh()
    assert len(t.parties[0].connection.history.jobs) == 1, "nothing was sent"
    table.write_bytes(whole)
    done = CliRunner().invoke(commands, said, catch_exceptions=False)
    assert done.exit_code == 0
    assert f"{t.job.name}, this home: the data can be read: " in done.stderr
    assert "proposed as job 2" in done.stdout
