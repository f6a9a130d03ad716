"""A member that withdrew its data on the ledger: its node brings nothing to later rounds, whatever its home has."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes
from support.crashing import withdrawal as crashing
from support.crashing.withdrawal import REASON

from ledger.audit.said import withdrew
from ledger.chain.evidence.fetch import ChainWitness
from ledger.cli.job import job as commands
from ledger.cli.withdrawal import still_waited_for
from ledger.errors import Refuted, Unavailable, UsageError
from ledger.events.evidence import Unproven
from ledger.history.withdrawal import digest_of, file_in, parse
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection

pytestmark = pytest.mark.node
ME = 2


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with Trial(found(3), rounds=3) as trial:
        yield trial


def home(t: Trial, index: int = ME) -> Any:
    return t.parties[index].member.home


def command(t: Trial, *arguments: str, index: int = ME) -> Any:
    """`fedledger job …` of a member; what it printed, as JSON."""
    member, own = t.parties[index].member, ["--home", str(home(t, index).folder), "--json"]
    key = ["--passphrase-file", str(member.passphrase_file)] if arguments[0] == "withdraw" else []
    done = CliRunner().invoke(commands, [*arguments, *own, *key])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.output)


def withdraw(t: Trial, reason: str = REASON) -> Any:
    return command(t, "withdraw", str(t.number), "--reason", reason, "--yes")[1]


def test_who_withdrew_reads_what_comes_next(trial: Trial) -> None:
    member, number = trial.parties[ME].member, str(trial.number)
    own = ["--home", str(home(trial).folder), "--passphrase-file", str(member.passphrase_file), "--yes"]
    done = CliRunner().invoke(commands, ["withdraw", number, "--reason", REASON, *own], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"fedledger job withdrawal {number}.json" in done.output
    assert "last until their deadlines" in done.output
    assert f"fedledger proposal propose roles {ME} --roles aggregator" in done.output


def test_of_a_job_without_rounds_to_come_nobody_waits(trial: Trial) -> None:
    with Connection.open(home(trial)) as connection:
        connection.refresh()
        job, member = connection.history.jobs[trial.number], connection.history.members[ME]
    assert "last until their deadlines" in still_waited_for(job, member)
    assert still_waited_for(replace(job, finalised=job.terms.rounds), member) == ""


def statement(t: Trial) -> Path:
    return file_in(home(t).withdrawals, t.number)


def go_on(t: Trial) -> None:
    """All nodes and an aggregator, over the round's deadlines."""
    for _ in range(3):
        drive(*[node(party, scores=False) for party in t.parties], aggregators.service(t.parties[0]), looks=40)
        t.pass_time(700)


