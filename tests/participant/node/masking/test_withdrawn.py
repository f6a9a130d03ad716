"""A member that withdrew its data from a masked job: no cast waits for it, and what it set up before is given."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import service
from support.consortia.masked import cast, mask_on, masks, propose_set, publish, said, segment, send
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node

from ledger.history.state import Phase
from ledger.history.state.masking import bitmap_of
from ledger.party.auditing import AuditRequest, inspect

pytestmark = pytest.mark.node
MEMBERS = 4
ME = 3
OTHERS = frozenset({0, 1, 2})


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)))


def nodes_of(trial: Trial) -> list[Any]:
    return [node(party, scores=False) for party in trial.parties]


def withdraw(trial: Trial) -> None:
    trial.parties[ME].sender.send("budgets", "withdrawData", trial.number, trial.job.digest, b"\x07" * 32)


def test_a_cast_is_there_as_soon_as_the_others_have_set_up(trial: Trial) -> None:
    """Its node runs, and sets nothing up; aggregators and members do not wait for it."""
    nodes = nodes_of(trial)
    drive(*nodes)
    withdraw(trial)
    drive(*nodes, *[service(trial.parties[index]) for index in (0, 1)])
    opened = segment(trial)
    assert opened.cast == OTHERS == opened.setups.keys()
    assert opened.roster >= {ME}, "the contract knows nothing of it"
    assert trial.consortium.client.latest().time < opened.deadline
    found = inspect(trial.parties[0].connection, AuditRequest(source=False))
    assert found.lies.answer == "none"


def test_nobody_agrees_with_a_cast_that_it_is_in(trial: Trial) -> None:
    """Another software sets up all the same."""
    nodes = nodes_of(trial)
    drive(*nodes)
    withdraw(trial)
    send(trial, "openSegment", 1)
    drive(*nodes)
    opened = segment(trial)
    trial.parties[ME].sender.send("masks", "setUp", trial.number, 1, opened.deadline, b"\x02" * 32)
    send(trial, "proposeCast", 1, bitmap_of(range(MEMBERS)))
    drive(*nodes)
    assert segment(trial).cast is None
    assert sorted(segment(trial).proposals[-1].agreeing) == [0], "its proposer alone"


def test_in_a_cast_of_before_its_round_key_is_rebuilt(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    assert segment(trial).cast == frozenset(range(MEMBERS))
    withdraw(trial)
    drive(*nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    trial.until(trial.round.deadline + 1)
    trial.open_updates()
    drive(*nodes)
    assert trial.round.updates.keys() == OTHERS
    propose_set(trial)
    drive(*nodes)
    assert said(trial).set == OTHERS
    publish(trial)
    drive(*nodes)
    assert (trial.round.phase, masks(trial).latest) == (Phase.FINALISED, 1)
    assert trial.state.broken_by(ME) == ()
