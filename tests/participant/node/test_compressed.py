"""Compressed updates in real rounds on a real chain: what rounding took stays at home, in step with the ledger."""

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia import aggregators, trainers
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, notes, train_on
from support.crashing import node as node_crashing

from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Packing
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.party.auditing import AuditRequest, inspect
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import RoundFacts
from participant.cli.node import node as commands
from participant.integers.artifacts import body_of
from participant.integers.compression import RESIDUE, VALUES
from participant.measuring.evaluation import read
from participant.node.trainings import seed_of
from participant.private.tensors import MODEL, NOTHING, decode, encode
from participant.tasks.machine import Machine
from participant.tasks.training import Local

pytestmark = pytest.mark.node
INT4 = "\n[compression]\nbits = 4\n"
INT8 = "\n[compression]\nbits = 8\n"
PRIVATE = '\n[private]\ntensors = ["2.*"]\n'
SEALED = '\n[privacy]\nmode = "sealed"\n'
KILLED = ["before own", "after own", "before update", "after update", "after persist"]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    with ExitStack() as stack:

        def make(said: str, **options: Any) -> Trial:
            trial = stack.enter_context(Trial(found(3), propose=False))
            return train_on(trial, scoring=said, **{"least": 3} | options)

        yield make


def finished(t: Trial) -> Trial:
    nodes = [node(party, until_complete=True) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.complete, [notes(party.member.home, "failed") for party in t.parties]
    return t


def state(t: Trial, index: int, number: int) -> Path:
    digest = t.state.rounds[number].commitments[index].digest.hex()
    folder = t.parties[index].member.home.folder / "private" / t.job.digest.hex()
    return folder / f"{t.number}-{number}-{digest}.safetensors"


def trained_again(t: Trial, index: int, number: int, own: Any, tmp_path: Path) -> tuple[bytes, Any]:
    """The round as a pure function: the update's root, and what stays at home."""
    facts = RoundFacts.of(t.parties[0].connection.place, t.state, t.job, t.state.rounds[number])
    base = read(t.parties[0].connection, t.state, t.job, facts.base)
    local = Local.of(t.job, Machine("cpu", tmp_path / "again"))
    trained = local.train(
        base, data_of(t.parties[index]), number, seed_of(t.job.digest, number, index), keep=False, own=own
    )
    return root_of(body_of(t.job.update_layout, trained.update)), trained.own


def test_what_rounding_took_is_added_to_the_next_update(trial: Callable[..., Trial], tmp_path: Path) -> None:
    t = finished(trial(INT4, rounds=2))
    assert t.job.compression is not None
    assert (t.job.compression.bits, t.job.compression.error_feedback) == (4, True)
    for index in range(3):
        first, second = (decode(state(t, index, number).read_bytes()) for number in (1, 2))
        assert first.keys() == second.keys() == {RESIDUE}
        assert stat.S_IMODE(state(t, index, 1).stat().st_mode) == 0o600
        assert bool(first[RESIDUE][VALUES].any())
        root, left = trained_again(t, index, 1, NOTHING, tmp_path)
        assert root == t.state.rounds[1].updates[index].root
        assert left[RESIDUE][VALUES].equal(first[RESIDUE][VALUES])
        root, left = trained_again(t, index, 2, first, tmp_path)
        assert root == t.state.rounds[2].updates[index].root
        assert left[RESIDUE][VALUES].equal(second[RESIDUE][VALUES])
        assert trained_again(t, index, 2, NOTHING, tmp_path)[0] != root, "round 2 has what round 1 lacked"
    assert set(t.state.rounds[2].final.verdicts) == {Verdict.ADMITTED}
    report = inspect(t.parties[1].connection, AuditRequest(source=False))
    assert report.right.answer == "yes"
    for party in t.parties:
        served = b"".join(
            bytes(piece)
            for cid in party.connection.store.pins().values()
            for piece in party.connection.fetch(cid, 0, None)
        )
        for number in (1, 2):
            residue = decode(state(t, party.index, number).read_bytes())[RESIDUE][VALUES].numpy()
            assert residue.tobytes() not in served
        assert len(served) > 1000


def test_a_round_is_replayed(trial: Callable[..., Trial], tmp_path: Path) -> None:
    t = finished(trial(INT4 + PRIVATE, rounds=2, hold_out=20))
    home = str(t.parties[1].member.home.folder)
    arguments = ["replay", "--round", "2", "--home", home, "--json"]
    result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["root"] == t.state.rounds[2].updates[1].root.hex()


def test_private_tensors_and_what_rounding_took_are_one_file(trial: Callable[..., Trial], tmp_path: Path) -> None:
    t = finished(trial(INT4 + PRIVATE, rounds=2))
    for index in range(3):
        first, second = (decode(state(t, index, number).read_bytes()) for number in (1, 2))
        assert first.keys() == second.keys() == {MODEL, RESIDUE}
        assert len(first[RESIDUE][VALUES]) == t.job.layout.values
        root, left = trained_again(t, index, 2, first, tmp_path)
        assert root == t.state.rounds[2].updates[index].root
        assert encode(left, t.job.digest, 2) == state(t, index, 2).read_bytes()


def test_eight_bits_keep_nothing_at_home(trial: Callable[..., Trial]) -> None:
    t = finished(trial(INT8, rounds=1))
    assert not (t.parties[0].member.home.folder / "private").exists()
    cid = t.state.rounds[1].updates[0].cid
    assert any(one.digest == cid for one in t.parties[1].connection.store.pins().values())


def test_sealed_ones_make_the_model_of_open_ones(trial: Callable[..., Trial]) -> None:
    roots = [finished(trial(INT8 + said, rounds=1)).state.rounds[1].final.root for said in (SEALED, "")]
    assert roots[0] == roots[1]


@pytest.mark.parametrize("point", KILLED)
def test_killed_anywhere_the_same_update_comes_again(trial: Callable[..., Trial], tmp_path: Path, point: str) -> None:
    t = trial(INT4, rounds=2)
    others = [node(t.parties[0]), node(t.parties[1])]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*others)
    member = t.consortium.members[2]
    assert node_crashing.run(member, point) < 0
    assert node_crashing.run(member) == 0
    assert sorted(t.round.commitments) == [0, 1, 2]
    root, left = trained_again(t, 2, 1, NOTHING, tmp_path)
    assert state(t, 2, 1).read_bytes() == encode(left, t.job.digest, 1)
    t.open_updates()
    for _ in range(3):
        drive(aggregators.service(t.parties[0]), *others)
        assert node_crashing.run(member) == 0
        if t.state.rounds[1].phase is Phase.FINALISED:
            break
    assert t.state.rounds[1].updates[2].root == root


