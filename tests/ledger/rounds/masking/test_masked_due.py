"""What is due under masks: casts, sets, shares; what follows for members that the ledger convicts."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.worlds import mask_lies
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import MASKED
from support.worlds.noise import noise_of

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.history.state.masking import MaskProposal
from ledger.masks.blame import Fault, Guilty
from ledger.masks.keys import point_of
from ledger.masks.reveals import read_packet
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile
from ledger.rounds.admission import Verdict
from ledger.rounds.masking.answers import owed_in_shares, owed_in_unmask, secrets_of
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.sets import due_set
from ledger.rounds.masking.setups import (
    KnownKeys,
    agreeable_cast,
    awaited,
    cast_files,
    due_cast,
    judged_setups,
    published,
    segment_of,
    used_keys,
)

FALSE = Secret(bytes(range(32)))


def judged(world: MaskedWorld, number: int = 1):  # type: ignore[no-untyped-def]
    return judged_setups(world.place, 1, world.masks, world.masks.segments[number], world.files.fetch)


def cast(world: MaskedWorld, number: int = 1) -> frozenset[int]:
    opened = world.masks.segments[number]
    return due_cast(world.masks, opened, judged(world, number), world.judge.left_out(opened))


def due(world: MaskedWorld, without: tuple[int, ...] = ()) -> frozenset[int]:
    facts = world.facts
    certified = facts.round.updates.keys() - set(without)
    return due_set(facts, world.files.fetch, certified, world.judge.convicted(world.round.block))


def test_the_cast_is_everyone_whose_file_counts() -> None:
    world = mask_lies.begun()
    world.open_segment()
    assert cast(world) == frozenset()
    for member in (0, 1, 2):
        world.set_up(1, member)
    assert cast(world) == frozenset(), "fewer than rebuild a secret"
    world.set_up(1, 3)
    assert cast(world) == {0, 1, 2, 3}
    world.set_up(1, 4, stored=False)
    assert isinstance(judged(world)[4], Unavailable)
    assert cast(world) == {0, 1, 2, 3}
    with pytest.raises(Unavailable, match="has no cast yet"):
        cast_files(world.place, 1, world.masks, world.masks.segments[1], world.files.fetch)


def test_a_members_first_set_up_counts() -> None:
    world = mask_lies.begun()
    world.open_segment()
    world.set_up(1, 0, b"no file")
    world.set_up(1, 0)
    found = judged(world)[0]
    assert isinstance(found, Guilty)
    assert (found.member, found.fault) == (0, Fault.SETUP)


def proposed(world: MaskedWorld, cast: Iterable[int], *, early: bool = False) -> MaskProposal:
    """A cast as it may be proposed from the last second of the time to set up on, or after it."""
    opened = world.masks.segments[1]
    if not early:
        world.pass_blocks(opened.deadline - world.time + 1)
    world.propose_cast(1, cast)
    return opened.proposals[-1]


def comes_to(
    world: MaskedWorld,
    proposal: MaskProposal,
    *,
    held: Iterable[int] = (),
    here: Iterable[int] = range(5),
    left_out: Iterable[int] = (),
) -> frozenset[int]:
    """What a member comes to that held these files in time, and has those of `here` by now."""
    opened, segment = world.masks.segments[1], world.segment(1)
    found = {member: one if member in here else Unavailable("gone") for member, one in judged(world).items()}
    return agreeable_cast(world.masks, segment, opened, proposal, found, frozenset(left_out), frozenset(held))


def set_up_by(*members: int) -> MaskedWorld:
    world = mask_lies.begun()
    world.open_segment()
    for member in members:
        world.set_up(1, member)
    return world


def test_a_file_that_some_have_late_splits_no_cast() -> None:
    """Member 4 shows its file to some members only, after the time to set up: all agree, with it or without."""
    for cast_ in ({0, 1, 2, 3}, {0, 1, 2, 3, 4}):
        world = set_up_by(*range(5))
        proposal, four = proposed(world, cast_), {0, 1, 2, 3}
        assert comes_to(world, proposal, held=four) == cast_
        assert comes_to(world, proposal, held=four, here=cast_) == cast_


def test_a_file_that_was_held_in_time_is_not_gone_without() -> None:
    world = set_up_by(*range(5))
    proposal = proposed(world, {0, 1, 2, 3})
    assert comes_to(world, proposal, held=range(5)) == {0, 1, 2, 3, 4}
    assert comes_to(world, proposal, held=range(5), left_out=[4]) == {0, 1, 2, 3}, "blame leaves it out"
    assert comes_to(world, proposal, held=[4], here=[0, 1, 2, 3]) == {0, 1, 2, 3}, "it was lost since"


def test_nobody_is_in_a_cast_whose_file_is_refused_or_not_here() -> None:
    world = mask_lies.begun()
    world.open_segment()
    for member in range(5):
        world.set_up(1, member, b"no file" if member == 4 else None)
    proposal = proposed(world, range(5))
    assert comes_to(world, proposal, held=range(4)) == {0, 1, 2, 3}
    assert comes_to(world, proposal, here=[0, 1, 2]) == {0, 1, 2}


def test_nobody_is_in_a_cast_who_set_up_after_it_was_proposed() -> None:
    world = set_up_by(0, 1, 2, 3)
    proposal = proposed(world, range(5), early=True)
    world.set_up(1, 4)
    assert not published(world.masks.segments[1], proposal, 4)
    world.masks.segments[1].proposals[-1] = proposal
    late = replace(proposal, deadline=proposal.deadline + world.masks.terms.set_seconds + 1)
    assert comes_to(world, late) == {0, 1, 2, 3}


def test_in_the_time_to_set_up_a_cast_has_everyone_who_may_come() -> None:
    world = set_up_by(0, 1, 2, 3)
    proposal = proposed(world, {0, 1, 2, 3}, early=True)
    assert world.masks.in_set_up(world.masks.segments[1], proposal)
    assert comes_to(world, proposal) == {0, 1, 2, 3, 4}, "member 4 has time still"
    assert comes_to(world, proposal, left_out=[4]) == {0, 1, 2, 3}
    assert comes_to(world, proposal, here=[0, 1, 2], left_out=[4]) == {0, 1, 2, 3}, "its file may be sound"


@pytest.mark.parametrize("later", [False, True])
def test_nobody_agrees_early_with_a_cast_of_unpublished_members(later: bool) -> None:
    """An aggregator proposes the whole roster as soon as the segment is open; once that is fixed, no set-up counts."""
    world = set_up_by(0, 1, 2)
    proposal = proposed(world, range(5), early=True)
    assert world.masks.in_set_up(world.masks.segments[1], proposal)
    if later:
        world.set_up(1, 3)
        world.set_up(1, 4)
    assert comes_to(world, proposal) == {0, 1, 2} != proposal.members


def test_in_the_time_to_set_up_a_file_that_is_refused_is_not_waited_for() -> None:
    world = set_up_by(0, 1, 2, 3)
    world.set_up(1, 4, b"no file")
    opened, found = world.masks.segments[1], judged(world)
    assert awaited(world.segment(1), found, frozenset()) == frozenset()
    assert comes_to(world, proposed(world, {0, 1, 2, 3}, early=True)) == {0, 1, 2, 3}
    assert due_cast(world.masks, opened, found, frozenset()) == {0, 1, 2, 3}


def test_earlier_files_are_read_once() -> None:
    world = set_up_by(*range(5))
    proposed(world, range(5))
    world.agree_cast(1)
    known: KnownKeys = {}
    used = used_keys(world.place, 1, world.masks, 2, world.files.fetch, known)
    assert len(known) == 5
    files = dict(world.files.files)
    world.files.files.clear()
    assert used_keys(world.place, 1, world.masks, 2, world.files.fetch, known) == used
    assert used_keys(world.place, 1, world.masks, 2, world.files.fetch, {}) == {}
    world.files.files.update(files)


@pytest.mark.parametrize("point", [b"\xff" * 32, bytes([1]) + bytes(31)])
def test_a_mask_key_that_is_no_point_keeps_its_member_out_and_nobody_else(point: bytes) -> None:
    world = mask_lies.begun()
    world.register(4, point=point)
    world.open_segment()
    assert world.segment(1).members == (0, 1, 2, 3)


@pytest.mark.parametrize("copied_first", [True, False])
def test_who_registers_anothers_mask_key_keeps_nobody_out_and_opens_nothing(copied_first: bool) -> None:
    """Member 4 registers the new point of member 2, to which it has no key."""
    world = mask_lies.begun()
    world.mask_keys[2] = Secret(bytes([7]) * 32)
    point = point_of(world.mask_keys[2])
    for member in (4, 2) if copied_first else (2, 4):
        world.register(member, point=point)
    world.open_segment()
    for member in range(5):
        world.set_up(1, member)
    assert cast(world) == {0, 1, 2, 3, 4}
    setup = judged(world)[0]
    assert isinstance(setup, SetupFile)
    assert setup.segment.keys[2] == setup.segment.keys[4] == point
    assert len(read_packet(setup, 2, world.mask_keys[2])) > 0
    with pytest.raises(Malformed, match="does not open"):
        read_packet(setup, 4, world.mask_keys[4])
    exchanged = replace(setup, packets={**setup.packets, 2: setup.packets[4], 4: setup.packets[2]})
    with pytest.raises(Malformed, match="does not open"):
        read_packet(exchanged, 2, world.mask_keys[2])


def test_a_segment_of_too_few_sound_keys_has_no_cast() -> None:
    world = mask_lies.begun()
    for member in (2, 3, 4):
        world.register(member, point=b"\xff" * 32)
    opened = world.open_segment()
    with pytest.raises(Malformed, match="a segment has 3 to 255 members"):
        segment_of(world.place, 1, world.masks, opened)
    assert judged(world) == {}
    assert cast(world) == frozenset()


def test_a_cast_that_a_majority_should_not_have_agreed_with_has_no_files() -> None:
    world = mask_lies.begun()
    opened = world.open_segment()
    for member in (0, 1, 2, 3):
        world.set_up(1, member)
    world.pass_blocks(world.masks.terms.set_up_seconds)
    world.propose_cast(1, range(5))
    world.agree_cast(1)
    with pytest.raises(Refuted, match="member 4 is in the cast, and published no set-up file"):
        cast_files(world.place, 1, world.masks, opened, world.files.fetch)
    world.open_round()
    for member in (0, 1, 2, 3):
        world.mask(member, words=mask_lies.noise(610))
    outcome = world.fix_set().outcome()
    assert outcome.why.startswith("the cast is not one to be agreed with")


def test_the_set_is_all_of_the_cast_that_is_certified_and_not_refused() -> None:
    world = MaskedWorld(7, privacy=msgspec.structs.replace(MASKED, threshold=4)).open_job()
    world.cast(1, (0, 1, 2, 3, 4, 6)).open_round()
    for member in (0, 1, 2, 3):
        world.mask(member)
    world.mask(4, weight=world.job.admission.max_weight + 1)
    world.mask(6, root=b"\x07" * 32)
    world.submit(5)
    assert due(world) == {0, 1, 2, 3}
    assert due(world, without=(3,)) == frozenset(), "fewer than rebuild a secret"


def test_who_did_not_spend_is_in_no_set_and_the_others_make_the_model() -> None:
    world = MaskedWorld(dp=noise_of(10)).open_job().cast().open_round()
    world.spend(0, 1, 2, 3)
    for member in range(5):
        world.mask(member)
    assert due(world) == {0, 1, 2, 3}
    outcome = world.fix_set(due(world)).answer().outcome()
    assert any(outcome.root), outcome.why
    assert [one.decision.verdict for one in outcome.judged] == [Verdict.ADMITTED] * 4 + [Verdict.BUDGET]


def test_without_a_cast_there_is_no_set() -> None:
    world = mask_lies.begun()
    world.open_round()
    for member in range(5):
        world.submit(member)
    assert due(world) == frozenset()


def test_bytes_of_a_certified_update_that_are_gone_leave_the_set_open() -> None:
    world = mask_lies.begun().cast().begin()
    (cid,) = [one for one in world.files.files if one.digest == world.round.updates[1].cid]
    del world.files.files[cid]
    with pytest.raises(Unavailable):
        due(world)
    assert due(world, without=(1,)) == {0, 2, 3, 4}


def test_what_is_owed_follows_from_the_set_and_from_what_was_shown() -> None:
    world = mask_lies.begun().cast().begin((0, 1, 2, 3)).fix_set()
    assert owed_in_unmask(world.said, world.masks.cast_of(1)) == {4: SecretKind.KEY}
    for member in (0, 1):
        world.unmask(member)
    world.unmask(2, seed=FALSE)
    files = world.files_of_cast()
    assert owed_in_shares(world.said, files, 4) == {2: SecretKind.SEED, 3: SecretKind.SEED, 4: SecretKind.KEY}
    assert owed_in_shares(world.said, files, 0) == {2: SecretKind.SEED, 3: SecretKind.SEED}


def test_what_was_made_of_shares_stays_whatever_comes_later() -> None:
    """A dealer's polynomial that is another for some: the first to come are taken, and no later one changes that."""
    world = mask_lies.cast_with_other_shares(SecretKind.KEY).begin((0, 1, 2, 3)).fix_set()
    files, setups = world.files_of_cast(), world.masks.segments[1].setups
    for member in (3, 2, 1, 0):
        world.unmask(member)
    shown = secrets_of(world.said, files, setups)
    assert (shown.lost, shown.complete) == ({4}, False)
    assert [(one.guilty.fault, one.block) for one in shown.blame] == [(Fault.DEALING, world.block)]
    assert secrets_of(world.said, files, setups, before=world.block).wanting == {0: 4, 4: 1}


