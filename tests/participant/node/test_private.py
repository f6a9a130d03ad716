"""Private tensors in real rounds: they stay at home, in step with the ledger, and in no byte that leaves."""

import json
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

import torch
from support.consortia import aggregators
from support.consortia.synthetic import Party, Trial
from support.consortia.trainers import data_of, drive, node, notes, train_on
from support.crashing import node as node_crashing

from ledger.history.state import Phase
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.upkeep.backups import back_up, restore
from ledger.releases.report import parse as parse_report
from ledger.rounds.facts import RoundFacts
from participant.cli.node import node as commands
from participant.integers.fixed_point import Stream
from participant.measuring.evaluation import read
from participant.node.trainings import seed_of
from participant.private.tensors import MODEL, NOTHING, decode, encode
from participant.tasks.machine import Machine
from participant.tasks.training import Local

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("warm_trainers")]
PATTERNS = '\n[private]\ntensors = ["2.*"]\n'
NAMES = {"2.bias", "2.weight"}
MASKED = """
[privacy]
mode = "masked"
smallest = 3
set_up_seconds = 60
set_seconds = 60
unmask_seconds = 60
share_seconds = 60
"""
KILLED = ["before own", "after own", "before update", "after update", "after persist", "after transmit"]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    with ExitStack() as stack:

        def make(**options: Any) -> Trial:
            trial = stack.enter_context(Trial(found(3), propose=False))
            return train_on(trial, scoring=PATTERNS, least=3, **options)

        yield make


def finished(t: Trial) -> Trial:
    nodes = [node(party, until_complete=True) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.complete, [notes(party.member.home, "failed") for party in t.parties]
    return t


def until(reached: Callable[[], bool], *workers: Any) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        for worker in workers:
            if reached():
                return
            worker.look()
            worker.settle(5)
    raise AssertionError("it never came to that")


def folder(t: Trial, index: int) -> Path:
    return t.parties[index].member.home.folder / "private" / t.job.digest.hex()


def state(t: Trial, index: int, number: int) -> Path:
    digest = t.state.rounds[number].commitments[index].digest.hex()
    return folder(t, index) / f"{t.number}-{number}-{digest}.safetensors"


def trained_again(t: Trial, index: int, number: int, own: Any, tmp_path: Path) -> tuple[Stream, Any]:
    """The round as a pure function: base model, data, seed, and the private tensors before."""
    facts = RoundFacts.of(t.parties[0].connection.place, t.state, t.job, t.state.rounds[number])
    base = read(t.parties[0].connection, t.state, t.job, facts.base)
    local = Local.of(t.job, Machine("cpu", tmp_path / "again"))
    seed = seed_of(t.job.digest, number, index)
    trained = local.train(base, data_of(t.parties[index]), number, seed, keep=False, own=own)
    return trained.update, trained.own


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_each_party_keeps_its_own_from_round_to_round(trial: Callable[..., Trial], tmp_path: Path) -> None:
    t = finished(trial(rounds=2))
    assert [tensor.name for tensor in t.job.tensors] == ["0.bias", "0.weight"]
    heads = []
    for index in range(3):
        first, second = (decode(state(t, index, number).read_bytes()) for number in (1, 2))
        assert first.keys() == second.keys() == {MODEL}
        assert first[MODEL].keys() == NAMES
        assert len(list(folder(t, index).iterdir())) == 2
        for number in (1, 2):
            assert stat.S_IMODE(state(t, index, number).stat().st_mode) == 0o600
        _, left = trained_again(t, index, 1, NOTHING, tmp_path)
        assert same(left[MODEL], first[MODEL])
        _, left = trained_again(t, index, 2, first, tmp_path)
        assert same(left[MODEL], second[MODEL])
        _, fresh = trained_again(t, index, 2, NOTHING, tmp_path)
        assert not same(fresh[MODEL], second[MODEL]), "round 2 goes on from what round 1 left"
        heads.append(second[MODEL]["2.weight"])
    assert not torch.equal(heads[0], heads[1])
    report = inspect(t.parties[1].connection, AuditRequest(source=False))
    assert report.right.answer == "yes"


def test_no_byte_of_them_leaves(trial: Callable[..., Trial]) -> None:
    """Neither as floats nor as the ledger's integers, in the store, the index, a journal, or on the chain."""
    t = finished(trial(rounds=2))
    secrets = [
        piece
        for index in range(3)
        for number in (1, 2)
        for tensor in decode(state(t, index, number).read_bytes())[MODEL].values()
        for piece in written(tensor)
    ]
    shared = decoded_store(t)
    assert any(value in shared for value in public(t)), "what is shared is found by the same search"
    places = [("chain", chain(t)), ("stores", shared)]
    for party in t.parties:
        home = party.member.home.folder
        files = [path for path in home.rglob("*") if path.is_file() and home / "private" not in path.parents]
        assert any("node.jsonl" in path.name for path in files)
        places += [(str(path), path.read_bytes()) for path in files]
    for where, content in places:
        for secret in secrets:
            assert secret not in content, where
            assert secret.hex().encode() not in content, where


def written(tensor: Any) -> list[bytes]:
    """A tensor's values as they could be written: floats, and integers of the ledger."""
    values = tensor.numpy().astype("<f4")
    integers = np.rint(values.astype(np.float64) * 2**24).astype("<i4")
    return [values.tobytes(), values.astype("<f8").tobytes(), integers.tobytes(), values.astype(">f4").tobytes()]


def public(t: Trial) -> list[bytes]:
    connection = t.parties[0].connection
    facts = RoundFacts.of(connection.place, t.state, t.job, t.state.rounds[2])
    return [read(connection, t.state, t.job, facts.base).astype("<i4").tobytes()]


def decoded_store(t: Trial) -> bytes:
    """All that the parties' gateways can serve: every file that a pin names."""
    content = b""
    for party in t.parties:
        for cid in party.connection.store.pins().values():
            content += b"".join(bytes(piece) for piece in party.connection.fetch(cid, 0, None))
    return content


def chain(t: Trial) -> bytes:
    """Every transaction and log of the chain."""
    rpc = t.consortium.client.rpc
    last = int(rpc.call("eth_blockNumber"), 16)
    blocks = [rpc.call("eth_getBlockByNumber", hex(number), True) for number in range(last + 1)]
    logs = rpc.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(last)})
    text = json.dumps([blocks, logs])
    assert len(text) > 10_000
    return text.encode()


