"""What an aggregator decides, second by second: the contract's boundaries, and who goes first."""

from collections.abc import Iterable
from typing import Any

import pytest
from support.worlds.world import TERMS, World

from aggregator.acts import Advance, OpenRound, OpenUpdates, PublishAggregate, Step, Wait
from aggregator.situation import AggregatorSituation
from aggregator.steps import next_step
from aggregator.turns import gathered_by, order
from ledger.events import records as r
from ledger.history.state import Phase
from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import COURTESY, LAST_MOMENT

DEADLINE = 1000
AGG = TERMS.aggregate_seconds
OPENED = DEADLINE + TERMS.open_seconds
ALONE, LAST = OPENED + AGG, OPENED + 2 * AGG
PAUSE_OF_RANK_1_OF_3 = AGG // 12
ALL = frozenset(range(4))


def decide(world: World, me: int = 0, now: int = DEADLINE - 10, **facts: Any) -> Step:
    facts = {"since": now, "deep": DeepBlock(1 << 40, bytes(32), now)} | facts
    return next_step(world.history, world.state, world.keys[me], AggregatorSituation(now, **facts))


def waiting(step: object, until: int | None, *words: str) -> bool:
    return isinstance(step, Wait) and step.until == until and all(word in step.why for word in words)


@pytest.fixture
def world() -> World:
    return World(members=4).open_job()


def opened(world: World, members: Iterable[int] = ALL) -> World:
    """A round of member 0, in which these committed, and all of that is open."""
    world.open_round(opener=0)
    for member in members:
        world.submit(member)
    return world.open_pending()


def refute(world: World, aggregator: int) -> None:
    """An attempt that three others speak against: the next ends at LAST + 2 * 60."""
    world.publish(aggregator, root=b"\x01" * 32, cid=b"\x02" * 32)
    for member in range(len(world.keys)):
        if member != aggregator and world.round.phase is Phase.ATTESTING:
            world.attest(member)


def test_opens_the_first_round_by_rank(world: World) -> None:
    assert decide(world, 0, 500) == OpenRound(1)
    assert waiting(decide(world, 1, 500), 502)
    assert waiting(decide(world, 3, 501, since=500), 506)
    assert decide(world, 3, 506, since=500) == OpenRound(1)


def test_nothing_to_do_for_those_who_may_not(world: World) -> None:
    stranger = next_step(world.history, world.state, "0x" + "9" * 40, AggregatorSituation(1, DeepBlock(), 1))
    assert waiting(stranger, None)
    world.emit(r.KeyRotated, index=0, old_key=world.keys[0], new_key="0x" + "8" * 40, epoch=2)
    assert waiting(decide(world, 0), None), "a key that was replaced"
    world.history.members[1].roles = r.Role.PARTICIPANT
    assert waiting(decide(world, 1), None), "no aggregator"
    world.state.open = False
    assert waiting(decide(world, 2), None), "a job not approved"


def test_collects_until_all_committed_or_the_time_is_over(world: World) -> None:
    world.open_round()
    for member in range(3):
        world.submit(member)
    assert waiting(decide(world, known=frozenset({0, 1, 2})), DEADLINE + 1, "3 updates", "of member 3 until")
    assert decide(world, now=DEADLINE + 1, known=frozenset({0, 1, 2})) == OpenUpdates(1, 1)


def test_a_job_that_is_over_gets_no_further_round_and_its_last_one_goes_on(world: World) -> None:
    over = "the job's permitted use ended"
    assert decide(world, 0, 500, over=over).why == over
    opened(world)
    assert not isinstance(decide(world, 0, 500, over=over), OpenRound)
    assert getattr(decide(world, 0, 500, over=over), "why", "") != over


def test_the_opener_opens_all_at_once_or_from_half_time_on_what_it_has(world: World) -> None:
    world.open_round(opener=0)
    for member in range(3):
        world.submit(member)
    half, some = OPENED - TERMS.open_seconds // 2, frozenset({0, 2})
    assert waiting(decide(world, now=DEADLINE + 1, known=some), half, "member 1")
    assert decide(world, now=half, known=some) == OpenUpdates(1, 1)
    assert waiting(decide(world, now=half), OPENED + 1, "member 0, member 1, member 2")
    for rank, member in enumerate((1, 2, 3)):
        start = half + COURTESY * rank
        assert waiting(decide(world, member, DEADLINE + 1, known=some), start)
        assert decide(world, member, start, known=some) == OpenUpdates(1, 1)


def test_what_is_open_is_not_opened_again(world: World) -> None:
    world.open_round(opener=0)
    for member in range(3):
        world.submit(member)
    world.open_updates(world.pending[:2])
    half = OPENED - TERMS.open_seconds // 2
    assert waiting(decide(world, now=half, known=frozenset({0, 1})), OPENED + 1, "member 2")
    assert decide(world, now=DEADLINE + 1, known=frozenset({0, 1, 2})) == OpenUpdates(1, 1)