def test_a_lost_residue_is_named_and_training_goes_on_without_it(trial: Callable[..., Trial], tmp_path: Path) -> None:
    t = trial(INT4, rounds=2)
    nodes = [node(party) for party in t.parties]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(*nodes)
    state(t, 2, 1).unlink()
    finished(t)
    (note,) = notes(t.parties[2].member.home, "restarted")
    assert "what rounding took is not added" in note["text"]
    assert "training goes on without it" in json.dumps(note)
    assert trained_again(t, 2, 2, NOTHING, tmp_path)[0] == t.state.rounds[2].updates[2].root


def second_encoding(packing: Packing, body: bytearray) -> None:
    body[0] = 1


def overflow(packing: Packing, body: bytearray) -> None:
    body[0] = packing.largest_shift + 1


def padding(packing: Packing, body: bytearray) -> None:
    body[packing.starts[2] - 1] = 0x10


def shorter(packing: Packing, body: bytearray) -> None:
    del body[-1]


def lowest(packing: Packing, body: bytearray) -> None:
    body[packing.starts[1]] = 0x08


@pytest.mark.parametrize("lie", [second_encoding, overflow, padding, shorter, lowest], ids=lambda lie: lie.__name__)
def test_a_lie_is_refused_on_record_and_the_round_goes_on(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch, lie: Callable[[Packing, bytearray], None]
) -> None:
    monkeypatch.setattr(trainers, "DRAFT", trainers.DRAFT.replace("hidden = [4]", "hidden = [3]"))
    t = trial(INT4, rounds=1, least=2)
    packing, liar = t.job.packing, t.parties[2]
    assert packing is not None
    assert t.job.tensors[0].values == 3
    body = bytearray(packed(packing, np.zeros(packing.model.values, np.int32)))
    lie(packing, body)
    t.parties[0].sender.send("ledger", "openRound", t.number)
    liar.submit(data=packing.header(liar.binding()) + bytes(body), root=root_of(bytes(body)))
    honest = [node(party) for party in t.parties[:2]]
    drive(*honest)
    t.open_updates()
    drive(*honest, aggregators.service(t.parties[0]), looks=60)
    final = t.state.rounds[1].final
    assert final is not None
    assert list(final.verdicts) == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.HEADER]
    assert inspect(t.parties[1].connection, AuditRequest(source=False)).right.answer == "yes"
