"""Buffered jobs on a real chain: one member of four trains long, rounds go on without it, and its update counts by its
age when it comes.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.audited import audit
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes, train_on
from support.crashing import node as node_crashing

from ledger.formats.claims import commitment
from ledger.history.state import Phase
from ledger.party.held_out import round_fetch
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import RoundFacts, read_binding
from ledger.rounds.server_state import read_carried
from ledger.rounds.trace import trace
from participant.cli.rows import replay
from participant.node.harvest import Shelf
from participant.trainer.errand import Errand
from participant.trainer.messages import Train

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("warm_trainers")]

SLOW = 3
SCHEDULE = """
[schedule]
mode = "buffered"
buffer = {buffer}
max_staleness = {most}
staleness = "sqrt"
"""
Make = Callable[..., Trial]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Make]:
    """Makes trials with a buffered job that is really trained."""
    with ExitStack() as stack:

        def make(members: int = 4, buffer: int = 3, most: int = 3, **options: Any) -> Trial:
            said = {"rounds": 6, "least": min(buffer, 2), "schedule": SCHEDULE.format(buffer=buffer, most=most)}
            return train_on(stack.enter_context(Trial(found(members), propose=False)), **(said | options))

        yield make


class Held:
    """Trainings of one party that take as long as the test wants: its node sees none of them done before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, worker: Any) -> None:
        self.on, trainers, done = True, worker._rounds.trainers, Errand.done.fget  # type: ignore[attr-defined]

        def held(errand: Errand) -> bool:
            mine = errand in trainers._errands and isinstance(errand.order.do, Train)
            return bool(done(errand)) and not (self.on and mine)

        monkeypatch.setattr(Errand, "done", property(held))


def until(workers: list[Any], condition: Callable[[], bool], seconds: float = 150) -> None:
    """Let workers look until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        for worker in workers:
            worker.look()
            worker.settle(0.02)
        aggregators.end_errands(*workers)


def facts(t: Trial, number: int) -> RoundFacts:
    return RoundFacts.of(t.parties[0].connection.place, t.state, t.job, t.state.rounds[number])


def base_of_update(t: Trial, number: int, member: int) -> bytes:
    """What the header of a member's update names."""
    entry = next(one for one in facts(t, number).entries if one.update.index == member)
    return read_binding(t.job, entry, round_fetch(t.parties[0].connection, t.state, t.job, number)).base


def ages(t: Trial, number: int) -> dict[int, int]:
    """The staleness of each admitted update, by the carried file."""
    round_ = t.state.rounds[number]
    assert round_.final is not None
    scalars = read_carried(round_.final.carried, t.parties[0].connection.fetch).scalars
    return dict(zip([one.index for one in round_.admitted()], scalars, strict=True))