def test_a_home_from_an_old_backup_brings_nothing_to_a_later_round(trial: Trial, tmp_path: Path) -> None:
    old = tmp_path / "backup"
    shutil.copytree(home(trial).folder, old, ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    said = withdraw(trial)
    shutil.rmtree(home(trial).withdrawals)
    assert not (old / "withdrawals").exists()
    for path in old.rglob("*"):
        if path.is_file():
            shutil.copy2(path, home(trial).folder / path.relative_to(old))
    go_on(trial)
    assert trial.state.withdrawn[ME].statement.hex() == said["digest"]
    assert trial.state.rounds, "the others go on"
    assert all(ME not in round_.commitments for round_ in trial.state.rounds.values())
    assert not statement(trial).exists()
    assert not notes(home(trial), "committed", "failed")
    with pytest.raises(UsageError, match="withdrew its data already"):
        withdraw(trial)


@pytest.mark.parametrize("point", crashing.POINTS)
def test_killed_while_it_withdraws(trial: Trial, point: str) -> None:
    """It holds the home back once it began; the same command goes on, and says it to the ledger once."""
    member = trial.parties[ME].member
    assert crashing.run(member, trial.number, point) == -signal.SIGKILL
    assert statement(trial).exists() is (point != "before the file")
    first = statement(trial).read_bytes() if statement(trial).exists() else b""
    sent = point in ("after send", "before removal")
    end = time.monotonic() + 60
    while sent and ME not in trial.state.withdrawn and time.monotonic() < end:
        time.sleep(0.05)
    assert (ME in trial.state.withdrawn) is sent
    if sent:
        with pytest.raises(UsageError, match="withdrew its data already"):
            withdraw(trial)
    else:
        assert crashing.run(member, trial.number) == 0
    kept = statement(trial).read_bytes()
    assert first in (b"", kept), "what was signed once is what is put on record"
    found = trial.state.withdrawn[ME]
    assert found.statement == digest_of(parse(kept))
    assert trial.parties[ME].connection.client.statement(trial.number, ME) == found.statement
    assert list(trial.state.withdrawn) == [ME]


def test_what_was_on_its_way_stays_the_statement(trial: Trial) -> None:
    """Killed with the call in its outbox, which the next command sends before its own."""
    member = trial.parties[ME].member
    assert crashing.run(member, trial.number, "after persist") == -signal.SIGKILL
    with pytest.raises(UsageError, match="withdrew its data already"):
        withdraw(trial, "another reason")
    kept = parse(statement(trial).read_bytes())
    assert (kept.reason, digest_of(kept)) == (REASON, trial.state.withdrawn[ME].statement)
    assert command(trial, "withdrawal", str(statement(trial)), index=0)[0] == 0


def test_a_chain_node_that_hides_the_event_is_said_to(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    party = trial.parties[ME]
    act = crashing.Withdrawing(party.connection, party.member.signer, trial.number, statement(trial))
    signed = act.keep(REASON)
    with monkeypatch.context() as hidden:
        hidden.setattr(Connection, "refresh", lambda connection: connection.history)
        with pytest.raises(Unavailable, match="its log does not have it"):
            act.put_on_record(signed)
    assert act.put_on_record(signed).statement == digest_of(signed)


def test_others_read_it_on_the_ledger_and_hold_the_statement_against_it(trial: Trial, tmp_path: Path) -> None:
    said = withdraw(trial)
    shown = command(trial, "show", str(trial.number), index=0)[1]["withdrawn"]
    name = trial.parties[0].connection.name(ME)
    assert [(one["member"], one["after_round"], one["block"]) for one in shown] == [(name, 0, said["block"])]
    assert shown[0]["statement"] == said["cid"]
    words = CliRunner().invoke(commands, ["show", str(trial.number), "--home", str(home(trial, 0).folder)]).output
    assert f"{name}, after round 0" in " ".join(words.split())
    code, held = command(trial, "withdrawal", said["file"], index=0)
    assert (code, held["block"], held["broken"]) == (0, said["block"], [])


def test_a_statement_that_is_not_the_one_on_the_ledger_is_refuted(trial: Trial, tmp_path: Path) -> None:
    """A member signs two, and hands the other one around."""
    other = tmp_path / "other.json"
    party = trial.parties[ME]
    statement(trial).parent.mkdir()
    act = crashing.Withdrawing(party.connection, party.member.signer, trial.number, statement(trial))
    other.write_bytes(act.keep("another reason").encode())
    with pytest.raises(Unavailable, match="not on the ledger"):
        command(trial, "withdrawal", str(other), index=0)
    withdraw(trial)
    assert parse(statement(trial).read_bytes()).reason == REASON, "what nobody put on record is made again"
    with pytest.raises(Refuted, match="another statement of this member's"):
        command(trial, "withdrawal", str(other), index=0)


def test_a_statement_of_another_chain_is_refuted_whatever_block_and_job_it_names(trial: Trial, tmp_path: Path) -> None:
    withdraw(trial)
    found, other = parse(statement(trial).read_bytes()), tmp_path / "other.json"
    block = msgspec.structs.replace(found.block, number=1 << 40)
    other.write_bytes(msgspec.structs.replace(found, chain=found.chain + 1, job=77, block=block).encode())
    with pytest.raises(Refuted, match="of another ledger"):
        command(trial, "withdrawal", str(other), index=0)


def test_an_update_after_it_is_in_every_audit(trial: Trial) -> None:
    """Its software ignores both home and ledger."""
    withdraw(trial)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    trial.submit()
    trial.open_updates()
    assert trial.state.broken_by(ME) == (1,)
    code, held = command(trial, "withdrawal", str(statement(trial)), index=0)
    assert (code, held["broken"]) == (1, [1])
    found = inspect(trial.parties[0].connection, AuditRequest(source=False)).open.list
    (breach,) = [one for one in found if "had withdrawn its data" in one.why]
    assert trial.parties[ME].member.signer.address in (breach.fault or "")

    connection, made = trial.parties[0].connection, trial.state.rounds[1].commitments[ME]
    witness = ChainWitness(connection.client.rpc, connection.place.chain, connection.client.addresses)
    word = withdrew(trial.state, trial.state.withdrawn[ME])
    assert witness(word).statement == "withdrawData"
    with pytest.raises(Unproven, match="signed it before"):
        witness(word._replace(after=made.tx))