def test_a_round_that_nobody_committed_to_ends_at_once(world: World) -> None:
    world.open_round(opener=0)
    assert decide(world, 0, DEADLINE + 1) == Advance(1, 1)
    assert waiting(decide(world, 1, DEADLINE + 1), DEADLINE + 3)


def test_a_round_of_which_nothing_was_opened_ends_at_once(world: World) -> None:
    world.open_round(opener=0)
    world.submit(1)
    assert isinstance(decide(world, 0, OPENED), Wait)
    assert decide(world, 0, OPENED + 1) == Advance(1, 1)


@pytest.mark.parametrize("now", [OPENED - 30, ALONE, ALONE + 1, LAST])
def test_the_opener_publishes_what_is_certified_at_each_boundary(world: World, now: int) -> None:
    opened(world)
    assert decide(world, now=now, certified=ALL) == PublishAggregate(1, 1, 1, ALL)


def test_others_take_over_from_a_dead_opener_by_rank(world: World) -> None:
    opened(world)
    facts = {"certified": ALL}
    assert waiting(decide(world, 1, ALONE, **facts), ALONE + 1, "member 0's to aggregate since 00:17:40")
    named = decide(world, 1, ALONE, **facts, name="Hospital {}".format)
    assert waiting(named, ALONE + 1, "Hospital 0's", "until 00:18:40 UTC; takes over at 00:18:41 UTC")
    assert decide(world, 1, ALONE + 1, **facts) == PublishAggregate(1, 1, 1, ALL)
    start = ALONE + 1 + PAUSE_OF_RANK_1_OF_3
    assert waiting(decide(world, 2, ALONE + 1, **facts), start)
    assert waiting(decide(world, 2, start - 1, **facts), start)
    assert decide(world, 2, start, **facts) == PublishAggregate(1, 1, 1, ALL)
    assert decide(world, 3, LAST, **facts) == PublishAggregate(1, 1, 1, ALL)


def test_moves_on_what_nobody_published(world: World) -> None:
    opened(world)
    assert decide(world, 1, LAST + 1, certified=ALL) == Advance(1, 1)
    assert waiting(decide(world, 2, LAST + 1), LAST + 3)
    assert waiting(decide(world, 0, LAST + 1), LAST + 7), "the one that let the round die goes last"


def test_an_attested_round_is_waited_for_and_then_moved_on(world: World) -> None:
    opened(world)
    deadline = world.publish(0).deadline
    for member in (0, 1):
        assert waiting(decide(world, member, deadline), deadline + 1)
    assert decide(world, 0, deadline + 1) == Advance(1, 1), "the one that published goes first"
    assert waiting(decide(world, 1, deadline + 1), deadline + 3)


def test_after_a_failed_attempt_the_others_go_on_by_rank(world: World) -> None:
    opened(world)
    refute(world, 0)
    assert world.round.phase is Phase.AGGREGATING
    end = world.round.deadline
    begin, facts, made = end - AGG, {"certified": ALL}, PublishAggregate(1, 1, 2, ALL)
    assert decide(world, 1, begin, **facts) == made
    assert waiting(decide(world, 2, begin, **facts), begin + PAUSE_OF_RANK_1_OF_3)
    assert decide(world, 2, begin + PAUSE_OF_RANK_1_OF_3, **facts) == made
    assert decide(world, 1, end, **facts) == made
    assert decide(world, 1, end + 1, **facts) == Advance(1, 1)
    assert waiting(decide(world, 0, begin, **facts), end + 1, "failed"), "a barred aggregator stays quiet"
    assert waiting(decide(world, 0, end + 1, **facts), end + 7), "and moves on last"


def test_ranks_follow_what_members_did(world: World) -> None:
    def ranks() -> list[int]:
        return [member.index for member in order(world.history, world.state)]

    assert ranks() == [0, 1, 2, 3]
    opened(world)
    assert ranks() == [1, 2, 3, 0], "the opener has published nothing yet"
    refute(world, 1)
    assert world.state.strikes == {0: 1, 1: 1}, "one left its turn, one lied"
    assert ranks() == [2, 3, 0, 1]
    world.publish(3)
    assert ranks() == [3, 2, 0, 1]
    for member in (0, 2):
        world.attest(member)
    assert world.round.phase is Phase.FINALISED
    assert decide(world, 3, 2000) == OpenRound(1), "the maker of the last model opens the next round"
    assert decide(world, 2, 2002, since=2000) == OpenRound(1)