def test_a_slow_member_holds_nobody_up_and_its_update_counts_by_its_age(
    trial: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    t = trial(buffer=3, rounds=4)
    nodes = [node(party) for party in t.parties]
    held = Held(monkeypatch, nodes[SLOW])
    until(nodes[SLOW:], lambda: bool(nodes[SLOW]._rounds._trainings.under_way()))  # type: ignore[attr-defined]
    workers = [*nodes, aggregators.service(t.parties[0])]
    until(workers, lambda: t.state.finalised == 2)
    assert all(sorted(t.state.rounds[n].commitments) == [0, 1, 2] for n in (1, 2))
    held.on = False
    until(workers, lambda: t.state.complete)
    taken = [n for n, one in t.state.rounds.items() if SLOW in one.commitments]
    assert taken
    first = taken[0]
    assert base_of_update(t, first, SLOW) == t.job.initial_root
    assert ages(t, first)[SLOW] >= 2
    assert all(len(one.commitments) == 3 for one in t.state.rounds.values())

    def carried(aggregate: Any) -> tuple[int, ...]:
        return read_carried(aggregate.carried, t.parties[0].connection.fetch).scalars

    said = trace(t.state, t.job, first, str, scalars=carried)
    assert said.models[0].updates[-1].staleness == ages(t, first)[SLOW]
    report = audit(t.consortium.network, tmp_path / "visitor")
    assert b'"answer":"yes"' in report
    assert {one["action"] for one in notes(t.parties[SLOW].member.home)} >= {"trained", "committed", "attested"}


def test_a_result_that_found_its_buffer_full_goes_into_the_next_as_it_is(
    trial: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(members=3, buffer=2, rounds=3)
    nodes = [node(party) for party in t.parties]
    shelf = Shelf(t.parties[2].connection.folder)
    until([nodes[2]], lambda: shelf.head(t.state, t.job) is not None)
    workers = [*nodes[:2], aggregators.service(t.parties[0])]
    until(workers, lambda: t.state.finalised == 1)
    assert 2 not in t.state.rounds[1].commitments
    before = shelf.head(t.state, t.job)
    until([*nodes, workers[-1]], lambda: any(2 in one.updates for one in t.state.rounds.values()))
    taken = next(n for n, one in t.state.rounds.items() if 2 in one.updates)
    assert taken >= 2
    assert before is not None
    assert t.state.rounds[taken].updates[2].root.hex() == before.root
    assert base_of_update(t, taken, 2) == t.job.initial_root


def test_too_old_a_result_is_left_for_the_newest_model(trial: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    t = trial(members=4, buffer=3, most=0, rounds=3)
    nodes = [node(party) for party in t.parties]
    held = Held(monkeypatch, nodes[SLOW])
    workers = [*nodes, aggregators.service(t.parties[0])]
    until(workers, lambda: t.state.finalised == 1)
    held.on = False
    nodes[SLOW].look()
    assert "too old" in str(notes(t.parties[SLOW].member.home, "late"))
    until([nodes[SLOW], workers[-1]], lambda: SLOW in t.round.commitments)  # else the others may fill all that is left
    until(workers, lambda: any(SLOW in one.updates for one in t.state.rounds.values()))
    taken = next(n for n, one in t.state.rounds.items() if SLOW in one.updates)
    assert base_of_update(t, taken, SLOW) == t.state.rounds[taken - 1].final.root  # type: ignore[union-attr]


def test_a_stale_update_is_on_record(trial: Make, tmp_path: Path) -> None:
    """A member that commits to an update on an old model all the same: STALE, and the round goes on."""
    t = trial(members=4, buffer=4, most=0, rounds=2)
    workers = [*(node(party) for party in t.parties[:3]), aggregators.service(t.parties[0])]
    until(workers, lambda: bool(t.state.rounds) and len(t.round.commitments) == 3)
    t.parties[3].submit()
    t.parties[3].look()
    until(workers, lambda: len(t.state.rounds) == 2 and len(t.round.commitments) == 3)
    t.parties[3].submit(binding=t.parties[3].binding(base=t.job.initial_root))
    t.parties[3].look()
    until(workers, lambda: t.state.finalised == 2)
    final = t.state.rounds[2].final
    assert final is not None
    assert final.verdicts == bytes([0, 0, 0, Verdict.STALE])
    assert b'"answer":"yes"' in audit(t.consortium.network, tmp_path / "visitor")


def test_a_buffer_that_does_not_fill_goes_on_at_the_deadline(trial: Make) -> None:
    t = trial(members=3, buffer=3, rounds=1)
    nodes = [node(party) for party in t.parties[:2]]
    workers = [*nodes, aggregators.service(t.parties[0])]
    until(workers, lambda: bool(t.state.rounds) and len(t.round.commitments) == 2)
    assert t.round.phase is Phase.COLLECTING
    t.pass_time(601)
    until(workers, lambda: t.state.complete)
    assert len(t.state.rounds[1].updates) == 2


def test_compressed_updates_go_into_buffers(trial: Make, tmp_path: Path) -> None:
    t = trial(members=3, buffer=2, rounds=2, server="\n[compression]\nbits = 8\n")
    assert t.job.compression is not None
    until([*(node(party) for party in t.parties), aggregators.service(t.parties[0])], lambda: t.state.complete)
    assert all(one.final is not None and not any(one.final.verdicts) for one in t.state.rounds.values())
    assert b'"answer":"yes"' in audit(t.consortium.network, tmp_path / "visitor")


def test_another_takes_over_a_buffer_whose_aggregator_is_dead(trial: Make) -> None:
    t = trial(members=3, buffer=2, rounds=1)
    nodes = [node(party) for party in t.parties]
    first = aggregators.service(t.parties[0])
    until([*nodes, first], lambda: bool(t.state.rounds) and t.round.phase is Phase.AGGREGATING)
    t.pass_time(601)
    drive(*nodes, aggregators.service(t.parties[1]))
    assert t.state.finalised == 1
    assert t.state.rounds[1].final.index == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("opened", [True, False])
def test_what_was_shown_in_a_round_that_failed_is_trained_again(trial: Make, opened: bool) -> None:
    """Everybody saw it, on the ledger or by a gateway: who makes an update for the next round would know what it is
    added to.
    """
    t = trial(members=3, buffer=2, rounds=1, settings="epochs = 2\nbatch_size = 5")
    nodes = [node(party) for party in t.parties[:2]]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    until(nodes, lambda: len(t.round.commitments) == 2)
    seen = {index: t.parties[index].opening().root for index in (0, 1)}  # type: ignore[union-attr]
    if opened:
        t.open_updates()
    t.pass_time(2401)
    until(nodes, lambda: t.round.phase is Phase.ABANDONED)
    until([*nodes, aggregators.service(t.parties[opened])], lambda: t.state.complete)
    again = t.state.rounds[2].updates
    assert sorted(again) == [0, 1]
    assert all(again[index].root != root for index, root in seen.items())
    assert base_of_update(t, 2, 0) == t.job.initial_root
    home = str(t.parties[0].member.home.folder)
    for number in (1, 2) if opened else (2,):
        result = CliRunner().invoke(replay, ["--round", str(number), "--home", home, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output


def test_a_reorganisation_moves_an_entry_to_another_buffer(trial: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed to in a full buffer is undone, another fills it, and the result goes into the next."""
    t = trial(members=3, buffer=2, rounds=2)
    nodes = [node(party) for party in t.parties]
    for index, one in enumerate(nodes):
        shelf = Shelf(t.parties[index].connection.folder)
        until([one], lambda shelf=shelf: shelf.head(t.state, t.job) is not None)  # type: ignore[misc]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    rpc = t.consortium.client.rpc
    before = rpc.call("evm_snapshot")
    until(nodes[:2], lambda: len(t.round.commitments) == 2)
    roots = {index: Shelf(t.parties[index].connection.folder).head(t.state, t.job).root for index in range(3)}  # type: ignore[union-attr]
    assert sorted(t.round.commitments) == [0, 1]
    assert rpc.call("evm_revert", before)
    rpc.call("evm_mine")
    until([nodes[2]], lambda: 2 in t.round.commitments)
    until([nodes[1]], lambda: sorted(t.round.commitments) == [1, 2])
    until([*nodes, aggregators.service(t.parties[0])], lambda: t.state.complete)
    assert {i: u.root.hex() for i, u in t.state.rounds[1].updates.items()} == {1: roots[1], 2: roots[2]}
    assert t.state.rounds[2].updates[0].root.hex() == roots[0]
    assert ages(t, 2)[0] == 1


def test_what_was_late_then_in_time_after_a_reorganisation_counts_once(trial: Make) -> None:
    t = trial(members=3, buffer=2, rounds=2)
    nodes, workers = [node(party) for party in t.parties], [aggregators.service(t.parties[0])]
    for index, one in enumerate(nodes):
        shelf = Shelf(t.parties[index].connection.folder)
        until([one], lambda shelf=shelf: shelf.head(t.state, t.job) is not None)  # type: ignore[misc]
    t.parties[0].sender.send("ledger", "openRound", t.number)
    rpc = t.consortium.client.rpc
    before = rpc.call("evm_snapshot")
    until([*nodes[:2], *workers], lambda: len(t.state.rounds) == 2)
    until(nodes[2:], lambda: 2 in t.round.commitments)
    assert rpc.call("evm_revert", before)
    rpc.call("evm_mine")
    until(nodes[2:], lambda: len(t.state.rounds) == 1 and 2 in t.round.commitments)
    until([*nodes[1:], *workers], lambda: t.state.complete)
    assert [sorted(one.updates) for one in t.state.rounds.values()] == [[1, 2], [1, 2]]
    assert t.state.rounds[1].updates[2].root != t.state.rounds[2].updates[2].root
    assert base_of_update(t, 2, 2) == t.state.rounds[1].final.root  # type: ignore[union-attr]


POINTS = [
    "before harvest",
    "after harvest",
    "before update",
    "midway update",
    "after update",
    "before persist",
    "after persist",
    "before transmit",
    "after transmit",
    "after receipt",
]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_it_commits_to_the_same_bytes_once(trial: Make, point: str) -> None:
    t = trial(members=3, buffer=3, rounds=1)
    t.parties[0].sender.send("ledger", "openRound", t.number)
    drive(node(t.parties[0]), node(t.parties[1]))
    member, shelf = t.consortium.members[2], Shelf(t.parties[2].connection.folder)
    assert node_crashing.run(member, point) == -signal.SIGKILL
    head = shelf.head(t.state, t.job)
    assert (head is None) is (point == "before harvest")
    sent, end = point in ("after transmit", "after receipt"), time.monotonic() + 60
    while sent and 2 not in t.round.commitments and time.monotonic() < end:
        time.sleep(0.05)
    assert node_crashing.run(member) == 0
    assert sorted(t.round.commitments) == [0, 1, 2]
    again = shelf.head(t.state, t.job)
    assert head is None or again == head
    workers = [aggregators.service(t.parties[0]), node(t.parties[0]), node(t.parties[1])]
    for _ in range(3):
        drive(*workers)
        if t.round.phase is Phase.FINALISED:
            break
        assert node_crashing.run(member) == 0
    assert t.round.phase is Phase.FINALISED
    assert again is not None
    assert t.round.updates[2].root.hex() == again.root
    kept = [one for one in t.parties[2].openings.find(t.parties[2].facts.name) if one.party == member.address]
    assert len({commitment(t.parties[2].facts.name, one) for one in kept}) == 1