@pytest.mark.parametrize("point", KILLED)
def test_killed_anywhere_the_same_update_and_the_same_state_come_again(
    trial: Callable[..., Trial], tmp_path: Path, point: str
) -> None:
    t = trial(rounds=2)
    others = [node(t.parties[0]), node(t.parties[1])]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*others)
    member = t.consortium.members[2]
    assert node_crashing.run(member, point) < 0
    assert node_crashing.run(member) == 0
    assert sorted(t.round.commitments) == [0, 1, 2]
    update, left = trained_again(t, 2, 1, NOTHING, tmp_path)
    assert state(t, 2, 1).read_bytes() == encode(left, t.job.digest, 1)
    t.open_updates()
    for _ in range(3):
        drive(aggregators.service(t.parties[0]), *others)
        assert node_crashing.run(member) == 0
        if t.state.rounds[1].phase is Phase.FINALISED:
            break
    entry = t.state.rounds[1].updates[2]
    from participant.integers.artifacts import root_of

    assert entry.root == root_of(update), "the update that was registered is that of the pure function"


def test_a_state_whose_update_never_came_is_not_the_current_one(trial: Callable[..., Trial], tmp_path: Path) -> None:
    """Killed after it kept state and update; the round goes on without it. The next starts as if it had not been."""
    t = trial(rounds=2)
    t.job = t.job
    member = t.consortium.members[2]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(node(t.parties[0]), node(t.parties[1]))
    assert node_crashing.run(member, "before persist") < 0
    (kept,) = folder(t, 2).iterdir()
    assert kept.name.startswith(f"{t.number}-1-")
    assert 2 not in t.round.commitments
    from participant.private.states import PrivateStates

    states = PrivateStates(member.home.folder)
    assert states.before(t.state, t.job, 2, 2) == b""


