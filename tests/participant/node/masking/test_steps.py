"""What a member does next for the masks of its jobs, second by second, over histories as the board would write them."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.masked import Members
from support.worlds import mask_lies
from support.worlds.masks import BoardWorld

from ledger.events import records as r
from ledger.history.state import Phase
from ledger.masks.keys import point_of
from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import COURTESY, STILL, Nudge
from participant.node.masking.answering import Answering
from participant.node.masking.judging import Judging
from participant.node.masking.steps import (
    AgreeCast,
    AgreeSet,
    DueSteps,
    GiveShares,
    MaskStep,
    MemberSituation,
    OpenMasked,
    RegisterKey,
    SetUpSegment,
    Unmask,
    due_steps,
    key_step,
    not_masked,
)

ME = 2
POINTS = [point_of(key) for key in Members(range(5)).mask_keys.values()]
"""Mask keys that count; the world's own are any 32 bytes."""


def masked(*, keys: bool = True) -> BoardWorld:
    world = BoardWorld()
    for member, point in enumerate(POINTS if keys else ()):
        world.emit(r.MaskKeyRegistered, member=world.keys[member], key=point)
    return world


def due(world: BoardWorld, now: int, me: int = ME, **situation: Any) -> DueSteps:
    deep = situation.pop("deep", DeepBlock(world.block, bytes(32), now))
    return due_steps(world.history, world.state, world.keys[me], MemberSituation(now, deep, **situation))


def steps(world: BoardWorld, now: int, me: int = ME, **situation: Any) -> list[MaskStep | Nudge]:
    return list(due(world, now, me, **situation).steps)


def cast_fixed(*cast: int) -> BoardWorld:
    world = masked().open_segment().set_up(*range(5))
    return world.propose_cast(cast or range(5)).agree_cast(1, 2)


def shallow(block: int) -> DeepBlock:
    """A chain on which a block is not deep yet."""
    return DeepBlock(block - 1, bytes(32), 0)


class TestKeys:
    def test_a_participant_makes_one_before_its_first_masked_job_is_open(self) -> None:
        world = BoardWorld(beside=True)
        assert not world.history.jobs[world.masked].open
        assert key_step(world.history, world.keys[ME], frozenset()) == RegisterKey()

    def test_one_that_is_at_home_and_on_the_ledger_is_enough(self) -> None:
        world = masked()
        assert key_step(world.history, world.keys[ME], frozenset({POINTS[ME]})) is None

    def test_one_that_was_made_before_a_crash_is_registered_and_no_other(self) -> None:
        world = masked(keys=False)
        assert key_step(world.history, world.keys[ME], frozenset({POINTS[0]})) == RegisterKey(POINTS[0])

    def test_one_that_the_home_lost_is_replaced(self) -> None:
        assert key_step(masked().history, masked().keys[ME], frozenset()) == RegisterKey()

    def test_one_that_somebody_else_registered_first_is_kept(self) -> None:
        """Another rule would let anyone who watches pending transactions make it register keys without end."""
        world = masked(keys=False)
        for member in (0, ME):
            world.emit(r.MaskKeyRegistered, member=world.keys[member], key=POINTS[0])
        assert key_step(world.history, world.keys[ME], frozenset({POINTS[0]})) is None
        assert key_step(world.history, world.keys[0], frozenset()) == RegisterKey()

    def test_one_that_was_made_to_rotate_is_registered_beside_the_old_one(self) -> None:
        world = masked()
        keys = frozenset({POINTS[ME], POINTS[4][::-1]})
        assert key_step(world.history, world.keys[ME], keys) == RegisterKey(POINTS[4][::-1])

    def test_other_keys_and_consortia_without_masks_register_none(self) -> None:
        world = masked()
        assert key_step(world.history, "0x" + "1" * 40, frozenset()) is None
        world.history.masks.clear()
        assert key_step(world.history, world.keys[ME], frozenset()) is None


