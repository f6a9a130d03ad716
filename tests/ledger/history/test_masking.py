"""Masks: keys, casts, sets and answers fold as the contract would have it, and as nothing else."""

import copy
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.masks import (
    KEY,
    MASKING,
    WORD,
    BoardWorld,
    casting,
    fixing_cast,
    fixing_set,
    giving,
    opening,
    proposing,
    setting_up,
    shares_of,
    unmasking,
)
from support.worlds.signing import key
from support.worlds.world import World

from ledger.events import records as r
from ledger.history.fold import History, HistoryError
from ledger.history.state.masking import bitmap_of, members_in

NONE = bytes(32)
EVERYONE = (0, 1, 2, 3, 4)
FOUR = (0, 1, 2, 3)


def keyed() -> BoardWorld:
    return BoardWorld().register(*EVERYONE)


def opened() -> BoardWorld:
    return keyed().open_segment()


def set_up() -> BoardWorld:
    return opened().set_up(*EVERYONE)


def proposed() -> BoardWorld:
    return set_up().propose_cast(EVERYONE)


def agreed() -> BoardWorld:
    """A majority agrees with the cast; the contract's own event is still to come."""
    world = proposed().agree_cast(1)
    world.emit(r.CastAgreed, job=1, segment=1, member=key(2))
    return world


def cast() -> BoardWorld:
    return BoardWorld().cast()


def brought() -> BoardWorld:
    """Four of five brought an update, all open."""
    return cast().bring(*FOUR)


def set_proposed() -> BoardWorld:
    return brought().propose_set(FOUR)


def set_agreed() -> BoardWorld:
    """A majority agrees with the set; the contract's own event is still to come."""
    world = set_proposed().agree_set(1)
    world.emit(r.SetAgreed, job=1, round=1, member=key(2))
    return world


def fixed() -> BoardWorld:
    return set_proposed().agree_set(1, 2)


def unmasked() -> BoardWorld:
    return fixed().unmask(0, 1)


def over() -> BoardWorld:
    """Both rounds of the first segment were opened, and it has no cast."""
    world = keyed()
    for _ in range(2):
        world.bring(*FOUR)
        world.advance()
    return world


def given_shares() -> BoardWorld:
    return unmasked().give(1)


def abandoned() -> BoardWorld:
    world = unmasked()
    world.advance()
    return world


def rotated(world: BoardWorld, member: int = 3) -> BoardWorld:
    """A member has another key from now on; the world still names the old one."""
    epoch = world.history.epoch + 1
    world.emit(r.KeyRotated, index=member, old_key=key(member), new_key=key(member, 1), epoch=epoch)
    return world


def with_(fields: Any, *arguments: Any, **lies: Any) -> Any:
    return lambda world: fields(world, *arguments, **lies)


