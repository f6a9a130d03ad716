"""Sealed rounds on a real chain, each member's node at work: everybody reads what nobody who keeps bytes can."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import service
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes, train_on
from support.consortia.voters import said

from ledger.audit.report import Report
from ledger.config import Home
from ledger.formats.cid import of_file
from ledger.history.state import Phase
from ledger.masks.keys import point_of
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.read_key_files import load_read_key
from ledger.party.seals.reader import SealReader, mask_keys_of
from ledger.party.sharing.slips import SlipErrands
from ledger.rounds.admission import Verdict
from ledger.seals.keys import UpdateName
from ledger.seals.slips import Slips

pytestmark = pytest.mark.node
MEMBERS = 3
PRIVACY = '\n[privacy]\nmode = "sealed"\n'


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        trial = stack.enter_context(Trial(found(MEMBERS), propose=False))
        yield train_on(trial, rounds=1, least=MEMBERS, scoring=PRIVACY)


def collect(trial: Trial) -> list[Any]:
    """A round with an update of every member, opened; the nodes."""
    nodes = [node(party, scores=False) for party in trial.parties]
    drive(*nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    trial.open_updates()
    return nodes


def finish(trial: Trial, nodes: list[Any]) -> None:
    """All vouch, the aggregator publishes, and all attest."""
    drive(*nodes)
    drive(service(trial.parties[0]), *nodes)
    assert trial.round.phase is Phase.FINALISED, [notes(p.member.home) for p in trial.parties]


def audit(trial: Trial, home: Any, *read_keys: Any) -> Report:
    with Connection.open(home) as connection:
        connection.refresh()
        return inspect(connection, AuditRequest(source=False, read_keys=read_keys))


def test_members_read_what_nobody_else_can_and_an_auditor_is_added_later(trial: Trial, tmp_path: Path) -> None:
    finish(trial, collect(trial))
    aggregate = trial.round.final
    assert aggregate is not None
    assert set(aggregate.verdicts) == {Verdict.ADMITTED}
    for update in trial.round.updates.values():
        for party in trial.parties:
            cid = of_file(update.cid, trial.job.update_size)
            data = b"".join(bytes(piece) for piece in party.connection.fetch(cid, 0, None))
            assert data.startswith(b"fedledger/seal/1")
            assert b"__metadata__" not in data
    keyless = trial.parties[0].member.home
    assert audit(trial, keyless).right.answer == "yes"

    other = trial.parties[1].member
    reader = said("seal", "key", tmp_path / "read.key", "--json")["reader"]
    stranger = auditor_of(trial, tmp_path)
    report = audit(trial, stranger)
    assert report.right.answer == "unknown"
    assert not report.lies.list
    assert all("no slip that opens" in one.why for one in report.open.list if one.check.name == "BYTES")
    key = ("--home", other.home.folder, "--passphrase-file", other.passphrase_file)
    assert said("seal", "grant", reader, *key, "--json") == {"granted": MEMBERS, "closed": 0}
    report = audit(trial, stranger, load_read_key(tmp_path / "read.key"))
    assert report.right.answer == "yes", [(one.check.name, one.why) for one in report.open.list]


def auditor_of(trial: Trial, folder: Path) -> Any:
    """A home without a key, a store or a membership, that reads from the members' gateways."""
    home = Home(folder / "auditor")
    home.folder.mkdir()
    source = trial.parties[2].member.home
    home.network_file.write_bytes(source.network_file.read_bytes())
    return home


def test_one_of_before_a_key_was_rotated_is_not_opened_for_nobody_to_read(trial: Trial) -> None:
    """The round hears slips by the old key alone. The content key stays at home, and no slips of another's name are
    made of it.
    """
    first, second, _ = trial.parties
    drive(*(node(party, scores=False) for party in trial.parties))
    first.sender.send("ledger", "openRound", trial.number)
    drive(*(node(party, scores=False) for party in (first, second)))
    second.rotate()
    workers = [*(node(party, scores=False) for party in trial.parties), service(first)]
    drive(*workers)
    trial.pass_time(451)
    drive(*workers)
    assert sorted(trial.state.rounds[1].updates) == [0, 2]
    assert notes(second.member.home, "lost")
    drawer = Drawer(second.member.home.folder)
    assert second.sender.address not in {kept.slips.name.party for kept in drawer.all()}
    assert list((second.member.home.folder / "seals").glob("*.key"))


