"""What an aggregator decides, second by second: the contract's boundaries, and who goes first."""

import pytest
from support.worlds.world import TERMS, World

from aggregator.steps import (
    Abandon,
    AggregatorSituation,
    OpenRound,
    PublishAggregate,
    Wait,
    gathered_by,
    next_step,
    order,
)
from ledger.events import records as r
from ledger.history.state import Phase
from ledger.rounds.steps import LAST_MOMENT

DEADLINE = 1000
AGG = TERMS.aggregate_seconds
ALONE, LAST = DEADLINE + AGG, DEADLINE + 2 * AGG
PAUSE_OF_RANK_1_OF_3 = AGG // 12


def decide(world: World, me: int = 0, now: int = DEADLINE - 10, **facts):
    facts.setdefault("since", now)
    return next_step(world.history, world.state, world.keys[me], AggregatorSituation(now, **facts))


def waiting(step: object, until: int | None) -> bool:
    return isinstance(step, Wait) and step.until == until


@pytest.fixture
def world() -> World:
    return World(members=4).open_job()


def refute(world: World, aggregator: int) -> None:
    """An aggregate of `aggregator` that three others refute; the contract counts from second 1500."""
    world.publish(aggregator, root=b"\x01" * 32, cid=b"\x02" * 32)
    for member in range(len(world.keys)):
        if member != aggregator and world.round.phase is Phase.ATTESTING:
            world.attest(member)


def test_opens_the_first_round_by_rank(world) -> None:
    assert decide(world, 0, 500) == OpenRound(1)
    assert waiting(decide(world, 1, 500), 502)
    assert waiting(decide(world, 3, 501, since=500), 506)
    assert decide(world, 3, 506, since=500) == OpenRound(1)


def test_nothing_to_do_for_those_who_may_not(world) -> None:
    stranger = next_step(world.history, world.state, "0x" + "9" * 40, AggregatorSituation(1, 1))
    assert waiting(stranger, None)
    world.emit(r.KeyRotated, index=0, old_key=world.keys[0], new_key="0x" + "8" * 40, epoch=2)
    assert waiting(decide(world, 0), None), "a key that was replaced"
    world.history.members[1].roles = r.Role.PARTICIPANT
    assert waiting(decide(world, 1), None), "no aggregator"
    world.state.open = False
    assert waiting(decide(world, 2), None), "a job not approved"


def test_collects_until_everyone_submitted(world) -> None:
    world.open_round()
    for member in range(3):
        world.submit(member)
    assert waiting(decide(world), DEADLINE + 1)
    world.submit(3)
    assert decide(world) == PublishAggregate(1, 1, 1)
    assert waiting(decide(world, 1), ALONE + 1), "only the opener may publish early"


def test_only_participants_are_waited_for(world) -> None:
    world.history.members[3].roles = r.Role.AGGREGATOR
    world.open_round()
    for member in range(3):
        world.submit(member)
    assert decide(world) == PublishAggregate(1, 1, 1)


def test_a_changed_electorate_means_waiting_for_the_deadline(world) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    world.emit(r.KeyRotated, index=3, old_key=world.keys[3], new_key="0x" + "8" * 40, epoch=2)
    assert waiting(decide(world, now=DEADLINE), DEADLINE + 1)
    assert decide(world, now=DEADLINE + 1) == PublishAggregate(1, 1, 1)


@pytest.mark.parametrize(
    ("now", "step"),
    [
        (DEADLINE, None),
        (DEADLINE + 1, PublishAggregate(1, 1, 1)),
        (ALONE, PublishAggregate(1, 1, 1)),
        (ALONE + 1, PublishAggregate(1, 1, 1)),
        (LAST, PublishAggregate(1, 1, 1)),
    ],
)
def test_the_opener_at_each_boundary(world, now, step) -> None:
    world.open_round()
    world.submit(0)
    found = decide(world, now=now)
    assert found == step if step else waiting(found, DEADLINE + 1)


def test_others_take_over_from_a_dead_opener_by_rank(world) -> None:
    world.open_round(opener=0)
    world.submit(0)
    assert waiting(decide(world, 1, ALONE), ALONE + 1)
    assert decide(world, 1, ALONE + 1) == PublishAggregate(1, 1, 1)
    start = ALONE + 1 + PAUSE_OF_RANK_1_OF_3
    assert waiting(decide(world, 2, ALONE + 1), start)
    assert waiting(decide(world, 2, start - 1), start)
    assert decide(world, 2, start) == PublishAggregate(1, 1, 1)
    assert decide(world, 3, LAST) == PublishAggregate(1, 1, 1)


def test_abandons_what_nobody_published(world) -> None:
    world.open_round(opener=0)
    assert decide(world, 1, LAST) == PublishAggregate(1, 1, 1), "the last second is in time"
    assert decide(world, 1, LAST + 1) == Abandon(1, 1)
    assert waiting(decide(world, 2, LAST + 1), LAST + 3)
    assert waiting(decide(world, 0, LAST + 1), LAST + 7), "the one that let the round die goes last"


def test_an_attested_round_is_waited_for_and_then_abandoned(world) -> None:
    world.open_round()
    world.submit(0)
    world.submit(1)
    deadline = world.publish(0).deadline
    for member in (0, 1):
        assert waiting(decide(world, member, deadline), deadline + 1)
    assert decide(world, 0, deadline + 1) == Abandon(1, 1), "the one that published goes first"
    assert waiting(decide(world, 1, deadline + 1), deadline + 3)