def agreeing(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    return {"job": 1, "segment": 1, "member": key(who)} | lies


def agreeing_set(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    return {"job": 1, "round": 1, "member": key(who)} | lies


def showing(world: BoardWorld, who: int, **lies: Any) -> dict[str, Any]:
    return {"job": 1, "round": 1, "member": key(who), "key": KEY} | lies


def terms(**changes: int) -> dict[str, Any]:
    return {"job": 1, "terms": msgspec.structs.replace(MASKING, **changes)}


def two_jobs() -> BoardWorld:
    """The second one is not open."""
    world = cast()
    said = {"digest": WORD, "proposer": key(0), "terms": world.job.terms, "model": world.job.model_terms}
    world.emit(r.JobProposed, job=2, **said)
    return world


def lapsed() -> BoardWorld:
    """A cast that a minority agreed with; then another aggregator's."""
    return proposed().agree_cast(1).propose_cast(FOUR, 2)


def set_lapsed() -> BoardWorld:
    return set_proposed().agree_set(1).propose_set((0, 1, 2), 2)


LATE = MASKING.set_seconds
ILLEGAL = {
    "terms of no job": (BoardWorld, r.MaskingConfigured, terms() | {"job": 2}),
    "terms of an open job": (lambda: World().open_job(), r.MaskingConfigured, terms()),
    "terms twice": (cast, r.MaskingConfigured, terms()),
    "no rounds": (two_jobs, r.MaskingConfigured, terms(segment=0) | {"job": 2}),
    "too many rounds": (two_jobs, r.MaskingConfigured, terms(segment=257) | {"job": 2}),
    "sets of two": (two_jobs, r.MaskingConfigured, terms(smallest=2) | {"job": 2}),
    "no time": (two_jobs, r.MaskingConfigured, terms(share_seconds=0) | {"job": 2}),
    "more than a year": (two_jobs, r.MaskingConfigured, terms(set_seconds=365 * 86_400 + 1) | {"job": 2}),
    "a stranger's mask key": (BoardWorld, r.MaskKeyRegistered, {"member": key(9), "key": KEY}),
    "a retired key's mask key": (lambda: rotated(keyed()), r.MaskKeyRegistered, {"member": key(3), "key": KEY}),
    "a mask key of zeros": (BoardWorld, r.MaskKeyRegistered, {"member": key(0), "key": NONE}),
    "a segment of an open job": (lambda: World(5).open_job(), r.SegmentOpened,
        {"job": 1, "segment": 1, "aggregator": key(0), "roster": 31, "deadline": 500}),
    "a segment opened by a stranger": (keyed, r.SegmentOpened, with_(opening, aggregator=key(9))),
    "segment 0": (keyed, r.SegmentOpened, with_(opening, 0)),
    "a segment before the one of the next round": (keyed, r.SegmentOpened, with_(opening, 2)),
    "a segment while the one of the next round is set up": (set_up, r.SegmentOpened, with_(opening, 2)),
    "a segment after the next": (cast, r.SegmentOpened, with_(opening, 3)),
    "a segment whose rounds are over": (over, r.SegmentOpened, with_(opening, 1)),
    "a roster with a member without a key": (lambda: BoardWorld().register(*FOUR), r.SegmentOpened,
        with_(opening, roster=31)),
    "a roster without a member with one": (keyed, r.SegmentOpened, with_(opening, roster=15)),
    "a roster that is too small": (lambda: BoardWorld().register(0, 1), r.SegmentOpened, with_(opening)),
    "a segment opened again while it may be set up": (set_up, r.SegmentOpened, lambda w: opening(w,
        deadline=w.segment.deadline + LATE + MASKING.set_up_seconds)),
    "a segment opened again while there is a cast to agree with": (proposed, r.SegmentOpened, lambda w: opening(w,
        deadline=w.segment.quiet_until + LATE + MASKING.set_up_seconds)),
    "a segment opened again that has its cast": (cast, r.SegmentOpened, with_(opening)),
    "a stranger's set-up": (opened, r.SegmentSetUp, with_(setting_up, 0, member=key(9))),
    "a retired key's set-up": (lambda: rotated(opened()), r.SegmentSetUp, with_(setting_up, 3)),
    "a set-up that is nowhere": (opened, r.SegmentSetUp, with_(setting_up, 0, cid=NONE)),
    "a cast that lives shorter than the time to set up": (set_up, r.CastProposed, lambda w: casting(w, EVERYONE,
        deadline=w.segment.deadline - 1)),
    "a cast with a member outside of the roster": (lambda: BoardWorld().register(*FOUR).open_segment(),
        r.CastProposed, with_(casting, EVERYONE)),
    "a cast that is too small": (set_up, r.CastProposed, with_(casting, (0, 1, 2))),
    "a stranger's cast": (set_up, r.CastProposed, with_(casting, EVERYONE, aggregator=key(9))),
    "a cast by a key too young": (lambda: rotated(set_up()), r.CastProposed,
        with_(casting, EVERYONE, aggregator=key(3, 1))),
    "a cast while another may be agreed with": (proposed, r.CastProposed, lambda w: casting(w, FOUR, 1,
        deadline=w.segment.quiet_until + LATE)),
    "a second cast of one aggregator": (lapsed, r.CastProposed, with_(casting, FOUR, 0)),
    "a cast again": (lapsed, r.CastProposed, with_(casting, FOUR, 2)),
    "agreement with no cast": (set_up, r.CastAgreed, with_(agreeing, 1)),
    "agreement with one's own cast": (proposed, r.CastAgreed, with_(agreeing, 0)),
    "agreement twice": (lambda: proposed().agree_cast(1), r.CastAgreed, with_(agreeing, 1)),
    "a stranger's agreement": (proposed, r.CastAgreed, with_(agreeing, 9)),
    "a retired key's agreement": (lambda: rotated(proposed()), r.CastAgreed, with_(agreeing, 3)),
    "agreement by a key too young": (lambda: rotated(proposed()), r.CastAgreed,
        with_(agreeing, 3, member=key(3, 1))),
    "agreement where a majority agreed": (agreed, r.CastAgreed, with_(agreeing, 3)),
    "anything else where a majority agreed": (agreed, r.MaskKeyRegistered, {"member": key(0), "key": KEY}),
    "a cast fixed by a minority": (lambda: proposed().agree_cast(1), r.CastFixed, with_(fixing_cast)),
    "a cast fixed that was not proposed": (agreed, r.CastFixed, with_(fixing_cast, cast=15)),
    "a cast fixed of another segment": (agreed, r.CastFixed, with_(fixing_cast, segment=2)),
    "a cast fixed twice": (cast, r.CastFixed, with_(fixing_cast)),
    "a set of no round": (cast, r.SetProposed, {"job": 1, "round": 1, "aggregator": key(0), "set": 15,
        "receipts": WORD, "deadline": 1_000}),
    "a set of another round": (brought, r.SetProposed, with_(proposing, FOUR, round=2)),
    "a set without a cast": (lambda: BoardWorld().bring(*FOUR), r.SetProposed, with_(proposing, FOUR)),
    "a set beyond the cast": (lambda: BoardWorld().cast(cast=FOUR).bring(*EVERYONE), r.SetProposed,
        with_(proposing, EVERYONE)),
    "a set with a member that brought nothing": (brought, r.SetProposed, with_(proposing, (0, 1, 2, 4))),
    "a set that is too small": (brought, r.SetProposed, with_(proposing, (0, 1))),
    "a set without receipts": (brought, r.SetProposed, with_(proposing, FOUR, receipts=NONE)),
    "a set before its time": (lambda: cast().bring(*EVERYONE), r.SetProposed, lambda w: proposing(w, FOUR,
        deadline=w.round.deadline - 2 * w.state.terms.aggregate_seconds - 2000)),
    "a set after the round": (brought, r.SetProposed, lambda w: proposing(w, FOUR,
        deadline=w.round.deadline + 1 + LATE)),
    "a set in the opener's time": (brought, r.SetProposed, with_(proposing, FOUR, 1)),
    "a stranger's set": (brought, r.SetProposed, with_(proposing, FOUR, aggregator=key(9))),
    "a set while another may be agreed with": (set_proposed, r.SetProposed, lambda w: proposing(w, FOUR, 1,
        deadline=w.round_masks.proposals[-1].deadline + LATE)),
    "a second set of one aggregator": (set_lapsed, r.SetProposed, with_(proposing, FOUR, 0)),
    "a second set of a round": (fixed, r.SetProposed, with_(proposing, FOUR, 1)),
    "agreement with no set": (brought, r.SetAgreed, with_(agreeing_set, 1)),
    "agreement with one's own set": (set_proposed, r.SetAgreed, with_(agreeing_set, 0)),
    "agreement with a set twice": (lambda: set_proposed().agree_set(1), r.SetAgreed, with_(agreeing_set, 1)),
    "agreement with a set that is fixed": (fixed, r.SetAgreed, with_(agreeing_set, 3)),
    "agreement where a majority agreed with the set": (set_agreed, r.SetAgreed, with_(agreeing_set, 3)),
    "a set fixed by a minority": (lambda: set_proposed().agree_set(1), r.SetFixed, with_(fixing_set)),
    "a set fixed that was not proposed": (set_agreed, r.SetFixed, with_(fixing_set, set=7)),
    "a set fixed late": (set_agreed, r.SetFixed, lambda w: fixing_set(w,
        unmask_deadline=fixing_set(w)["unmask_deadline"] + 1, share_deadline=fixing_set(w)["share_deadline"] + 1)),
    "a set fixed before it was proposed": (set_agreed, r.SetFixed, lambda w: fixing_set(w,
        unmask_deadline=fixing_set(w)["unmask_deadline"] - LATE - 1,
        share_deadline=fixing_set(w)["share_deadline"] - LATE - 1)),
    "a set fixed with another time for shares": (set_agreed, r.SetFixed, lambda w: fixing_set(w,
        share_deadline=fixing_set(w)["share_deadline"] + 1)),
    "a seed before the set": (set_proposed, r.Unmasked, with_(unmasking, 1)),
    "a seed of a member outside of the set": (fixed, r.Unmasked, with_(unmasking, 4)),
    "a seed twice": (unmasked, r.Unmasked, with_(unmasking, 1)),
    "a stranger's seed": (fixed, r.Unmasked, with_(unmasking, 0, member=key(9))),
    "a retired key's seed": (lambda: rotated(fixed()), r.Unmasked, with_(unmasking, 3)),
    "a seed after shares": (given_shares, r.Unmasked, with_(unmasking, 2)),
    "a share of a member of the set": (fixed, r.Unmasked, with_(unmasking, 0, shares=shares_of([3]))),
    "half a share": (fixed, r.Unmasked, with_(unmasking, 0, shares=shares_of([4])[:-1])),
    "shares before the set": (set_proposed, r.SharesGiven, with_(agreeing_set, 1, shares=shares_of([4]))),
    "no shares": (unmasked, r.SharesGiven, with_(giving, 1, shares=b"")),
    "a share of a member outside of the cast": (unmasked, r.SharesGiven, with_(giving, 1, shares=shares_of([5]))),
    "shares in another order": (unmasked, r.SharesGiven,
        with_(giving, 1, shares=shares_of([3]) + shares_of([2]))),
    "one share twice": (unmasked, r.SharesGiven, with_(giving, 1, shares=shares_of([2]) * 2)),
    "a stranger's shares": (unmasked, r.SharesGiven, with_(giving, 1, member=key(9))),
    "an opening in a round under way": (unmasked, r.UpdateUnmasked, with_(showing, 1)),
    "an opening by a member outside of the set": (abandoned, r.UpdateUnmasked, with_(showing, 4)),
    "an opening with nothing": (abandoned, r.UpdateUnmasked, with_(showing, 1, key=NONE)),
    "an opening of another round": (abandoned, r.UpdateUnmasked, with_(showing, 1, round=2)),
    "an opening of an open job's round": (lambda: World(5).open_job().honest_round(), r.UpdateUnmasked,
        with_(showing, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("start", "kind", "fields"), ILLEGAL.values(), ids=ILLEGAL.keys())
def test_masks_that_cannot_be_are_refused_and_leave_no_trace(start: Any, kind: Any, fields: Any) -> None:
    world = start()
    history = world.history
    made = fields(world) if callable(fields) else fields
    event = kind(block=10_000 + history.applied, log=0, tx=bytes(32), leaf=NONE, **made)
    before = copy.deepcopy(vars(history))
    with pytest.raises(HistoryError, match="log is damaged"):
        history.apply(event)
    assert vars(history) == before


def test_a_masked_round_from_keys_to_shares_is_on_record() -> None:
    world = given_shares()
    masks, segment, found = world.masks, world.segment, world.round_masks
    assert (masks.terms, masks.number_of(1), masks.number_of(2), masks.number_of(3)) == (MASKING, 1, 1, 2)
    assert [(one.index, one.key) for one in segment.keys] == [(i, bytes([i + 1]) * 32) for i in EVERYONE]
    assert (segment.roster, segment.cast, segment.setups.keys()) == ({*EVERYONE}, {*EVERYONE}, {*EVERYONE})
    assert (segment.proposals[0].proposer, list(segment.proposals[0].agreeing)) == (0, [0, 1, 2])
    assert (found.set, found.silent, found.proposals[0].receipts) == ({*FOUR}, {2, 3}, WORD)
    assert found.answers[1].shares == {4: bytes([5]) * 32}
    assert [one.shares.keys() for one in found.given.values()] == [{2, 3, 4}]
    assert found.share_deadline == found.unmask_deadline + MASKING.share_seconds


def test_a_members_first_set_up_counts_and_none_of_another_opening() -> None:
    world = set_up()
    again = {**setting_up(world, 0), "cid": KEY}
    world.emit(r.SegmentSetUp, **again)
    assert world.segment.setups[0].cid == bytes([1]) * 32
    world.open_segment()
    world.emit(r.SegmentSetUp, **again)
    assert world.segment.setups == {}
    world.emit(r.SegmentSetUp, **setting_up(world, 0, cid=KEY))
    assert world.segment.setups[0].cid == KEY


NAMING_NOTHING: Mapping[str, dict[str, int]] = {
    "another job": {"job": 2},
    "a job that there is not": {"job": 9},
    "another segment": {"segment": 2},
    "another deadline": {"deadline": 1 << 39},
}


@pytest.mark.parametrize("said", NAMING_NOTHING.values(), ids=NAMING_NOTHING)
def test_a_set_up_that_fits_no_opening_says_nothing(said: dict[str, int]) -> None:
    world = opened()
    world.emit(r.SegmentSetUp, **{**setting_up(world, 0), **said})
    assert world.segment.setups == {}


def test_a_set_up_before_the_opening_or_after_the_cast_says_nothing() -> None:
    world = keyed()
    world.emit(r.SegmentSetUp, **setting_up(world, 0, segment=1, deadline=opening(world)["deadline"]))
    world.open_segment()
    assert world.segment.setups == {}
    world.set_up(*FOUR).propose_cast(FOUR).set_up(4)
    assert world.segment.setups.keys() == {*EVERYONE}, "one that comes while a cast is agreed with counts for the next"
    again = world.open_segment().set_up(*FOUR).propose_cast(FOUR).agree_cast(1, 2).set_up(4)
    assert again.segment.setups.keys() == {*FOUR}


def test_a_cast_may_be_proposed_at_once_and_lives_until_the_time_to_set_up_is_over() -> None:
    world = opened()
    end = world.segment.deadline
    world.emit(r.CastProposed, **casting(world, EVERYONE, deadline=end))
    assert world.masks.in_set_up(world.segment, world.segment.proposals[0])
    assert world.segment.quiet_until == end
    late = opened()
    late.emit(r.CastProposed, **casting(late, EVERYONE, deadline=end + MASKING.set_seconds + 1))
    assert not late.masks.in_set_up(late.segment, late.segment.proposals[0])


def test_a_set_up_by_a_member_outside_of_the_roster_says_nothing() -> None:
    world = BoardWorld().register(*FOUR).open_segment().set_up(4)
    assert world.segment.setups == {}


def test_keys_that_come_after_the_opening_are_of_the_next_one() -> None:
    world = opened()
    world.emit(r.MaskKeyRegistered, member=key(0), key=KEY)
    assert len(world.segment.keys) == 5
    world.open_segment(1, 1)
    assert [one.key for one in world.segment.keys if one.index == 0] == [bytes([1]) * 32, KEY]
    assert len(world.history.mask_keys) == 6


def test_what_lapsed_is_followed_by_another_aggregators() -> None:
    world = lapsed()
    assert [list(one.agreeing) for one in world.segment.proposals] == [[0, 1], [2]]
    world.agree_cast(0, 1)
    assert world.segment.cast == {*FOUR}
    world = set_lapsed().agree_set(0, 1)
    assert (world.round_masks.set, len(world.round_masks.proposals)) == ({0, 1, 2}, 2)


def test_a_segment_that_nobody_proposed_a_cast_for_gives_way_once_its_rounds_are_over() -> None:
    world = set_up()
    for _ in range(2):
        world.bring(*FOUR)
        world.advance()
    world.open_segment(2, 3)
    assert (world.masks.latest, world.segment.opener, world.masks.segments[1].cast) == (2, 3, None)
    with pytest.raises(HistoryError, match="is not being set up"):
        world.emit(r.CastProposed, **{**casting(world, EVERYONE), "segment": 1})


def test_any_aggregator_proposes_a_set_after_the_openers_time() -> None:
    world = brought()
    late = proposing(world, FOUR, 2)
    late["deadline"] += MASKING.set_seconds
    world.emit(r.SetProposed, **late)
    assert world.round_masks.proposals[0].proposer == 2


def test_where_every_update_is_open_the_contract_does_not_look_whose_they_are() -> None:
    """Six members, five of them participants, whose updates are all open: a set may name the sixth."""
    world = cast().bring(*EVERYONE)
    world.propose_set((0, 1, 2, 3, 4))
    assert world.round_masks.proposals[0].members == {*EVERYONE}


def test_a_key_that_spoke_in_an_epoch_goes_on_in_it() -> None:
    """Retired after it agreed with the set, it unmasks; a key that had not spoken may not."""
    world = rotated(set_proposed().agree_set(3, 1), 3)
    world.unmask(3)
    assert world.round_masks.answers.keys() == {3}
    with pytest.raises(HistoryError, match="was not allowed"):
        rotated(fixed(), 3).unmask(3)


def test_a_round_without_a_model_is_opened_by_members_of_its_set_and_their_first_word_counts() -> None:
    world = abandoned().show(1, 2)
    world.emit(r.UpdateUnmasked, **showing(world, 1, key=WORD))
    assert {index: one.key for index, one in world.masks.rounds[1].shown.items()} == {1: KEY, 2: KEY}


def test_an_open_job_has_no_masks() -> None:
    assert World().open_job().honest_round().history.masks == {}


def test_the_next_rounds_set_ends_what_may_be_said_of_the_last() -> None:
    world = abandoned().bring(*FOUR).propose_set(FOUR)
    with pytest.raises(HistoryError, match="no set of round 1"):
        world.emit(r.UpdateUnmasked, **showing(world, 1))


STEPS = ("key", "segment", "set_up", "cast", "agree", "bring", "set", "agree_set", "unmask", "give", "advance", "show")


def act(world: BoardWorld, step: str, member: int) -> None:
    """One step, or none where the fold has it refused: the world's fields are those of a contract."""
    masks, current = world.masks, world.state.current
    number = masks.number_of(current.number) if current else 1
    doing: dict[str, Any] = {
        "key": lambda: world.register(member),
        "segment": lambda: world.open_segment(number + member % 2, member),
        "set_up": lambda: world.set_up(member),
        "cast": lambda: world.propose_cast(world.segment.roster - {member % 7}, member),
        "agree": lambda: world.agree_cast(member),
        "bring": lambda: world.bring(*FOUR),
        "set": lambda: world.propose_set(FOUR, member),
        "agree_set": lambda: world.agree_set(member),
        "unmask": lambda: world.unmask(member),
        "give": lambda: world.give(member),
        "advance": world.advance,
        "show": lambda: world.show(member),
    }
    doing[step]()


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4)), max_size=60), st.booleans())
def test_what_folds_folds_again_and_what_is_refused_leaves_no_trace(path: Any, begun: bool) -> None:
    world = brought() if begun else keyed()
    for step, member in path:
        before = copy.deepcopy(vars(world.history))
        try:
            act(world, step, member)
        except (HistoryError, KeyError, IndexError, AssertionError):
            if len(world.events) == before["applied"]:
                assert vars(world.history) == before
    assert vars(History(world.foundation, world.events)) == vars(world.history)
    for segment in world.masks.segments.values():
        assert segment.cast is None or len(segment.cast) >= world.masks.least(len(segment.roster))
        assert segment.setups.keys() <= segment.roster
    for found in world.masks.rounds.values():
        assert found.set is None or found.answers.keys() <= found.set <= world.masks.cast_of(found.round)


def test_bitmaps_are_of_members() -> None:
    assert members_in(bitmap_of(EVERYONE)) == {*EVERYONE}
    assert (members_in(0), bitmap_of([254, 254])) == (frozenset(), 1 << 254)