def test_false_shares_do_not_stop_true_ones_and_their_givers_are_blamed_each_time() -> None:
    world = MaskedWorld(7, privacy=msgspec.structs.replace(MASKED, threshold=4)).open_job().cast()
    world.begin((0, 1, 2, 3, 4, 5)).fix_set()
    for member in (0, 1):
        world.unmask(member, shares={6: FALSE})
    for member in (2, 3, 4, 5):
        world.unmask(member)
    shown = world.judge.secrets(1)
    assert shown is not None
    assert shown.complete
    assert [(one.guilty.member, one.guilty.fault) for one in shown.blame] == [(0, Fault.SHARE), (1, Fault.SHARE)]
    assert world.judge.convicted(world.block + 1) == {}, "t others suffice: a false share keeps nobody out"


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (mask_lies.false_self_seed, Fault.SEED),
        (mask_lies.inconsistent_shares_of_a_seed, Fault.DEALING),
        (mask_lies.garbage, Fault.VALUES),
        (mask_lies.silent_liar, Fault.OPENING),
    ],
)
def test_who_is_convicted_is_in_no_later_set_and_in_no_cast(lie, fault) -> None:  # type: ignore[no-untyped-def]
    world = lie()
    judge = world.judge
    found = judge.convicted(world.state.rounds[2].block)
    assert found[4].guilty.fault is fault
    assert judge.convicted(world.state.rounds[1].block) == {}
    world.begin()
    assert 4 not in due(world)
    assert {0, 1, 2, 3} - due(world) <= found.keys()
    world.advance()
    everyone = range(len(world.keys))
    world.open_segment(2)
    for member in everyone:
        world.set_up(2, member)
    assert cast(world, 2) == set(everyone) - found.keys()


