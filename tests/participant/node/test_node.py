"""Nodes on a real chain, with real contracts, stores, gateways and training."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import warm
from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import (
    data_of,
    drive,
    end_pauses,
    node,
    notes,
    patiently,
    train_on,
    trainers_of,
    write_data,
)

from aggregator.service import Service
from demo.liar import Liar
from ledger.errors import Unavailable
from ledger.events.records import Form, Reason, Role
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.claims import commitment
from ledger.history.state import Phase
from ledger.party.connection import Connection
from participant.node.updates import Updates
from participant.node.worker import NodeWorker

pytestmark = pytest.mark.node


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    """Makes trials with a job that is really trained."""
    with ExitStack() as stack:

        def make(members: int = 3, roles: Any = None, **options: Any) -> Trial:
            consortium = found(members) if roles is None else found(members, roles)
            return train_on(stack.enter_context(Trial(consortium, propose=False)), **options)

        yield make


def open_round(trial: Trial) -> None:
    trial.parties[0].sender.send("ledger", "openRound", trial.number)


def aggregator(trial: Trial, index: int = 0, **options: Any) -> Service:
    """A party's aggregator."""
    return aggregators.service(trial.parties[index], **options)


def published(trial: Trial, nodes: Collection[Any], index: int = 0, **options: Any) -> None:
    """Drive a round until an aggregate of a party stands, which nobody has attested."""
    one = aggregator(trial, index, **options)
    end = time.monotonic() + 150
    while time.monotonic() < end:
        for worker in (one, *nodes):
            if trial.state.current and trial.round.aggregates and trial.round.aggregates[-1].index == index:
                return
            worker.look()
            worker.settle(5)
        time.sleep(0.05)
    raise AssertionError("nothing is published")


def test_nodes_and_an_aggregator_bring_a_job_to_its_end(trial: Callable[..., Trial]) -> None:
    t = trial(members=4, rounds=3)
    nodes = [node(party, until_complete=True) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]), looks=60)
    assert t.state.complete
    assert all(one.done for one in nodes)
    for round_ in t.state.rounds.values():
        assert round_.phase is Phase.FINALISED
        assert sorted(round_.updates) == [0, 1, 2, 3]
        assert round_.aggregates[0].verdicts == bytes(4)
        assert {update.weight for update in round_.updates.values()} == {24}
    for party in t.parties:
        assert len(notes(party.member.home, "committed")) == 3
        assert not notes(party.member.home, "failed", "refuted")