def test_garbage_for_one_member_is_shown_by_the_others_who_pass_the_key_on(trial: Trial) -> None:
    """Member 2 seals garbage to member 1: member 0 sees it and makes a slip for it, and the round goes on."""
    nodes = collect(trial)
    victim, liar = (trial.parties[index] for index in (1, 2))
    drawer = Drawer(liar.member.home.folder)
    (point,) = points_of(victim)
    (own,) = [kept for kept in drawer.all() if kept.slips.name.party == liar.sender.address]
    bad = Slips(own.slips.name, own.slips.cid, own.slips.commitment, {**own.slips.packets, point: bytes(80)})
    signed = bad.encode() + liar.member.signer.sign_typed_data(*bad.to_sign())
    drawer.put(signed)
    drive(*nodes)
    name = UpdateName(own.slips.name.round, liar.sender.address)
    assert (name, liar.sender.address) in nodes[0]._rounds.exchange.slips.bad
    (told,) = [note for note in notes(trial.parties[0].member.home) if note["action"] == "garbage"]
    assert (told["author"], told["party"]) == (liar.sender.address, liar.sender.address)
    finish(trial, nodes)
    granted = [kept.author for kept in Drawer(victim.member.home.folder).of(name, own.slips.cid)]
    assert trial.parties[0].sender.address in granted
    assert nodes[1]._rounds.exchange.slips.reader.opens(victim.facts, victim.connection.fetch) == {0, 1, 2}


def test_a_member_that_a_party_left_out_has_the_key_from_another(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Member 2 makes slips for member 1 alone, as many as a certificate takes: the aggregator, member 0, is left out,
    and would have to answer for its turn.
    """
    nodes = collect(trial)
    victim, helper, liar = (trial.parties[index] for index in (0, 1, 2))
    drawer = Drawer(liar.member.home.folder)
    (own,) = [kept for kept in drawer.all() if kept.slips.name.party == liar.sender.address]
    left = {point: packet for point, packet in own.slips.packets.items() if point not in points_of(victim)}
    few = Slips(own.slips.name, own.slips.cid, own.slips.commitment, left)
    drawer.put(few.encode() + liar.member.signer.sign_typed_data(*few.to_sign()))
    monkeypatch.setattr(nodes[2]._rounds.exchange.slips, "_stand_in", lambda *_: False)
    finish(trial, nodes)
    granted = Drawer(victim.member.home.folder).of(own.slips.name, own.slips.cid)
    (made,) = [kept for kept in granted if kept.author == helper.sender.address]
    assert list(made.slips.packets) == points_of(victim)


def test_a_node_that_was_killed_before_it_made_slips_makes_them_and_keeps_no_key(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its update was shown, and somebody opened it: nothing is to be shown any more."""
    with monkeypatch.context() as patched:
        patched.setattr(SlipErrands, "make", lambda *_: None)
        nodes = collect(trial)
    finish(trial, nodes)
    assert not [key for party in trial.parties for key in (party.member.home.folder / "seals").glob("*.key")]


def test_an_update_whose_slips_are_made_is_taken_again_for_the_same_base_alone(trial: Trial) -> None:
    """A chain that goes back over the commitment may go on from another model."""
    nodes = collect(trial)
    updates, facts = nodes[0]._rounds._updates, trial.parties[0].facts
    opening = updates.committed(facts)
    assert not list((trial.parties[0].member.home.folder / "seals").glob("*.key"))
    assert updates._is_whole(facts, opening)
    assert not updates._is_whole(replace(facts, base=replace(facts.base, root=bytes(32))), opening)


def points_of(party: Any) -> list[bytes]:
    return [point_of(key) for key in mask_keys_of(party.member.home.folder)]


def test_a_node_that_was_killed_after_it_kept_its_update_goes_on_with_it(trial: Trial) -> None:
    """The key is on the disk before the commitment: another process makes the slips of it."""
    nodes = [node(party, scores=False) for party in trial.parties]
    drive(*nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    committed = {index: made.digest for index, made in trial.round.commitments.items()}
    again = [node(party, scores=False) for party in trial.parties]
    drive(*again)
    assert {index: made.digest for index, made in trial.round.commitments.items()} == committed
    trial.open_updates()
    finish(trial, again)
    assert all(
        SealReader(party.member.home.folder).opens(party.facts, party.connection.fetch) for party in trial.parties
    )
