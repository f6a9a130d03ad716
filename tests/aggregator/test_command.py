"""The command as users have it: run, status, preview; the gateway it serves; what it prints and how it exits."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from support.consortia.aggregators import FILE, actions, drive, service
from support.consortia.synthetic import Trial

from aggregator.cli import aggregator
from demo.liar import Liar
from ledger.errors import FedledgerError, UsageError
from ledger.events.records import Role
from ledger.history.state import Phase


def call(trial: Trial, index: int, *arguments: str):
    """The command in this process, in a member's home; its exit code and output."""
    home = ("--home", str(trial.consortium.members[index].home.folder))
    return CliRunner().invoke(aggregator, [*arguments, *home], catch_exceptions=False)


@pytest.fixture
def collected(trial) -> Trial:
    t = trial(members=3, rounds=2)
    drive(service(t.parties[0]))
    t.submit()
    t.vouch()
    return t


def test_status(collected) -> None:
    document = json.loads(call(collected, 0, "status", "--json").output)
    job = document["jobs"][0]
    assert (document["member"], job["phase"], job["next"]["step"]) == (0, "Aggregating", "wait")
    assert job["updates"] == job["commitments"] == ["member 0", "member 1", "member 2"]
    text = call(collected, 1, "status").output
    assert "0 of 2" in text and "wait" in text


def test_preview_sends_and_stores_nothing(collected) -> None:
    store = collected.parties[0].connection.store
    before = (store.pins(), collected.consortium.client.head())
    result = call(collected, 0, "preview", "--json")
    document = json.loads(result.output)
    expected = collected.parties[1].recompute()
    assert (document["root"], document["claim"], document["agrees"]) == (expected.root.hex(), None, None)
    assert result.exit_code == 0
    assert (store.pins(), collected.consortium.client.head()) == before
    assert "ADMITTED" in call(collected, 0, "preview").output
    fewer = json.loads(call(collected, 0, "preview", "--json", "--without", "1").output)
    assert [update["verdict"] for update in fewer["updates"]] == ["ADMITTED", "UNAVAILABLE", "ADMITTED"]


def test_preview_tells_a_lie_from_the_truth(collected) -> None:
    drive(service(collected.parties[0], kind=Liar))
    result = call(collected, 1, "preview")
    assert result.exit_code == 1 and "NOT what was published" in result.output
    collected.attest(1, 2)
    drive(service(collected.parties[1]))
    assert call(collected, 2, "preview", "--round", "1").exit_code == 0


def test_preview_without_the_bytes(trial) -> None:
    t = trial(members=3, rounds=2)
    drive(service(t.parties[0]))
    t.submit()
    for party in t.parties:
        party.serving.close()
    with pytest.raises(FedledgerError) as caught:
        call(t, 0, "preview")
    assert caught.value.exit_code == 3 and "--without" in caught.value.advice
    with pytest.raises(UsageError, match="no such round"):
        call(t, 0, "preview", "--round", "7")


def test_only_an_aggregator_may_run(trial) -> None:
    t = trial(members=3, roles=[Role.AGGREGATOR, Role.PARTICIPANT, Role.PARTICIPANT])
    passphrase = str(t.consortium.members[1].passphrase_file)
    with pytest.raises(UsageError, match="not an aggregator's"):
        call(t, 1, "run", "--passphrase-file", passphrase)


def test_goals_exclude_each_other(trial, tmp_path) -> None:
    result = CliRunner().invoke(aggregator, ["run", "--once", "--until-complete", "--home", str(tmp_path)])
    assert result.exit_code == 2 and "exclude each other" in result.output


def started(trial: Trial, index: int, *arguments: str) -> subprocess.Popen[str]:
    member = trial.consortium.members[index]
    files = ["--home", str(member.home.folder), "--passphrase-file", str(member.passphrase_file)]
    command = [sys.executable, "-m", "ledger.cli.main", "aggregator", "run", *arguments, *files]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def wait_for(condition, seconds: float = 150.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def test_a_service_runs_a_round_and_exits(trial) -> None:
    t = trial(members=3, rounds=2)
    process = started(t, 0, "--once", "--json")
    wait_for(lambda: t.state.current is not None)
    t.commit()
    wait_for(lambda: len(t.round.updates) == 3)
    t.vouch()
    wait_for(lambda: t.round.phase is Phase.ATTESTING)
    t.attest(1)
    output, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    did = [line["action"] for line in lines if line["action"] != "waiting"]
    assert did == ["started", "opened", "shown", "published", "ended", "stopped"]
    assert lines == actions(t.consortium.members[0].home)


def test_a_service_ends_when_told_to_and_another_takes_its_gateway_over(trial) -> None:
    t = trial(members=3, rounds=2)
    party = t.parties[0]
    party.serving.close()
    process = started(t, 0)
    journal = party.member.home.folder / FILE
    wait_for(lambda: journal.exists() and actions(party.member.home, "opened"))
    party.serving.check()
    assert not party.serving.here, "the service serves the home's store"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "round 1 opened" in output
    party.serving.check()
    assert party.serving.here
    assert party.serving.url == party.connection.refresh().members[0].gateway