def test_an_opening_is_asked_for_only_where_the_sum_is_bad_and_nobody_of_it_is_known_as_a_liar() -> None:
    world = mask_lies.begun().cast().honest_round()
    assert world.judge.void(1) is None, "it has a model"
    world = mask_lies.void(mask_lies.noise(610))
    void = world.judge.void(1)
    assert void is not None
    assert void.sums[0].decision.verdict is Verdict.RANGE
    assert void.deadline == 12 * world.round.ended_in + world.masks.terms.unmask_seconds
    assert (void.opened, void.false, void.silent) == ({}, (), frozenset())
    known = mask_lies.begun().cast().open_round()
    for member in (0, 1, 2, 3):
        known.mask(member)
    known.mask(4, words=mask_lies.noise(610))
    known.fix_set()
    for member in (0, 1, 2, 3):
        known.unmask(member)
    known.unmask(4, seed=FALSE)
    known.pass_blocks(known.said.unmask_deadline - known.time + 12)
    for member in (0, 1, 2, 3):
        known.give(member)
    known.end()
    assert known.state.rounds[1].final is None
    assert known.judge.void(1) is None, "its set has a convicted member: nobody opens"
    assert known.judge.convicted(known.block + 1).keys() == {4}


def test_whoever_the_others_openings_show_need_not_open() -> None:
    """Member 0 is away, and honest: the sum less the others' updates clears it."""
    world = mask_lies.void(mask_lies.noise(610))
    for member in (1, 2, 3, 4):
        world.show(member)
    world.pass_blocks(world.masks.terms.unmask_seconds + 24)
    void = world.judge.void(1, before=world.block)
    assert void is not None
    assert void.opened[0].key is None
    assert void.opened[0].decision.verdict is Verdict.ADMITTED
    assert world.judge.convicted(world.block).keys() == {4}