class TestSegments:
    def test_a_segment_is_set_up_until_its_deadlines_second(self) -> None:
        world = masked().open_segment()
        end = world.segment.deadline
        assert steps(world, end) == [SetUpSegment(1, 1)]
        assert steps(world, end + 1) == []

    def test_once(self) -> None:
        world = masked().open_segment().set_up(ME)
        found = due(world, world.segment.deadline)
        assert not found.steps
        assert "other members set up segment 1" in found.wait.why

    def test_again_where_it_was_opened_again(self) -> None:
        world = masked().open_segment().set_up(*range(5)).open_segment()
        assert steps(world, world.segment.deadline) == [SetUpSegment(1, 1)]

    def test_not_by_a_member_without_a_key_that_counts(self) -> None:
        world = masked(keys=False).register(*range(5))  # no points: all of small order or in a second form
        world.emit(r.MaskKeyRegistered, member=world.keys[ME], key=bytes([1]) + bytes(31))
        world.open_segment()
        found = due(world, world.segment.deadline)
        assert not found.steps
        assert "its mask key is not one that counts" in found.wait.why

    def test_what_this_home_cannot_do_is_not_tried_again(self) -> None:
        world = masked().open_segment()
        found = due(world, world.segment.deadline, unable={SetUpSegment(1, 1): "the disk is gone"})
        assert not found.steps
        assert found.wait.why == "the disk is gone"

    def test_a_cast_is_looked_at_until_its_deadlines_second(self) -> None:
        world = masked().open_segment().set_up(*range(5)).propose_cast(range(5))
        last = world.segment.proposals[-1]
        assert steps(world, last.deadline) == [AgreeCast(1, 1, last.tx)]
        assert steps(world, last.deadline + 1) == []

    def test_once_and_not_by_who_proposed_it(self) -> None:
        world = masked().open_segment().set_up(*range(5)).propose_cast(range(5)).agree_cast(ME)
        end = world.segment.proposals[-1].deadline
        assert steps(world, end) == []
        assert steps(world, end, me=0) == []
        assert steps(world, end, me=3) != []

    def test_not_before_it_is_deep(self) -> None:
        world = masked().open_segment().set_up(*range(5)).propose_cast(range(5))
        last = world.segment.proposals[-1]
        found = due(world, last.deadline - 9, deep=shallow(last.block))
        assert not found.steps
        assert "further blocks of the chain" in found.wait.why

    def test_a_chain_that_stands_still_is_nudged_by_one_after_the_other(self) -> None:
        world = masked().open_segment().set_up(*range(5)).propose_cast(range(5))
        last = world.segment.proposals[-1]
        for member in (1, 2, 3, 4):
            at = {"me": member, "deep": shallow(last.block)}
            assert steps(world, last.deadline - 9, still=STILL + COURTESY * member, **at) == [Nudge(1, 0)]
            assert steps(world, last.deadline - 9, still=STILL + COURTESY * member - 1, **at) == []

    def test_a_fixed_cast_leaves_nothing_to_do(self) -> None:
        world = cast_fixed()
        assert steps(world, world.segment.proposals[-1].deadline, me=4) == []


class TestCommitting:
    """`not_masked`: why a member brings nothing to a round."""

    def why(self, world: BoardWorld, me: int = ME, deep: DeepBlock | None = None) -> str:
        found = deep or DeepBlock(world.block)
        return not_masked(world.history, world.state, world.round, world.history.members[me], found)

    def test_a_member_of_a_deep_cast_may(self) -> None:
        world = cast_fixed().bring()
        assert self.why(world) == ""

    def test_nobody_may_without_a_cast(self) -> None:
        world = masked().bring()
        assert "has no cast yet" in self.why(world)
        world.open_segment().set_up(*range(5)).propose_cast(range(5))
        assert "has no cast yet" in self.why(world)

    def test_nobody_may_before_the_cast_is_deep(self) -> None:
        world = cast_fixed().bring()
        assert "deep in the chain" in self.why(world, deep=shallow(world.segment.fixed_in))

    def test_who_is_not_in_the_cast_sits_it_out(self) -> None:
        world = cast_fixed(0, 1, 2, 3).bring()
        assert self.why(world) == ""
        assert "is not in the cast of segment 1" in self.why(world, me=4)

    def test_an_open_job_is_not_asked(self) -> None:
        world = cast_fixed().bring()
        world.history.masks.clear()
        assert self.why(world) == ""