def test_after_a_refutation_the_others_go_on_by_rank(world) -> None:
    world.open_round()
    world.submit(0)
    world.submit(1)
    refute(world, 0)
    assert world.round.phase is Phase.AGGREGATING
    end = 1560
    at = {"deadline": end}
    assert decide(world, 1, 1500, **at) == PublishAggregate(1, 1, 2)
    assert waiting(decide(world, 2, 1500, **at), 1500 + PAUSE_OF_RANK_1_OF_3)
    assert decide(world, 2, 1500 + PAUSE_OF_RANK_1_OF_3, **at) == PublishAggregate(1, 1, 2)
    assert decide(world, 1, end, **at) == PublishAggregate(1, 1, 2)
    assert decide(world, 1, end + 1, **at) == Abandon(1, 1)
    assert waiting(decide(world, 0, 1500, **at), end + 1), "a refuted aggregator stays quiet"
    assert waiting(decide(world, 0, end + 1, **at), end + 7), "and abandons last"


def test_ranks_follow_what_members_did(world) -> None:
    def ranks() -> list[int]:
        return [member.index for member in order(world.history, world.state.current)]

    assert ranks() == [0, 1, 2, 3]
    world.open_round(opener=0)
    assert ranks() == [1, 2, 3, 0], "the opener has published nothing yet"
    world.submit(0)
    world.submit(1)
    refute(world, 1)
    assert ranks() == [0, 2, 3, 1]
    world.publish(3)
    assert ranks() == [3, 0, 2, 1]
    for member in (0, 2):
        world.attest(member)
    assert world.round.phase is Phase.FINALISED
    assert decide(world, 3, 2000) == OpenRound(1), "the maker of the last model opens the next round"
    assert waiting(decide(world, 1, 2000), 2006), "a refuted aggregator comes last"


def test_missing_bytes_are_waited_for_until_the_last_third(world) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    missing = frozenset({2})
    give_up = ALONE - AGG // 3
    assert waiting(decide(world, missing=missing), give_up)
    assert waiting(decide(world, now=give_up - 1, missing=missing), give_up)
    assert decide(world, now=give_up, missing=missing) == PublishAggregate(1, 1, 1, missing)
    later = LAST - AGG // 3
    assert waiting(decide(world, 1, ALONE + 1, missing=missing), later)
    assert decide(world, 1, later, missing=missing) == PublishAggregate(1, 1, 1, missing)
    assert waiting(decide(world, 0, ALONE + 1, missing=missing), later), "the opener has the second window, too"


def test_missing_bytes_after_a_refutation(world) -> None:
    world.open_round()
    world.submit(0)
    world.submit(1)
    refute(world, 0)
    at = {"deadline": 1560, "missing": frozenset({0})}
    assert waiting(decide(world, 1, 1500, **at), 1560 - AGG // 3)
    assert decide(world, 1, 1560 - AGG // 3, **at) == PublishAggregate(1, 1, 2, frozenset({0}))


def test_what_is_being_copied_is_waited_for_to_its_own_deadline(world) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    copying, missing = ("the update of member 2",), frozenset({1})
    for now in (DEADLINE - 10, ALONE - 1):
        step = decide(world, now=now, copying=copying, missing=missing)
        assert waiting(step, ALONE)
        assert "copies the update of member 2" in step.why
    assert decide(world, now=ALONE - 1, missing=missing) == PublishAggregate(1, 1, 1, missing)
    assert decide(world, 1, LAST + 1, copying=copying) == Abandon(1, 1), "it holds up no end"


def test_copies_have_until_an_update_is_given_up_or_half_of_what_is_left(world) -> None:
    world.open_round()
    world.submit(0)
    world.submit(1)

    def until(now: int, deadline: int | None = None) -> int:
        return gathered_by(world.state, world.round, now, deadline)

    give_up, later = ALONE - AGG // 3, LAST - AGG // 3
    assert until(DEADLINE - 10) == until(give_up - 1) == give_up
    assert until(give_up) == give_up + (ALONE - give_up) // 2
    assert until(ALONE) == ALONE + LAST_MOMENT
    assert until(ALONE + 1) == later
    assert until(LAST) == LAST + LAST_MOMENT
    refute(world, 0)
    assert until(1500, 1560) == 1560 - AGG // 3
    assert until(1560, 1560) == 1560 + LAST_MOMENT


def test_a_complete_job_is_left_alone(world) -> None:
    for _ in range(TERMS.rounds):
        world.honest_round()
    assert world.state.complete
    assert waiting(decide(world, 0, 10_000), None)


def test_a_new_key_takes_no_part_in_an_older_round(world) -> None:
    world.open_round()
    world.submit(0)
    new = "0x" + "8" * 40
    world.emit(r.KeyRotated, index=1, old_key=world.keys[1], new_key=new, epoch=2)
    step = next_step(world.history, world.state, new, AggregatorSituation(ALONE + 1, ALONE))
    assert waiting(step, LAST + 1)
    assert decide(world, 2, ALONE + 1) == PublishAggregate(1, 1, 1), "and no rank is kept for it"