def test_strikes_are_waited_for(world: World) -> None:
    opened(world, (0, 1))
    refute(world, 1)
    world.publish(3)
    for member in (0, 2):
        world.attest(member)
    world.state.strikes[1] = 12
    assert waiting(decide(world, 1, 2000, ended=1990), 1990 + 8 * AGG)
    assert decide(world, 1, 1990 + 8 * AGG, since=2000, ended=1990) == OpenRound(1)
    assert waiting(decide(world, 0, 2000, ended=1990), 1990 + AGG)


def test_signatures_are_waited_for_a_quarter_after_the_last_and_no_longer_than_the_turn_allows(world: World) -> None:
    opened(world)
    some = frozenset({0, 1, 3})
    begin = LAST - 2 * AGG
    facts = {"since": begin, "certified": some, "signed": begin + 5}
    quiet, margin = begin + 5 + AGG // 4, ALONE - AGG // 3
    assert waiting(decide(world, now=begin + 6, **facts), quiet, "waits until", "hold the update of member 2")
    assert decide(world, now=quiet, **facts) == PublishAggregate(1, 1, 1, some)
    later = facts | {"signed": ALONE - 10}
    assert decide(world, now=margin, **later) == PublishAggregate(1, 1, 1, some)
    assert waiting(decide(world, now=margin - 1, **facts | {"signed": margin - 2}), margin)
    second = facts | {"since": ALONE + 1, "signed": LAST - 30}
    assert waiting(decide(world, 1, ALONE + 1, **second), LAST - AGG // 3)
    assert decide(world, 1, LAST - AGG // 3, **second) == PublishAggregate(1, 1, 1, some)


def test_certified_bytes_are_waited_for(world: World) -> None:
    opened(world)
    copying = ("the update of member 2",)
    late = ALONE - AGG // 4
    assert waiting(decide(world, now=OPENED, certified=ALL, copying=copying), late, *copying)
    assert waiting(decide(world, now=late, certified=ALL, copying=copying), ALONE + 1, *copying)
    lost = {"certified": ALL, "missing": frozenset({1})}
    assert waiting(decide(world, now=ALONE - 1, **lost), ALONE + 1, "member 1")
    assert waiting(decide(world, 1, ALONE + 1, **lost), LAST - AGG // 4, "member 1")
    assert decide(world, 1, LAST + 1, **lost) == Advance(1, 1), "it holds up no end"


@pytest.mark.parametrize("lacking", [{"copying": ("the update of member 3",)}, {"missing": frozenset({3})}])
def test_a_young_certificate_takes_nobodys_turn(world: World, lacking: dict[str, Any]) -> None:
    opened(world)
    settled = frozenset({0, 1, 2})
    facts = {"certified": ALL, "settled": settled, **lacking}
    late, last = ALONE - AGG // 4, LAST - AGG // 4
    assert waiting(decide(world, now=late - 1, **facts), late, "member 3")
    for now in (late, ALONE):
        assert decide(world, now=now, **facts) == PublishAggregate(1, 1, 1, settled)
    assert waiting(decide(world, 1, last - 1, **facts), last, "member 3")
    assert decide(world, 1, last, **facts) == PublishAggregate(1, 1, 1, settled)
    assert decide(world, now=late, certified=ALL) == PublishAggregate(1, 1, 1, ALL), "what is here is counted"


def test_copies_have_until_the_last_quarter_of_a_turn_or_half_of_what_is_left(world: World) -> None:
    opened(world, (0, 1))

    def until(now: int) -> int:
        return gathered_by(world.state, world.round, now)

    first, later = ALONE - AGG // 4, LAST - AGG // 4
    assert until(OPENED - 20) == until(first - 1) == first
    assert until(first) == first + (ALONE - first) // 2
    assert until(ALONE) == ALONE + LAST_MOMENT
    assert until(ALONE + 1) == later
    assert until(LAST) == LAST + LAST_MOMENT
    refute(world, 0)
    end = world.round.deadline
    assert until(end - AGG) == end - AGG // 4
    assert until(end) == end + LAST_MOMENT


def test_a_complete_job_is_left_alone(world: World) -> None:
    for _ in range(TERMS.rounds):
        world.honest_round()
    assert world.state.complete
    assert waiting(decide(world, 0, 10_000), None)


def test_a_new_key_takes_no_part_in_an_older_round(world: World) -> None:
    opened(world)
    new = "0x" + "8" * 40
    world.emit(r.KeyRotated, index=1, old_key=world.keys[1], new_key=new, epoch=2)
    step = next_step(world.history, world.state, new, AggregatorSituation(ALONE + 1, DeepBlock(), ALONE, certified=ALL))
    assert waiting(step, LAST + 1)
    assert decide(world, 2, ALONE + 1, certified=ALL) == PublishAggregate(1, 1, 1, ALL), "and no rank is kept for it"