def set_proposed(*set_: int) -> BoardWorld:
    return cast_fixed().bring(0, 1, 2, 3).propose_set(set_ or (0, 1, 2, 3))


def set_fixed() -> BoardWorld:
    return set_proposed().agree_set(1, 3)


class TestSets:
    def test_a_set_is_looked_at_until_its_deadlines_second(self) -> None:
        world = set_proposed()
        last = world.round_masks.proposals[-1]
        assert steps(world, last.deadline) == [AgreeSet(1, 1, last.tx)]
        assert steps(world, last.deadline + 1) == []

    def test_also_by_a_member_that_brought_nothing(self) -> None:
        world = set_proposed()
        last = world.round_masks.proposals[-1]
        assert steps(world, last.deadline, me=4) == [AgreeSet(1, 1, last.tx)]

    @pytest.mark.parametrize("what", ["proposal", "openings"])
    def test_not_before_proposal_and_openings_are_deep(self, what: str) -> None:
        world = set_proposed()
        last = world.round_masks.proposals[-1]
        block = last.block if what == "proposal" else world.round.opened_in
        assert steps(world, last.deadline, deep=shallow(block)) == []

    def test_once(self) -> None:
        world = set_proposed().agree_set(ME)
        assert steps(world, world.round_masks.proposals[-1].deadline) == []


class TestAnswers:
    def test_a_member_of_the_set_unmasks_until_its_deadlines_second(self) -> None:
        world = set_fixed()
        end = world.round_masks.unmask_deadline
        assert steps(world, end) == [Unmask(1, 1)]
        assert steps(world, end + 1) == []

    def test_once_and_nobody_outside_of_the_set(self) -> None:
        world = set_fixed().unmask(ME)
        end = world.round_masks.unmask_deadline
        assert steps(world, end) == []
        assert steps(world, end, me=4) == []

    def test_not_before_the_set_is_deep(self) -> None:
        world = set_fixed()
        said = world.round_masks
        found = due(world, said.unmask_deadline, deep=shallow(said.fixed_in))
        assert not found.steps
        assert "further blocks" in found.wait.why

    def test_shares_are_given_where_some_are_asked_for_and_in_time(self) -> None:
        world = set_fixed().unmask(0, 1, ME)
        said, owed = world.round_masks, frozenset({(1, 1)})
        assert steps(world, said.unmask_deadline, owed=owed) == []
        assert steps(world, said.unmask_deadline + 1, owed=owed) == [GiveShares(1, 1)]
        assert steps(world, said.share_deadline, me=4, owed=owed) == [GiveShares(1, 1)]
        assert steps(world, said.share_deadline + 1, owed=owed) == []
        assert steps(world, said.unmask_deadline + 1) == []

    def test_nothing_is_shown_of_a_round_that_has_ended(self) -> None:
        world = set_fixed()
        end = world.round_masks.unmask_deadline
        world.emit(r.RoundAbandoned, **world.where, reason=r.Reason.NO_AGGREGATE)
        assert steps(world, end, owed=frozenset({(1, 1)})) == []

    def test_an_update_is_opened_where_its_set_is_asked_to(self) -> None:
        world = set_fixed().unmask(0, 1, ME, 3)
        world.emit(r.RoundAbandoned, **world.where, reason=r.Reason.NO_AGGREGATE)
        now, asked = world.round_masks.share_deadline, frozenset({(1, 1)})
        assert steps(world, now) == []
        assert steps(world, now, asked=asked) == [OpenMasked(1, 1)]
        assert steps(world, now, asked=asked, me=4) == []
        assert steps(world, now, asked=asked, deep=shallow(world.round.ended_in)) == []
        world.show(ME)
        assert steps(world, now, asked=asked) == []

    def test_a_chain_that_stands_still_is_nudged_before_an_update_is_opened(self) -> None:
        """Else a set on a chain that seals on demand would be late, and convicted."""
        world = set_fixed().unmask(0, 1, ME, 3)
        world.emit(r.RoundAbandoned, **world.where, reason=r.Reason.NO_AGGREGATE)
        now, asked = world.round_masks.share_deadline, frozenset({(1, 1)})
        found = due(world, now, asked=asked, deep=shallow(world.round.ended_in))
        assert found.wait.until is not None
        late = {"still": found.wait.until - now, "deep": shallow(world.round.ended_in)}
        assert steps(world, found.wait.until, asked=asked, **late) == [Nudge(1, 1)]
        assert steps(world, found.wait.until, asked=asked, me=4, **late) == []


