"""Two aggregators at once: one is faster, the other notices and goes on; the ledger has one aggregate."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from support.consortia.aggregators import actions, drive, service
from support.consortia.synthetic import SECONDS, Trial
from support.crashing import aggregator

from ledger.errors import Rejected
from ledger.formats.claims import pack_openings
from ledger.formats.digest import sha256
from ledger.history.state import Phase
from ledger.party.pacing import FIRST_BACKOFF


class Interrupted:
    """A party's sender that lets something else happen first, once, when `function` is to be sent."""

    def __init__(self, sender: Any, function: str, first: Callable[[], object]) -> None:
        self._sender, self._function, self._first = sender, function, first
        self.address = sender.address

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        if function == self._function:
            self._function = ""
            self._first()
        return self._sender.send(contract, function, *arguments)


@pytest.fixture
def overdue(trial) -> Trial:
    """A round whose opener is dead, late enough that any other may publish."""
    t = trial(members=4, rounds=2)
    drive(service(t.parties[0]))
    t.submit()
    t.vouch()
    t.until(t.round.deadline - SECONDS // 2)
    return t


def test_another_publishes_just_before(overdue) -> None:
    other = service(overdue.parties[2])
    slow = Interrupted(overdue.parties[1].sender, "publishAggregate", lambda: drive(other))
    drive(service(overdue.parties[1], sender=slow))
    assert [a.index for a in overdue.round.aggregates] == [2]
    lines = actions(overdue.parties[1].member.home, "overtaken", "failed")
    assert [(line["action"], line["error"]) for line in lines] == [("overtaken", "RoundLedger_WrongPhase")]


def test_another_publishes_while_this_one_computes(overdue, monkeypatch) -> None:
    from aggregator import worker

    honest = worker.make

    def slow(*arguments: Any, **options: Any) -> Any:
        outcome = honest(*arguments, **options)
        monkeypatch.setattr(worker, "make", honest)
        drive(service(overdue.parties[2]))
        return outcome

    monkeypatch.setattr(worker, "make", slow)
    drive(service(overdue.parties[1]))
    assert [a.index for a in overdue.round.aggregates] == [2]
    assert len(actions(overdue.parties[1].member.home, "overtaken")) == 1


def test_an_opening_that_comes_late_is_refused_and_the_aggregate_stands(trial) -> None:
    """Publishing begins where opening has ended: no claim of a publisher is overtaken by an opening."""
    t = trial(members=4, rounds=2)
    drive(service(t.parties[0]))
    t.commit(0, 1, 2)
    t.parties[3].submit(shown=False)
    openings = [party.opening() for party in t.parties]
    t.parties[0].sender.send("ledger", "openUpdates", t.number, 1, pack_openings(openings[:3]))
    t.until(t.round.deadline + 1)
    t.vouch()
    refused: list[str] = []

    def late() -> None:
        with pytest.raises(Rejected) as caught:
            t.parties[3].sender.send("ledger", "openUpdates", t.number, 1, pack_openings(openings[3:]))
        refused.append(caught.value.facts["error"])

    drive(service(t.parties[0], sender=Interrupted(t.parties[0].sender, "publishAggregate", late)))
    assert refused == ["RoundLedger_WrongPhase"]
    t.attest(1)
    (made,) = t.round.aggregates
    assert (len(made.verdicts), made.agreeing) == (3, 2)


class Misled(Interrupted):
    """A sender whose node showed other openings than the ledger had, once: the claim is of those."""

    def __init__(self, sender: Any) -> None:
        super().__init__(sender, "publishAggregate", lambda: None)

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        if function == self._function:
            self._function, arguments = "", (*arguments[:-1], sha256(arguments[-1]))
        return self._sender.send(contract, function, *arguments)


def test_a_claim_of_other_openings_is_refused_and_the_ledger_read_again(trial) -> None:
    t = trial(members=3, rounds=2)
    drive(service(t.parties[0]))
    t.submit()
    t.vouch()
    misled = service(t.parties[0], sender=Misled(t.parties[0].sender))
    drive(misled)
    assert not t.round.aggregates
    time.sleep(FIRST_BACKOFF)
    drive(misled)
    assert [made.attempt for made in t.round.aggregates] == [1]
    lines = actions(t.parties[0].member.home, "failed", "published")
    assert [line["action"] for line in lines] == ["failed", "published"]
    assert "name the ledger's claim" in lines[0]["text"]


def test_two_open_the_same_round(trial) -> None:
    t = trial(members=3, rounds=2)
    slow = Interrupted(t.parties[0].sender, "openRound", lambda: t.parties[1].sender.send("ledger", "openRound", 1))
    drive(service(t.parties[0], sender=slow))
    assert (t.round.number, t.round.opener) == (1, t.parties[1].sender.address)
    assert [line["error"] for line in actions(t.parties[0].member.home, "overtaken")] == ["RoundLedger_WrongPhase"]


def test_a_round_that_another_moves_on_just_before(overdue) -> None:
    t = overdue
    t.until(t.round.deadline + 30)
    job = t.number
    slow = Interrupted(t.parties[1].sender, "advance", lambda: t.parties[2].sender.send("ledger", "advance", job, 1))
    drive(service(t.parties[1], sender=slow))
    assert t.state.rounds[1].phase is Phase.ABANDONED
    assert t.round.number == 2, "and the next one is opened"


def test_two_processes_race(overdue) -> None:
    members = [overdue.consortium.members[index] for index in (1, 2, 3)]
    racing = [aggregator.process(m.home.folder, bytes(m.signer._account.key)) for m in members]
    for process in racing:
        process.start()
    for process in racing:
        process.join(200)
    assert [process.exitcode for process in racing] == [0, 0, 0]
    assert len(overdue.round.aggregates) == 1
    overdue.attest(*sorted({0, 1, 2} - {overdue.round.aggregates[0].index})[:2])
    assert overdue.state.rounds[1].phase is Phase.FINALISED
