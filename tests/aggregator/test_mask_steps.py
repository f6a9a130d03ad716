"""What an aggregator decides for segments and sets, second by second, and who goes on where one has died."""

from dataclasses import replace
from typing import Any

import pytest
from support.worlds.masks import BoardWorld, casting

from aggregator.acts import OpenRound, OpenSegment, ProposeCast, ProposeSet, PublishAggregate, Step, Wait
from aggregator.masking.segments import wanted_segment
from aggregator.situation import AggregatorSituation, MaskSituation
from aggregator.steps import next_step
from ledger.events import records as r
from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import COURTESY

ALL = frozenset(range(5))
FOUR = frozenset(range(4))
UP, SET = 20, 16
"""Seconds to set up, and to agree."""


def decide(world: BoardWorld, me: int = 0, now: int = 500, deep: int = 1 << 40, **facts: Any) -> Step:
    """What member `me` does; `facts` of the situation, those of masks too."""
    names = {field for field in MaskSituation.__dataclass_fields__ if field not in ("copying", "missing")}
    masks = {name: facts.pop(name) for name in sorted(names & facts.keys())}
    of_segment = MaskSituation(**facts.pop("files", {}))
    facts = {"since": now} | facts
    at = AggregatorSituation(now, DeepBlock(deep, bytes(32), now), masks=replace(of_segment, **masks), **facts)
    return next_step(world.history, world.state, world.keys[me], at)


def waiting(step: object, until: int | None, *words: str) -> bool:
    return isinstance(step, Wait) and step.until == until and all(word in step.why for word in words)


@pytest.fixture
def world() -> BoardWorld:
    """Five members, all with a mask key."""
    return BoardWorld(members=5).register(*ALL)


@pytest.fixture
def round_(world: BoardWorld) -> BoardWorld:
    """A round whose five updates are open, in a segment with all in its cast."""
    world.open_segment().set_up(*ALL).propose_cast(ALL).agree_cast(1, 2)
    return world.bring(*ALL)


def begun(world: BoardWorld) -> int:
    """The second before Aggregating."""
    return world.round.deadline - 2 * world.state.terms.aggregate_seconds


def test_the_first_segment_is_opened_by_rank_before_any_round(world: BoardWorld) -> None:
    assert decide(world) == OpenSegment(1, 1)
    assert waiting(decide(world, 2), 500 + 2 * COURTESY, "leaves it to member 0 to open segment 1")
    assert decide(world, 2, 504, since=500) == OpenSegment(1, 1)


def test_members_without_a_key_are_waited_for_and_then_left_out() -> None:
    world = BoardWorld(members=5).register(0, 1, 2, 3)
    assert waiting(decide(world), 500 + SET, "mask keys of member 4")
    assert decide(world, 0, 516, since=500) == OpenSegment(1, 1)
    few = BoardWorld(members=5).register(0, 1)
    assert waiting(decide(few, 0, 516, since=500), None, "2 of 3")


def test_a_key_that_is_no_point_is_waited_for_as_none(world: BoardWorld) -> None:
    world.emit(r.MaskKeyRegistered, member=world.keys[4], key=b"\xff" * 32)
    assert waiting(decide(world), 500 + SET, "mask keys of member 4")


def test_no_round_is_opened_before_the_cast_is_fixed_and_deep(world: BoardWorld) -> None:
    world.open_segment().set_up(*ALL)
    deadline = world.segment.deadline
    assert waiting(decide(world, now=deadline), deadline + 1, "5 of 5 members have set up segment 1")
    world.propose_cast(ALL)
    agreed_by = world.segment.proposals[0].deadline
    assert waiting(decide(world, now=deadline + 2, cast=ALL), agreed_by + 1, "agree with the cast")
    world.agree_cast(1, 2)
    assert waiting(decide(world, now=deadline + 2, deep=world.segment.fixed_in - 1), None, "further blocks")
    assert decide(world, now=deadline + 2, deep=world.segment.fixed_in) == OpenRound(1)


