"""Whom a round waits for, and until when: by name, second by second, and without those who bring nothing any more."""

import pytest
from support.worlds.world import TERMS, World

from ledger.events import records as r
from ledger.formats.text import clock_text
from ledger.history.state import Phase
from ledger.rounds.awaited import AwaitedRound, awaited, counted_still, way_out

NAMES = ("North", "East", "South", "West", "Centre")
DEADLINE = 1_000
OPENED = DEADLINE + TERMS.open_seconds


@pytest.fixture
def world() -> World:
    return World(4).open_job()


def found(world: World, now: int = DEADLINE - 10) -> AwaitedRound | None:
    return awaited(world.history.members, world.state, world.round, now)


def said(world: World, now: int = DEADLINE - 10) -> str:
    one = found(world, now)
    assert one is not None
    return one.words(NAMES.__getitem__)


def withdraw(world: World, member: int) -> None:
    world.emit(r.DataWithdrawn, job=1, member=world.keys[member], statement=bytes([7]) * 32)


def test_those_who_did_not_commit_are_named_to_the_deadline_s_second(world: World) -> None:
    world.open_round()
    world.submit(0)
    world.submit(2)
    assert said(world, DEADLINE) == f"for the updates of East, West until {clock_text(DEADLINE)}"
    later = found(world, DEADLINE + 1)
    assert later is not None
    assert (later.phase, later.members, later.until) == (Phase.OPENING, (0, 2), OPENED)
    assert said(world, OPENED) == f"to open the updates of North, South until {clock_text(OPENED)}"


def test_who_withdrew_its_data_is_told_apart_while_the_round_counts_it(world: World) -> None:
    withdraw(world, 3)
    world.open_round()
    world.submit(0)
    assert found(world) == AwaitedRound(Phase.COLLECTING, (1, 2), (3,), 3, DEADLINE)
    assert said(world).startswith("for the updates of East, South until ")
    assert said(world).endswith(", and counts in West, who withdrew")
    world.submit(1)
    world.submit(2)
    until = f"until {clock_text(DEADLINE)}"
    assert said(world) == f"{until} for West, who withdrew: nobody is left to bring an update"
    world.history.members[3].roles = r.Role.AGGREGATOR
    assert said(world) == f"for updates that nobody is left to bring {until}"


def test_of_a_role_that_ended_nothing_is_waited_for(world: World) -> None:
    world.open_round()
    world.history.members[3].roles = r.Role.AGGREGATOR
    assert "West" not in said(world)


def test_an_opener_that_left_is_not_named_as_the_one_whose_turn_it_is(world: World) -> None:
    world.open_round(opener=1)
    for member in range(4):
        world.submit(member)
    world.open_pending()
    world.history.members[1].roles = r.Role.PARTICIPANT
    end = world.round.deadline
    assert said(world, end - 1 - TERMS.aggregate_seconds) == f"for its aggregate until {clock_text(end)}"


def test_the_silent_and_those_whose_turn_it_is(world: World) -> None:
    world.open_round(opener=1)
    for member in range(4):
        world.submit(member)
    world.open_pending()
    now, seconds = world.round.deadline - 1, TERMS.aggregate_seconds
    assert said(world, now - seconds) == f"for its aggregate by East until {clock_text(now + 1 - seconds)}"
    assert said(world, now) == f"for its aggregate until {clock_text(now + 1)}"
    world.publish(1)
    world.attest(2)
    now = world.round.deadline
    assert said(world, now) == f"for the attestations of North, West until {clock_text(now)}"
    world.attest(0)
    assert found(world, now) is None, "it ended"


def test_the_way_out_names_what_the_member_keeps(world: World) -> None:
    assert counted_still(world.history.members, world.state) == ()
    withdraw(world, 3)
    (west,) = counted_still(world.history.members, world.state)
    west.roles = r.Role.PARTICIPANT | r.Role.SCORER
    assert way_out(west) == "fedledger proposal propose roles 3 --roles scorer"
    west.roles = r.Role.PARTICIPANT
    assert way_out(west) == "fedledger proposal propose remove 3", "nobody is a member without a role"
    west.roles = r.Role.SCORER
    assert counted_still(world.history.members, world.state) == ()


def test_of_many_some_are_named() -> None:
    many = AwaitedRound(Phase.COLLECTING, tuple(range(104)), (), 104, DEADLINE)
    assert many.words(str) == f"for the updates of 0, 1, 2, 3, 4 and 99 more until {clock_text(DEADLINE)}"
    buffered = AwaitedRound(Phase.COLLECTING, (0, 1, 2), (3,), 1, DEADLINE)
    assert buffered.words(str) == f"for 1 update of 0, 1, 2 until {clock_text(DEADLINE)}"