def test_every_node_keeps_what_the_last_round_was_made_of(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    drive(*[node(party) for party in t.parties], aggregators.service(t.parties[0]))
    round_ = t.state.rounds[1]
    assert round_.final is not None
    wanted = {update.cid for update in round_.updates.values()} | {round_.final.cid}
    for party in t.parties:
        assert wanted <= {cid.digest for cid in party.connection.store.pins().values()}


def test_a_restarted_node_commits_to_nothing_twice(trial: Callable[..., Trial]) -> None:
    t = trial()
    open_round(t)
    for _ in range(3):
        drive(node(t.parties[0]))
    assert sorted(t.round.commitments) == [0]
    assert len(notes(t.parties[0].member.home, "committed")) == 1


def test_nobody_sees_an_update_before_all_are_fixed(trial: Callable[..., Trial]) -> None:
    """Neither its bytes nor its opening leave the home; once the last is committed to, both do."""
    t = trial(rounds=1)
    open_round(t)
    first, *others = [node(party) for party in t.parties]
    drive(first)
    party, facts = t.parties[0], t.parties[0].facts
    (opening,) = party.openings.find(facts.name)
    assert commitment(facts.name, opening) == t.round.commitments[0].digest
    cid = of_file(opening.cid, facts.update_size)
    (gateway,) = [one for one in t.parties[1].connection.holders.others if one.url == party.serving.url]
    with pytest.raises(Unavailable):
        gateway.get(cid)
    assert not party.openings.shown(t.number, 1)
    drive(first, *others)
    assert sorted(t.round.commitments) == [0, 1, 2]
    assert gateway.get(cid)
    assert party.openings.shown(t.number, 1)


def test_an_update_kept_before_a_crash_is_committed_to_as_it_is(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial()
    open_round(t)
    party = t.parties[0]
    with monkeypatch.context() as patch:
        patch.setattr(NodeWorker, "_is_due", lambda self, step: False)
        patiently(node(party))
    assert not t.round.commitments
    (kept,) = party.openings.find(party.facts.name)
    write_data(data_of(party), seed=99)
    drive(node(party))
    assert t.round.commitments[0].digest == commitment(party.facts.name, kept)
    assert kept.weight == 24


def test_training_again_gives_the_same_update_under_the_same_salt(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial()
    open_round(t)
    party, made = t.parties[0], []
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(NodeWorker, "_is_due", lambda self, step: False)
            patiently(node(party))
        made.append(party.openings.find(party.facts.name))
        for path in (party.connection.folder / "openings").iterdir():
            path.unlink()
    assert made[0] == made[1] != []


def test_one_that_is_passed_over_opens_itself(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    assert t.phase is Phase.OPENING
    assert not t.round.updates
    t.pass_time(451)
    drive(*nodes)
    assert sorted(t.round.updates) == [0, 1, 2]
    assert all(len(notes(party.member.home, "opened")) == 1 for party in t.parties)


@pytest.mark.parametrize("passed_over", [False, True])
def test_an_update_of_before_a_key_was_rotated_is_shown_under_the_new_one(
    trial: Callable[..., Trial], passed_over: bool
) -> None:
    """The commitment is the member's: its node, started again with the new key, has the update and opens it."""
    t = trial(rounds=1)
    open_round(t)
    first, second, last = t.parties
    drive(node(first), node(second))
    old = second.sender.address
    second.rotate()
    nodes = [node(party) for party in (first, second, last)]
    drive(*nodes)
    assert t.phase is Phase.OPENING
    if passed_over:
        t.pass_time(451)
        drive(*nodes)
    else:
        drive(*nodes, aggregators.service(first))
        assert t.state.rounds[1].final is not None
    assert sorted(t.state.rounds[1].updates) == [0, 1, 2]
    assert t.state.rounds[1].updates[1].party == old
    assert not notes(second.member.home, "lost", "failed")


def test_members_refute_a_model_that_differs_in_its_root(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    drive(*nodes)
    t.parties[0].publish(root=b"\x13" * 32)
    drive(*nodes[1:])
    assert t.round.phase is Phase.AGGREGATING
    assert t.round.aggregates[0].outcome is Phase.REFUTED
    (note,) = notes(t.parties[1].member.home, "refuted")
    assert note["published"] == t.round.aggregates[0].claim.hex()
    assert note["evidence"]["expected"] == "13" * 32
    assert "does not have the published root" in note["text"]
    drive(*nodes, aggregator(t, 1))
    assert t.round.phase is Phase.FINALISED
    (note,) = notes(t.parties[0].member.home, "attested")
    assert note["verdicts"] == {"0": "ADMITTED", "1": "ADMITTED", "2": "ADMITTED"}


def test_the_value_that_was_changed_is_named(trial: Callable[..., Trial]) -> None:
    t = trial(members=4, rounds=1)
    nodes = [node(party) for party in t.parties]
    published(t, nodes, kind=Liar)
    drive(*nodes[1:])
    assert t.round.aggregates[0].outcome is Phase.REFUTED
    (note,) = notes(t.parties[1].member.home, "refuted")
    assert note["evidence"]["tensor"] == "0.bias"
    assert note["evidence"]["chunk"] == 0
    assert abs(int(note["evidence"]["expected"]) - int(note["evidence"]["actual"])) == 1
    assert note["text"].endswith("the court convicts it: fedledger refute --job 1 --round 1")


def test_another_head_is_refuted_and_another_branch_is_not_spoken_of(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    drive(*nodes)
    t.parties[0].publish(head=b"\x17" * 32)
    drive(*nodes[1:])
    assert t.round.aggregates[0].outcome is Phase.REFUTED
    (note,) = notes(t.parties[1].member.home, "refuted")
    assert note["evidence"]["actual"] == "17" * 32


def test_a_node_that_still_copies_an_update_attests_once_it_is_there(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(members=4, rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    here, keep = threading.Event(), t.parties[3].connection.keep

    def slowly(cid: Cid, pin: str, **options: Any) -> None:
        if pin.startswith("update/"):
            here.wait(60)
        keep(cid, pin, **options)

    drive(*nodes)
    monkeypatch.setattr(t.parties[3].connection, "keep", slowly)
    t.open_updates()
    drive(*nodes[:3])
    t.parties[0].publish()
    assert not nodes[3].look()
    assert not t.round.aggregates[0].attestations
    assert min(nodes[3].due_in()) < 1, "and looks again soon"
    assert any("copies the " in note["text"] for note in notes(t.parties[3].member.home, "waiting"))
    here.set()
    drive(nodes[3])
    assert [one.index for one in t.round.aggregates[0].attestations] == [3]


def without_bytes(t: Trial, index: int) -> Any:
    """A published aggregate of whose updates a member has only its own, and no other gateway answers; its node."""
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    drive(*[one for place, one in enumerate(nodes) if place != index])
    t.parties[0].publish()
    t.parties[index].connection.keep(Cid(RAW, t.round.aggregates[0].receipts), "receipts")
    for party in t.parties[:index]:
        party.serving.close()
    return nodes[index]


def test_who_cannot_read_an_update_says_so_late_and_not_at_once(trial: Callable[..., Trial]) -> None:
    t = trial(members=4, rounds=1)
    last = without_bytes(t, 3)
    last.look()
    assert not t.round.aggregates[0].attestations
    t.pass_time(451)
    while not t.round.aggregates[0].attestations:
        end_pauses(last)
        last.look()
        last.settle(60)
    (said,) = t.round.aggregates[0].attestations
    assert (said.index, said.form) == (3, Form.MISSING)
    assert int.from_bytes(said.detail, "big") == 0b0111
    (note,) = notes(t.parties[3].member.home, "missed")
    assert "cannot have the update of member 0" in note["text"]


def test_who_cannot_read_an_update_attests_once_it_can(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(members=4, rounds=1)
    without_bytes(t, 3).look()
    assert not t.round.aggregates[0].attestations
    for party in t.parties[:3]:
        party.serving.check()
    with Connection.open(t.parties[3].member.home) as reopened, monkeypatch.context() as patch:
        patch.setattr(t.parties[3], "connection", reopened)
        drive(node(t.parties[3]))
    (attestation,) = t.round.aggregates[0].attestations
    assert (attestation.index, attestation.agrees) == (3, True)


def test_leaving_out_an_update_that_was_certified_long_before_is_refuted(trial: Callable[..., Trial]) -> None:
    """Who opposes shows the receipts by which it does."""
    t = trial(members=4, rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    drive(*nodes)
    t.pass_time(151)
    t.parties[0].publish(without={2})
    drive(*nodes[1:])
    (first, *_) = t.round.aggregates[0].attestations
    assert t.round.aggregates[0].outcome is Phase.REFUTED
    assert first.form is Form.OTHER
    assert first.detail != t.round.aggregates[0].receipts
    assert list(t.parties[0].connection.fetch(Cid(RAW, first.detail)))
    (note,) = notes(t.parties[1].member.home, "refuted")
    assert note["evidence"]["why"] == "it judges otherwise: member 2"


def test_leaving_out_an_update_that_was_certified_a_moment_before_is_attested(trial: Callable[..., Trial]) -> None:
    """Else a coalition could keep its signatures back, and fail an honest aggregator."""
    t = trial(members=4, rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    t.pass_time(151)
    drive(*nodes)
    t.parties[0].publish(without={2})
    drive(*nodes[1:])
    assert t.round.phase is Phase.FINALISED


@pytest.mark.parametrize("early", [True, False], ids=["at once", "late, as of the opening"])
def test_leaving_out_everything_is_refuted_however_it_is_timed(trial: Callable[..., Trial], early: bool) -> None:
    """Else one member that opens first ends every round without a model, and nobody is at fault."""
    t = trial(members=4, rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    t.open_updates()
    if not early:
        drive(*nodes)
        t.pass_time(151)
    shut_out(t, as_of=t.round.opened_in)
    drive(*nodes[1:])
    assert t.round.aggregates[0].outcome is Phase.REFUTED
    assert {said.form for said in t.round.aggregates[0].attestations} == {Form.OTHER}
    assert t.state.strikes == {0: 1}


def shut_out(t: Trial, *, as_of: int) -> None:
    """The first member publishes that nothing has a certificate, made as of that block."""
    party = t.parties[0]
    party.connection.put([b""], "no receipts")
    outcome, point = party.recompute(without=range(4)), party.standpoint(b"", as_of)
    signed = tuple(outcome.claimed(point)), outcome.claim(point)
    party.sender.send("ledger", "publishAggregate", t.number, t.round.number, *signed)


def test_what_nobody_has_is_left_out_even_where_it_was_published_too_soon(trial: Callable[..., Trial]) -> None:
    t = trial(members=4, rounds=1)
    open_round(t)
    nodes = [node(party) for party in t.parties[:3]]
    t.parties[3].submit(stored=False)
    drive(*nodes)
    t.open_updates()
    drive(*nodes)
    t.parties[0].publish(without={3})
    drive(*nodes)
    assert not t.round.aggregates[0].attestations, "signatures are waited for"
    t.pass_time(451)
    drive(*nodes)
    assert t.round.phase is Phase.FINALISED


def test_bad_data_are_named_nothing_is_sent_and_corrected_data_are_tried_again(trial: Callable[..., Trial]) -> None:
    t = trial()
    open_round(t)
    party = t.parties[0]
    good = data_of(party).read_text()
    data_of(party).write_text(good.replace("low", "lwo", 1))
    one = node(party)
    drive(one)
    (note,) = notes(party.member.home, "failed")
    assert note["facts"]["value"] == "'lwo'"
    assert note["facts"]["file"] == str(data_of(party))
    assert not t.round.commitments
    data_of(party).write_text(good)
    end_pauses(one)
    drive(one)
    assert sorted(t.round.commitments) == [0]


def test_a_diverged_model_is_refused_before_anything_is_stored(trial: Callable[..., Trial]) -> None:
    t = trial(rate=900.0)
    open_round(t)
    party = t.parties[0]
    before = party.connection.store.pins()
    patiently(node(party))
    (note,) = notes(party.member.home, "failed")
    assert note["error"] in ("NotRepresentable", "UsageError")
    assert not t.round.commitments
    assert not party.openings.find(party.facts.name)
    assert before.items() <= party.connection.store.pins().items()


def test_an_update_that_admission_would_refuse_is_not_registered(trial: Callable[..., Trial]) -> None:
    t = trial(norm=0.001)
    open_round(t)
    patiently(node(t.parties[0]))
    (note,) = notes(t.parties[0].member.home, "failed")
    assert note["facts"]["verdict"] == "NORM"
    assert not t.round.commitments


def test_a_task_with_other_code_is_not_run_but_rounds_are_still_attested(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    open_round(t)
    trainers_of(t.parties[2])._start = warm.serve_other_code
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    (note,) = notes(t.parties[2].member.home, "failed")
    assert {"expected": t.job.task.code, "actual": warm.OTHER_CODE}.items() <= note["facts"].items()
    t.pass_time(601)
    drive(*nodes[:2])
    t.open_updates()
    drive(*nodes)
    t.parties[0].publish()
    drive(nodes[2])
    assert [a.index for a in t.round.aggregates[0].attestations] == [2]


def test_a_member_without_the_role_attests_and_never_trains(trial: Callable[..., Trial]) -> None:
    both = Role.PARTICIPANT | Role.AGGREGATOR
    t = trial(members=3, roles=[both, both, Role.AGGREGATOR], rounds=1)
    nodes = [node(party) for party in t.parties]
    drive(*nodes, aggregators.service(t.parties[0]))
    assert t.round.phase is Phase.FINALISED
    assert not notes(t.parties[2].member.home, "committed", "failed")


def test_an_update_too_late_is_not_sent(trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    t = trial()
    open_round(t)
    taken = Updates._taken

    def slow(*arguments: Any, **options: Any) -> Any:
        made = taken(*arguments, **options)
        t.pass_time(700)
        return made

    monkeypatch.setattr(Updates, "_taken", slow)
    patiently(node(t.parties[0]))
    assert not t.round.commitments
    assert notes(t.parties[0].member.home, "late")


def test_an_overdue_round_is_moved_on_once(trial: Callable[..., Trial]) -> None:
    t = trial()
    open_round(t)
    nodes = [node(party) for party in t.parties]
    drive(nodes[0])
    t.pass_time(601)
    drive(nodes[0])
    t.open_updates()
    t.pass_time(1200 + 16)
    drive(*nodes)
    t.pass_time(10)
    drive(*nodes)
    assert t.round.phase is Phase.ABANDONED
    assert t.round.reason is Reason.NO_AGGREGATE
    assert t.state.strikes == {0: 1}, "the opener left its turn"
    assert sum(len(notes(party.member.home, "advanced")) for party in t.parties) == 1


def test_one_failing_job_stops_no_other(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    broken = t.consortium.open_job((1, 600, 600, 600, 600, 1), b"\x77" * 32)
    t.parties[0].sender.send("ledger", "openRound", broken)
    open_round(t)
    one = node(t.parties[0])
    drive(one)
    assert sorted(t.round.commitments) == [0]
    assert {note["job"] for note in notes(t.parties[0].member.home, "failed")} == {broken}


def test_terms_that_document_and_contract_tell_otherwise_are_refused(trial: Callable[..., Trial]) -> None:
    t = trial(propose=False)
    number = t.consortium.open_job((5, 600, 600, 600, 600, 2), t.job.digest)
    t.number = number
    open_round(t)
    node(t.parties[0]).look()
    (note,) = notes(t.parties[0].member.home, "failed")
    assert "disagree on the terms: rounds" in note["text"]
    assert (note["facts"]["expected"], note["facts"]["actual"]) == ("2", "5")
    assert not t.round.commitments


def test_a_full_disk_loses_nothing(trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    t = trial()
    open_round(t)
    party = t.parties[0]
    one = node(party)

    def full(*_arguments: Any, **_options: Any) -> None:
        raise Unavailable("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ledger.store.disk.write_private", full)
        patiently(one)
    assert {note["error"] for note in notes(party.member.home, "failed")} == {"Unavailable"}
    assert not t.round.commitments
    end_pauses(one)
    drive(one)
    assert sorted(t.round.commitments) == [0]


def test_a_chain_that_is_away_is_waited_for(trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    t = trial()
    open_round(t)
    party = t.parties[0]
    one = node(party, poll=0.05, until_complete=True)
    refresh, end = Connection.refresh, time.monotonic() + 200
    calls = []

    def flaky(self: Connection) -> Any:
        if self is not one._connection:
            return refresh(self)
        calls.append(1)
        if len(calls) <= 3:
            raise Unavailable("the chain's node cannot be reached")
        history = refresh(self)
        if time.monotonic() > end or history.jobs[1].rounds[1].commitments:
            raise KeyboardInterrupt
        return history

    monkeypatch.setattr(Connection, "refresh", flaky)
    with pytest.raises(KeyboardInterrupt):
        one.run()
    assert [note["action"] for note in notes(party.member.home)][:2] == ["failed", "recovered"]
    monkeypatch.undo()
    assert sorted(t.round.commitments) == [0]