def test_the_cast_is_proposed_once_by_rank_as_soon_as_the_time_is_over(world: BoardWorld) -> None:
    world.open_segment().set_up(*FOUR)
    deadline = world.segment.deadline
    assert decide(world, now=deadline + 1, cast=FOUR) == ProposeCast(1, 1, FOUR)
    assert waiting(decide(world, 1, deadline + 1, cast=FOUR), deadline + 1 + COURTESY, "leaves it to member 0")
    assert decide(world, 1, deadline + 1 + COURTESY, cast=FOUR) == ProposeCast(1, 1, FOUR)
    shallow = decide(world, now=deadline + 1, deep=world.segment.setups[0].block - 1, cast=FOUR)
    assert waiting(shallow, deadline + 1 + SET // 2, "further blocks")


@pytest.mark.parametrize("files", [{"copying": ("the set-up file of member 3",)}, {"missing": frozenset({3})}])
def test_set_up_files_are_waited_for_half_the_time(world: BoardWorld, files: dict[str, Any]) -> None:
    world.open_segment().set_up(*FOUR)
    begun, three = world.segment.deadline + 1, frozenset({0, 1, 2})
    assert waiting(decide(world, now=begun, cast=three, files=files), begun + SET // 2, "member 3")
    world.set_up(4)
    four = frozenset({0, 1, 2, 4})
    assert decide(world, now=begun + SET // 2, cast=four, files=files) == ProposeCast(1, 1, four)


def test_a_whole_cast_is_proposed_before_the_time_to_set_up_is_over(world: BoardWorld) -> None:
    world.open_segment().set_up(*ALL)
    deadline = world.segment.deadline
    early = deadline - UP // 2
    assert waiting(decide(world, now=early, cast=ALL), deadline + 1, "5 of 5 members"), "not all of it is here"
    assert decide(world, now=early, cast=ALL, whole=True) == ProposeCast(1, 1, ALL)
    assert waiting(decide(world, 1, early, cast=ALL, whole=True), early + COURTESY, "leaves it to member 0")
    assert decide(world, 1, early + COURTESY, cast=ALL, whole=True, since=early) == ProposeCast(1, 1, ALL)
    world.emit(r.CastProposed, **casting(world, ALL, deadline=deadline))
    assert waiting(decide(world, 1, early, cast=ALL, whole=True), deadline + 1, "agree with the cast")


def test_who_sets_up_at_the_last_moment_is_waited_for_half_the_time(world: BoardWorld) -> None:
    world.open_segment().set_up(*ALL)
    begun, deep = world.segment.deadline + 1, world.segment.setups[4].block - 1
    assert waiting(decide(world, now=begun, deep=deep, cast=FOUR), begun + SET // 2, "further blocks")
    assert decide(world, now=begun + SET // 2, deep=deep, cast=FOUR) == ProposeCast(1, 1, FOUR)


def test_where_no_cast_came_the_segment_is_opened_again(world: BoardWorld) -> None:
    world.open_segment().set_up(0, 1)
    free = world.segment.deadline + SET + 1
    assert waiting(decide(world, now=free - 1, cast=frozenset({0, 1})), free, "2 of 4")
    assert decide(world, now=free, cast=frozenset({0, 1})) == OpenSegment(1, 1)
    assert waiting(decide(world, 1, free, cast=frozenset({0, 1})), free + COURTESY)


def test_a_lapsed_cast_is_followed_by_anothers(world: BoardWorld) -> None:
    world.open_segment().set_up(*ALL).propose_cast(FOUR)
    lapsed = world.segment.proposals[0].deadline
    assert waiting(decide(world, 1, lapsed, cast=ALL), lapsed + 1)
    assert waiting(decide(world, 0, lapsed + 1, cast=ALL), lapsed + SET + 1, "its own cast")
    assert decide(world, 1, lapsed + 1 + COURTESY, cast=ALL) == ProposeCast(1, 1, ALL)


def test_the_next_segment_is_set_up_while_the_last_round_runs(round_: BoardWorld) -> None:
    assert wanted_segment(round_.state, round_.masks) is None, "its segment has a further round"
    round_.propose_set(ALL).agree_set(1, 2)
    round_.emit(r.RoundAbandoned, **round_.where, reason=r.Reason.NO_AGGREGATE)
    round_.open_round()
    assert wanted_segment(round_.state, round_.masks) == 2
    assert decide(round_, 1, round_.round.update_deadline - 5) == OpenSegment(1, 2), "member 0 left its turn"


def test_the_opener_proposes_alone_at_first(round_: BoardWorld) -> None:
    start = begun(round_)
    assert decide(round_, 0, start, certified=ALL) == ProposeSet(1, 1, ALL)
    mine = start + SET + 1
    assert waiting(decide(round_, 1, start + 1, certified=ALL), mine, "leaves it to another to propose the set")
    assert decide(round_, 1, mine, certified=ALL) == ProposeSet(1, 1, ALL)
    assert waiting(decide(round_, 2, mine, certified=ALL), mine + COURTESY)


def test_no_set_is_proposed_while_members_may_open_the_round_before(round_: BoardWorld) -> None:
    """The contract takes none by then; the opener's time alone begins after it."""
    start = begun(round_)
    until = start + SET + 9
    known = {"certified": ALL, "opened_until": until}
    assert waiting(decide(round_, 0, start + 1, **known), until + 1, "members may open the round before")
    assert decide(round_, 0, until + 1, **known) == ProposeSet(1, 1, ALL)
    mine = until + SET + 1
    assert waiting(decide(round_, 1, until + 1, **known), mine, "leaves it to another")
    assert decide(round_, 1, mine, **known) == ProposeSet(1, 1, ALL)


def test_a_signature_that_lacks_is_waited_for_a_while(round_: BoardWorld) -> None:
    start = begun(round_) + 1
    assert waiting(decide(round_, 0, start, certified=FOUR), start + SET // 4, "waits until", "update of member 4")
    assert decide(round_, 0, start + SET // 4, since=start, certified=FOUR) == ProposeSet(1, 1, FOUR)


def test_of_the_convicted_nothing_is_waited_for(round_: BoardWorld) -> None:
    step = decide(round_, 0, begun(round_) + 1, certified=FOUR, convicted=frozenset({4}))
    assert step == ProposeSet(1, 1, FOUR)
    short = decide(round_, 0, begun(round_) + 1, certified=ALL, convicted=frozenset({3, 4}))
    assert waiting(short, round_.round.deadline + 1, "too few")


def test_what_made_too_small_a_set_is_not_proposed_again(round_: BoardWorld) -> None:
    step = decide(round_, 0, begun(round_) + 1, certified=ALL, small=frozenset({ALL}))
    assert waiting(step, round_.round.deadline + 1, "too few")


def test_bytes_on_their_way_are_waited_for(round_: BoardWorld) -> None:
    now = begun(round_) + 1
    step = decide(round_, 0, now, certified=ALL, copying=("the update of member 2",))
    assert isinstance(step, Wait)
    assert "the update of member 2" in step.why


def test_a_lapsed_set_is_followed_by_anothers(round_: BoardWorld) -> None:
    round_.propose_set(FOUR)
    lapsed = round_.round_masks.proposals[0].deadline
    assert waiting(decide(round_, 1, lapsed, certified=ALL), lapsed + 1, "agree with the set that member 0")
    assert waiting(decide(round_, 0, lapsed + 1, certified=ALL), round_.round.deadline + 1, "its own set")
    assert decide(round_, 1, lapsed + 1, certified=ALL) == ProposeSet(1, 1, ALL)


def test_the_model_is_published_once_the_masks_can_be_taken_off(round_: BoardWorld) -> None:
    round_.propose_set(FOUR).agree_set(1, 2)
    said = round_.round_masks
    now = said.proposals[0].deadline - 5
    assert waiting(decide(round_, 0, now), said.unmask_deadline + 1, "member 2, member 3 to unmask")
    assert waiting(decide(round_, 0, now, deep=said.fixed_in - 1), round_.round.deadline + 1, "further blocks")
    known = {"unmasked": True, "named": ALL}
    assert decide(round_, 0, now, **known) == PublishAggregate(1, 1, 1, ALL)
    assert waiting(decide(round_, 0, now, unmasked=True), round_.round.deadline + 1, "files of its set")


def test_another_publishes_the_set_of_an_opener_that_died(round_: BoardWorld) -> None:
    round_.propose_set(FOUR).agree_set(1, 2).unmask(0, 1, 2, 3)
    alone = round_.round.deadline - round_.state.terms.aggregate_seconds
    known = {"unmasked": True, "named": ALL}
    assert waiting(decide(round_, 1, alone, **known), alone + 1, "member 0's to aggregate")
    assert decide(round_, 1, alone + 1, **known) == PublishAggregate(1, 1, 1, ALL)


def test_what_is_missing_after_all_deadlines_stays_so(round_: BoardWorld) -> None:
    round_.propose_set(FOUR).agree_set(1, 2).unmask(0, 1)
    said, over = round_.round_masks, round_.round.deadline + 1
    assert waiting(decide(round_, 0, said.unmask_deadline), said.unmask_deadline + 1, "member 2, member 3 to unmask")
    assert waiting(decide(round_, 0, said.share_deadline), said.share_deadline + 1, "shares of what is missing")
    assert waiting(decide(round_, 0, said.share_deadline + 1), over, "ends without an aggregate")


def test_a_round_without_a_cast_ends_by_its_deadlines(world: BoardWorld) -> None:
    world.bring(*ALL)
    step = decide(world, 0, begun(world) + 1, certified=ALL, since=0)
    assert step == OpenSegment(1, 1), "its segment has a further round"
    world.open_segment()
    step = decide(world, 0, begun(world) + 1, certified=ALL)
    assert step == OpenSegment(1, 1), "nobody set it up"
    world.open_segment()
    deadline = world.segment.deadline
    assert waiting(decide(world, 0, deadline, certified=ALL), deadline + 1, "0 of 5 members have set up")


def test_strangers_and_open_jobs_do_nothing_of_this(world: BoardWorld) -> None:
    world.history.members[1].roles = r.Role.PARTICIPANT
    assert isinstance(decide(world, 1), Wait)
    plain = BoardWorld(members=5, beside=True).register(*ALL)
    at = AggregatorSituation(500, DeepBlock(1 << 40, bytes(32), 500), 500)
    assert next_step(plain.history, plain.history.jobs[1], plain.keys[0], at) == OpenRound(1)
