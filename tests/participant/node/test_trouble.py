"""Rounds in which a member leaves, keeps back its opening or its bytes: they end in time, and say whose fault it is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import SECONDS, Trial
from support.consortia.trainers import drive, end_pauses, node, train_on

from ledger.errors import Unavailable
from ledger.history.state import Phase
from ledger.party.pins import model_pin, update_pin
from ledger.rounds.admission import Verdict
from ledger.store import Unreachable

pytestmark = pytest.mark.node


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    """Makes trials of four members with a job that is really trained."""
    with ExitStack() as stack:

        def make(**options: Any) -> Trial:
            return train_on(stack.enter_context(Trial(found(4), propose=False)), **options)

        yield make


def test_an_opener_that_leaves_costs_its_turn_and_no_round(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=3)
    first, second = (aggregators.service(t.parties[index]) for index in (0, 1))
    nodes = [node(party) for party in t.parties]
    first.look()
    assert t.round.opener_index == 0
    drive(*nodes, second)
    t.until(t.round.deadline - SECONDS // 2)
    drive(*nodes, second)
    assert len(t.round.updates) == 4, "another opens all, in one transaction"
    assert len({update.opening for update in t.round.updates.values()}) == 1
    t.until(t.round.deadline - SECONDS + 1)
    drive(*nodes, second, looks=60)
    assert t.state.finalised == 3
    assert [round_.phase for round_ in t.state.rounds.values()] == [Phase.FINALISED] * 3
    assert t.state.strikes == {0: 1}
    assert [round_.opener_index for round_ in t.state.rounds.values()] == [0, 1, 1]


def test_what_a_full_disk_kept_from_being_shown_is_shown_once_there_is_room(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(rounds=1)
    workers = [aggregators.service(t.parties[0]), *(node(party) for party in t.parties)]
    store, name = t.parties[3].connection.store, update_pin(t.number, 1, 3)
    put = store.put

    def full(pieces: Any, pin: str, **options: Any) -> Any:
        if pin == name:
            raise Unavailable("cannot write: No space left on device")
        return put(pieces, pin, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", full)
        drive(*workers)
    assert t.round.phase is Phase.OPENING, "nobody is shown an opening of bytes that nobody has"
    assert t.parties[3].opening() is not None
    end_pauses(*workers)
    drive(*workers)
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].verdicts == bytes(4)
    assert name in store.pins()


def test_what_no_holder_had_when_a_round_ended_is_kept_all_the_same(
    trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = trial(rounds=1)
    late = t.parties[3]
    drive(aggregators.service(t.parties[0]), *(node(party) for party in t.parties[:3]))
    t.until(t.round.deadline + 1)
    drive(aggregators.service(t.parties[0]), *(node(party) for party in t.parties[:3]))
    assert t.round.phase is Phase.FINALISED
    late.connection.refresh()
    late.connection.documents.get(t.state, 60)
    names = {model_pin(t.number, 1), *(update_pin(t.number, 1, index) for index in range(3))}
    worker = node(late, scores=False)

    def away(*_arguments: Any) -> None:
        raise Unreachable("it does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(late.connection.holders, "_ask", away)
        for _ in range(3):
            drive(worker)
            end_pauses(worker)
    assert not names & late.connection.store.pins().keys()
    end_pauses(worker)
    drive(worker)
    assert names <= late.connection.store.pins().keys()


def test_who_commits_and_never_opens_is_left_out_by_name(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    service, *nodes = [aggregators.service(t.parties[0]), *(node(party) for party in t.parties[:3])]
    service.look()
    t.parties[3].submit(shown=False)
    drive(*nodes, service)
    assert t.round.phase is Phase.OPENING
    assert not t.round.updates
    t.until(t.round.deadline - SECONDS // 2)
    drive(*nodes, service)
    assert sorted(t.round.updates) == [0, 1, 2]
    t.until(t.round.deadline + 1)
    drive(*nodes, service)
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].verdicts == bytes(3)
    assert [made.index for made in t.round.unopened] == [3]
    assert t.state.strikes == {}


def test_bytes_that_are_withheld_are_unavailable_by_rule(trial: Callable[..., Trial]) -> None:
    t = trial(rounds=1)
    service, *nodes = [aggregators.service(t.parties[0]), *(node(party) for party in t.parties[:3])]
    service.look()
    t.parties[3].submit(stored=False)
    drive(*nodes)
    t.look()
    drive(*nodes, service)
    assert len(t.round.updates) == 4
    assert t.round.phase is Phase.AGGREGATING, "too few sign for it, and that is waited for"
    t.pass_time(SECONDS // 4 + 1)
    drive(*nodes, service)
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].verdicts == bytes(3) + bytes([Verdict.UNAVAILABLE])
    assert all(said.agrees for said in t.round.aggregates[0].attestations)
    assert t.state.strikes == {}


def test_bytes_that_only_a_friend_is_given_are_unavailable_too(trial: Callable[..., Trial]) -> None:
    """One signature is not a certificate: whoever gets bytes passes them on, or has them to no avail."""
    t = trial(rounds=1)
    service, *nodes = [aggregators.service(t.parties[0]), *(node(party) for party in t.parties[:2])]
    service.look()
    t.parties[3].submit()
    t.parties[2].submit()
    t.look()
    for party in t.parties[2:]:
        party.serving._gateway.close()
    drive(*nodes)
    for index in (2, 3):
        opening = t.parties[index].opening()
        t.parties[0].openings.take(t.parties[0].facts.name, opening)
    drive(*nodes, service)
    assert len(t.round.updates) == 4
    t.parties[3].exchange.sharing.said(t.parties[3].facts, [3])
    t.parties[3].exchange.settle(60)
    drive(*nodes, service)
    assert not t.round.aggregates, "further signatures are waited for"
    t.pass_time(SECONDS // 4 + 1)
    drive(*nodes, service)
    assert t.round.aggregates[0].verdicts == bytes(2) + bytes([Verdict.UNAVAILABLE] * 2)