def test_who_was_convicted_by_the_others_openings_stays_so_where_it_opens_later() -> None:
    """Else its own opening, sent when the next round is open, would change who may be in that round's set."""
    world = mask_lies.void(mask_lies.noise(610))
    for member in (0, 1, 2, 3):
        world.show(member)
    world.begin()
    before = world.judge.convicted(world.round.block)
    assert before.keys() == {4}
    world.show(4, world.secrets[1, 4][0].key, number=1)
    after = world.judge.convicted(world.round.block)
    assert [(m, one.tx, one.block) for m, one in after.items()] == [(4, before[4].tx, before[4].block)]
    assert due(world) == {0, 1, 2, 3}


def test_the_work_of_judging_void_rounds_does_not_double_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dishonest majority may have one liar make many."""
    world = mask_lies.void(mask_lies.noise(610))
    for number in range(2, 8):
        if number % MASKED.segment == 1:
            world.cast(number // MASKED.segment + 1)
        world.open_round()
        for member in range(5):
            world.mask(member, words=mask_lies.noise(610) if member == 4 else None)
        world.fix_set().answer().end()
    judged, void = list[int](), MaskedJob.void
    monkeypatch.setattr(MaskedJob, "void", lambda self, *how, **named: judged.append(0) or void(self, *how, **named))
    assert world.judge.convicted(world.block + 1).keys() >= {4}
    assert len(judged) <= 7 * 7


def test_no_set_comes_while_members_may_open_the_last_round_that_has_one_and_no_model() -> None:
    honest = mask_lies.begun().cast().honest_round()
    assert honest.judge.opened_until(1) == honest.judge.opened_until(2) == 0
    world = mask_lies.void(mask_lies.noise(610))
    void = world.judge.void(1)
    assert void is not None
    assert world.judge.opened_until(1) == 0
    assert world.judge.opened_until(2) == void.deadline
    world.open_round()
    world.advance()
    assert world.judge.opened_until(3) == 12 * world.round.ended_in + world.masks.terms.unmask_seconds


def test_two_that_stay_silent_are_convicted_by_the_end_of_the_next_round() -> None:
    """No aggregator can have its set come before they are: the contract takes none."""
    world = mask_lies.void(mask_lies.noise(610))
    for member in (0, 1, 2):
        world.show(member)
    world.begin().fix_set().answer().end()
    assert world.judge.convicted(world.block + 1).keys() == {3, 4}


def test_who_gives_no_share_of_a_secret_that_is_known_by_then_leaves_nobody_out() -> None:
    """Member 3 is away and honest, member 4 a liar; another member each round is the last to give shares."""
    world = MaskedWorld(5, privacy=msgspec.structs.replace(MASKED, threshold=3)).open_job().cast()
    for last in (0, 1, 2):
        world.begin().fix_set()
        for member in (0, 1, 2):
            world.unmask(member)
        world.pass_blocks(world.said.unmask_deadline - world.time + 12)
        world.give(4, {3: world.held(3, 4)[SecretKind.SEED]})
        for member in sorted({0, 1, 2} - {last}):
            world.give(member)
        assert owed_in_shares(world.said, world.files_of_cast(), last).keys() == {4}
        world.give(last)
        world.end()
    world.cast(2)
    assert world.judge.unreadable(world.masks.segments[2]) == frozenset()


@settings(max_examples=15)
@given(seed=st.integers(0, 1 << 16), data=st.data())
def test_no_honest_member_is_ever_blamed(seed: int, data: st.DataObject) -> None:
    """Whoever brings an update, whoever is silent, in whatever order they answer."""
    world = MaskedWorld(5, seed=seed).open_job().cast()
    for _ in range(2):
        bring = data.draw(st.sets(st.integers(0, 4), min_size=4))
        world.begin(bring).fix_set()
        silent = data.draw(st.sets(st.sampled_from(sorted(bring)), max_size=1))
        for member in data.draw(st.permutations(sorted(bring - silent))):
            world.unmask(member)
        if silent:
            world.pass_blocks(world.said.unmask_deadline - world.time + 12)
            for member in data.draw(st.permutations(sorted(set(range(5)) - silent))):
                if owed_in_shares(world.said, world.files_of_cast(), member):
                    world.give(member)
        world.end()
        assert world.round.final is not None
    assert world.judge.convicted(world.block + 1) == {}
    assert all(not (world.judge.secrets(number) or pytest.fail()).blame for number in (1, 2))
    assert world.audit().lies.answer == "none"


def test_what_was_worked_out_stays_right_while_the_ledger_grows() -> None:
    """One judge for all steps says what a new one says after each."""
    world = mask_lies.begun().cast().open_round()
    judge = world.judge

    def alike() -> None:
        fresh = world.judge
        for one in (judge.convicted(world.block + 1), fresh.convicted(world.block + 1)):
            found.append({member: (blame.guilty.message, blame.tx) for member, blame in one.items()})
        assert found[-1] == found[-2]
        assert judge.void(1) == fresh.void(1)

    found = list[dict[int, tuple[str, bytes]]]()
    for member in (0, 1, 2, 3):
        world.mask(member)
    world.mask(4, words=mask_lies.noise(610))
    world.fix_set()
    for member in (0, 1, 2, 3, 4):
        world.unmask(member)
        alike()
    world.end()
    alike()
    for member in (3, 1, 4):
        world.show(member)
        alike()
    world.pass_blocks(world.masks.terms.unmask_seconds + 12)
    alike()
    assert found[-1].keys() == {0, 2, 4}
    assert found[-4] == {4: found[-1][4]}