@pytest.mark.parametrize("damage", ["gone", "another job's"])
def test_lost_private_tensors_are_named_and_training_goes_on_from_the_start(
    trial: Callable[..., Trial], tmp_path: Path, damage: str
) -> None:
    t = trial(rounds=2)
    nodes = [node(party) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    path = state(t, 2, 1)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(encode(decode(path.read_bytes()), bytes(32), 1))
    finished(t)
    (note,) = notes(t.parties[2].member.home, "restarted")
    assert "private tensors start again as the job's seed makes them" in note["text"]
    assert "restore the home's folder `private`" in json.dumps(note)
    assert not notes(t.parties[0].member.home, "restarted")
    _, left = trained_again(t, 2, 2, NOTHING, tmp_path)
    assert same(left[MODEL], decode(state(t, 2, 2).read_bytes())[MODEL])
    assert t.state.rounds[2].final is not None


def test_a_home_restored_from_its_backup_goes_on(trial: Callable[..., Trial], tmp_path: Path) -> None:
    """Its disk is lost between two rounds: key, salts and private tensors come back, content from the others."""
    t = trial(rounds=2)
    t.parties[0].sender.send("ledger", "openRound", t.number)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    until(lambda: t.state.rounds[1].final is not None, *nodes, aggregators.service(t.parties[0]))
    kept = state(t, 2, 1).read_bytes()
    t.parties[2].close()
    home = t.parties[2].member.home
    back_up(home, tmp_path / "member2.age", "nine blue horses")
    shutil.rmtree(home.folder)
    restore(home, tmp_path / "member2.age", "nine blue horses")
    assert not home.store.exists()
    t.parties[2] = Party(t, 2)
    finished(t)
    assert state(t, 2, 1).read_bytes() == kept
    assert sorted(t.state.rounds[2].updates) == [0, 1, 2]
    assert not notes(home, "restarted", "refused")
    _, left = trained_again(t, 2, 2, decode(kept), tmp_path)
    assert same(left[MODEL], decode(state(t, 2, 2).read_bytes())[MODEL]), "round 2 goes on from what was restored"


def test_personal_models_are_made_measured_and_reported_beside_the_global_one(
    trial: Callable[..., Trial], tmp_path: Path
) -> None:
    t = finished(trial(rounds=2, hold_out=50))
    home = str(t.parties[0].member.home.folder)

    def call(*arguments: object) -> str:
        result = CliRunner().invoke(commands, [*map(str, arguments), "--home", home], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    made = json.loads(call("personalise", "--method", "ditto", "--steps", 20, "--lambda", 0.3, "--json"))
    assert (made["round"], made["steps"], made["lambda"]) == (2, 20, 0.3)
    assert stat.S_IMODE(Path(made["file"]).stat().st_mode) == 0o600
    again = Path(made["file"]).read_bytes()
    call("personalise", "--method", "ditto", "--steps", 20, "--lambda", 0.3)
    assert Path(made["file"]).read_bytes() == again
    call("personalise", "--method", "fine_tune", "--steps", 20)
    report = tmp_path / "report.json"
    line = json.loads(call("evaluate", "--personal", "--report", report, "--json"))
    assert [one["kind"] for one in line["personal"]] == ["ditto", "fine_tune", "private_tensors"]
    assert all(one["personal"] is True for one in line["personal"])
    (party,) = parse_report(report.read_bytes()).parties
    assert [one.kind for one in party.personal] == ["ditto", "fine_tune", "private_tensors"]
    assert len({one.metrics["loss"] for one in party.personal} | {party.metrics["loss"]}) == 4
    plain = json.loads(call("evaluate", "--json"))
    assert "personal" not in plain
    assert plain["loss"] == line["loss"], "the global figures are the same"
    words = call("evaluate", "--personal")
    assert "personal, with the party's private tensors: accuracy" in words


def test_a_party_without_a_personal_model_is_told_how_to_make_one(found: Callable[..., Any], tmp_path: Path) -> None:
    with Trial(found(3), propose=False) as t:
        finished(train_on(t, rounds=1, hold_out=50))
        home = str(t.parties[0].member.home.folder)
        result = CliRunner().invoke(commands, ["evaluate", "--personal", "--home", home])
        assert "has no personal model of round 1" in str(result.exception)


@pytest.mark.parametrize("privacy", [MASKED, '\n[privacy]\nmode = "sealed"\n'])
def test_masks_and_seals_cover_what_is_shared(found: Callable[..., Any], privacy: str) -> None:
    with Trial(found(3), propose=False) as t:
        train_on(t, rounds=1, least=3, scoring=PATTERNS + privacy, propose=False)
        assert t.job.private.tensors == ("2.*",)
        assert [tensor.name for tensor in t.job.tensors] == ["0.bias", "0.weight"]