def test_the_next_segment_is_set_up_while_a_round_is_answered() -> None:
    """The most urgent first; both are due at once."""
    world = set_fixed()
    world.open_segment(2)
    now = min(world.round_masks.unmask_deadline, world.segment.deadline)
    assert steps(world, now) == [Unmask(1, 1), SetUpSegment(1, 2)]


def test_a_key_that_came_after_the_round_was_opened_answers_nothing() -> None:
    world = set_fixed()
    epoch = world.history.epoch + 1
    world.emit(r.KeyRotated, index=ME, old_key=world.keys[ME], new_key="0x" + "9" * 40, epoch=epoch)
    end = world.round_masks.unmask_deadline
    deep = DeepBlock(world.block, bytes(32), end)
    assert not due_steps(world.history, world.state, "0x" + "9" * 40, MemberSituation(end, deep)).steps
    assert not due_steps(world.history, world.state, world.keys[ME], MemberSituation(end, deep)).steps


def test_on_a_fork_it_is_found_again_whether_a_set_is_asked_to_open() -> None:
    def job(deadline: int | None) -> Any:
        round_ = SimpleNamespace(phase=Phase.ABANDONED, final=None, ended_in=9)
        void = None if deadline is None else SimpleNamespace(deadline=deadline, asked={0})
        state, masks = SimpleNamespace(number=1, rounds={1: round_}), SimpleNamespace(rounds={1: None})
        return SimpleNamespace(state=state, masks=masks, void=lambda _: void)

    answering: Any = Answering(None, None)  # type: ignore[arg-type]
    bounded, void = job(None), job(100)
    assert answering.asked(bounded, 0, 50) == frozenset()
    assert answering.asked(void, 0, 100) == {(1, 1)}
    assert answering.asked(void, 0, 101) == frozenset()
    another: Any = Answering(None, None)  # type: ignore[arg-type]
    assert another.asked(job(100), 1, 100) == frozenset(), "one of another group is not asked"


def test_a_segment_of_too_few_sound_keys_stops_no_other_step() -> None:
    """Members that register keys that are no points could keep all others from unmasking a round."""
    world = mask_lies.begun()
    for member in (2, 3, 4):
        world.register(member, point=b"\xff" * 32)
    opened = world.open_segment()
    said = {"deadline": opened.deadline, "cid": bytes(31) + b"1"}
    world.emit(r.SegmentSetUp, job=1, segment=1, member=world.keys[4], **said)
    assert opened.setups
    judging = Judging(SimpleNamespace(place=world.place), None, None)  # type: ignore[arg-type]
    assert judging.copy_setups(world.state, world.masks, opened, 1.0) is None
