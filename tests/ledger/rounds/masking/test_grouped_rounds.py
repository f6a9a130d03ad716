"""Masked rounds whose masks cancel within groups: the open round's model, rules over groups, and bad sums by group."""

from fractions import Fraction

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.worlds import mask_groups
from support.worlds.mask_lies import LIAR, noise
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import BOUNDS, TERMS
from support.worlds.world import World

from ledger.formats.artifact import Tensor
from ledger.formats.digest import NOTHING
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, Rule, TrimmedMean
from ledger.masks.setup import SecretKind
from ledger.rounds.admission import Verdict
from ledger.rounds.masking.answers import owed_in_shares, owed_in_unmask
from ledger.rounds.masking.convictions import VoidRound
from ledger.rounds.masking.setups import held_back
from ledger.rounds.masking.summed import asked_files
from ledger.rounds.outcome import Outcome, recompute

SMALL = (Tensor("w", (5,)),)
WIDE = Admission(min_updates=3, max_weight=(1 << 24) - 1, max_value=(1 << 31) - 1, max_norm=(5 << 31) - 1)


def made(world: MaskedWorld) -> Outcome:
    return recompute(world.facts, world.files.fetch, world.certified)


def twin_of(world: MaskedWorld, members: list[int]) -> Outcome:
    """The outcome of the open round of these members' updates."""
    limits, initial = world.job.admission, world.initial.tolist()
    twin = World(len(world.keys), tensors=world.job.tensors, limits=limits, terms=TERMS, initial=initial)
    twin.open_job().open_round()
    for member in members:
        weight, values = world.updates[world.round.number, member]
        twin.submit(member, values, weight=weight)
    return twin.outcome()


def bring(world: MaskedWorld, members: set[int], seed: int) -> None:
    """Updates as extreme as they may be."""
    drawn = np.random.default_rng(seed)
    for member in sorted(members):
        values = drawn.choice(np.array([(1 << 31) - 1, -(1 << 31) + 1, 0, 1, -7], "<i4"), 5)
        world.mask(member, values, weight=int(drawn.choice([1, (1 << 24) - 1, 77])))


@st.composite
def schedules(draw: st.DrawFn) -> tuple[int, int, int, set[int], int]:
    """Members, groups, threshold, who brings an update, and a seed."""
    members = draw(st.integers(6, 10))
    threshold = draw(st.integers(members // 2 + 1, members - 1))
    absent = draw(st.sets(st.integers(0, members - 1), max_size=members - threshold))
    return members, draw(st.integers(2, 3)), threshold, set(range(members)) - absent, draw(st.integers(0, 1 << 16))


@settings(max_examples=25)
@given(schedule=schedules(), data=st.data())
def test_a_grouped_rounds_model_is_the_open_rounds(
    schedule: tuple[int, int, int, set[int], int], data: st.DataObject
) -> None:
    """Whoever brings nothing, and is silent after the set; groups of which too few are left are no part of it."""
    members, groups, threshold, present, seed = schedule
    privacy = msgspec.structs.replace(mask_groups.GROUPED, groups=groups, threshold=threshold)
    world = mask_groups.begun(members, privacy=privacy, limits=WIDE, tensors=SMALL, seed=seed, initial=[0] * 5)
    world.open_round()
    bring(world, present, seed)
    whole = {m for group in world.groups if len(group & present) >= 3 for m in group & present}
    if len(whole) < threshold:
        assert world.due() == frozenset()
        return
    world.fix_set()
    assert world.said.set == whole, "whoever is left in groups that are large enough"
    silent = data.draw(st.sets(st.sampled_from(sorted(whole)), max_size=members - threshold))
    world.answer(silent)
    outcome, twin = made(world), twin_of(world, sorted(whole))
    assert outcome.root != NOTHING
    assert (outcome.root, outcome.cid, outcome.sums, outcome.why) == (twin.root, twin.cid, twin.sums, twin.why)
    never_both(world)


def never_both(world: MaskedWorld) -> None:
    """Of each member of the set the self seed, of others of its group the round key, of all others nothing."""
    shown = world.judge.secrets(world.round.number)
    assert shown is not None
    live = {m for group in world.groups if group & (world.said.set or set()) for m in group}
    assert shown.seeds.keys() == world.said.set
    assert shown.keys.keys() == live - shown.seeds.keys()
    said = [*world.said.answers.values(), *world.said.given.values()]
    asked = {dealer for answer in said for dealer in answer.shares}
    assert asked <= live
    assert not shown.blame


@pytest.mark.parametrize("rule", [Median(), TrimmedMean(trim=1)])
@pytest.mark.parametrize("seed", range(5))
def test_rules_over_groups_compare_their_means(rule: Rule, seed: int) -> None:
    """Made of the updates in the clear, by fractions."""
    world = mask_groups.compared(rule, 4, 13, tensors=SMALL, seed=seed, initial=[0] * 5).open_round()
    drawn = np.random.default_rng(seed)
    for member in range(13):
        world.mask(member, drawn.integers(-9, 9, 5).astype("<i4"), weight=int(drawn.integers(1, 9)))
    outcome = made(world.fix_set().answer())
    assert outcome.inputs is not None
    sums, weights = [], []
    for group in world.groups:
        updates = [world.updates[1, member] for member in group]
        sums.append(sum(weight * values.astype(np.int64) for weight, values in updates))
        weights.append(sum(weight for weight, _ in updates))
    expected = []
    for value in range(5):
        ranked = sorted(range(len(sums)), key=lambda k: (Fraction(int(sums[k][value]), weights[k]), k))[1:-1]
        mean = Fraction(sum(int(sums[k][value]) for k in ranked), sum(weights[k] for k in ranked))
        expected.append(int(abs(mean) + Fraction(1, 2)) * (1 if mean >= 0 else -1))
    assert outcome.inputs.model(0, 5).tolist() == expected
    assert np.concatenate([band.model() for band in outcome.inputs.bands(2)]).tolist() == expected
    assert world.end().round.final is not None


def test_a_rule_that_compares_has_no_set_of_too_few_groups() -> None:
    """Three groups of three, of which one lost a member: a median of two is none that was voted for."""
    limits = msgspec.structs.replace(BOUNDS, min_updates=9)
    privacy = msgspec.structs.replace(mask_groups.GROUPED, groups=3, threshold=5)
    world = mask_groups.begun(9, 3, limits, privacy=privacy, rule=Median()).begin(range(8))
    assert world.due() == frozenset()
    assert mask_groups.begun(9, 3, limits, privacy=privacy, rule=Median()).begin().due() == set(range(9))


def void_of(world: MaskedWorld, number: int = 1) -> VoidRound:
    void = world.judge.void(number)
    assert void is not None
    return void


@pytest.mark.parametrize("lie", [mask_groups.garbage, mask_groups.too_large, mask_groups.wrong_group])
def test_a_bad_sum_is_located_to_its_group_and_its_author_convicted(lie) -> None:  # type: ignore[no-untyped-def]
    world = lie()
    void, group = void_of(world), mask_groups.group_of_liar(world)
    (bad,) = void.sums
    assert bad.group.members == void.asked == group
    assert world.groups[bad.group.number - 1] == group
    assert bad.decision.verdict in (Verdict.RANGE, Verdict.NORM)
    found = world.judge.convicted(world.block)
    assert found.keys() == {LIAR}
    assert "value number" in found[LIAR].guilty.message
    assert world.state.rounds[1].aggregates[0].empty
    assert world.state.rounds[2].final is not None, "the next round goes on without it"


def test_nobody_of_another_group_opens() -> None:
    world = mask_groups.bad_sum(noise(610))
    group = mask_groups.group_of_liar(world)
    world.pass_blocks(world.masks.terms.unmask_seconds + 24)
    void = world.judge.void(1, before=world.block)
    assert void is not None
    assert void.silent == void.asked == group
    assert world.judge.convicted(world.block).keys() == group


def test_who_opens_unasked_is_not_looked_at() -> None:
    """A false key of a member of another group, or a true one, changes nothing."""
    world = mask_groups.bad_sum(noise(610))
    others = sorted(set(range(7)) - mask_groups.group_of_liar(world))
    world.show(others[0])
    world.show(others[1], world.own(others[0]).key)
    void = void_of(world)
    assert (void.opened, void.false) == ({}, ())
    assert world.judge.convicted(world.block + 1) == {}


def test_the_last_of_a_group_is_opened_by_the_others_of_its_group_alone() -> None:
    world = mask_groups.bad_sum(noise(610))
    for member in sorted(mask_groups.group_of_liar(world) - {LIAR}):
        assert LIAR not in void_of(world).opened
        world.show(member)
    opened = void_of(world).opened
    assert opened[LIAR].key is None
    assert [m for m, one in opened.items() if one.decision.verdict is not Verdict.ADMITTED] == [LIAR]


def test_why_a_round_has_no_model_names_the_group() -> None:
    world = mask_groups.bad_sum(noise(610))
    number = world.groups.index(mask_groups.group_of_liar(world)) + 1
    why = recompute(world.facts, world.files.fetch, world.certified).why
    assert why.startswith(f"RANGE of the sum of group {number}: a sum of magnitude ")


def test_two_bad_sums_ask_two_groups() -> None:
    world = mask_groups.begun().open_round()
    liars = [min(group) for group in world.groups]
    for member in range(7):
        world.mask(member, words=noise(610) if member in liars else None)
    void = void_of(world.fix_set().answer().end())
    assert len(void.sums) == 2
    assert void.asked == set(range(7))


def test_a_group_whose_liar_is_known_by_the_rounds_end_need_not_open_and_another_must() -> None:
    """A false self seed convicts one; the other group has a bad sum of its own."""
    world = mask_groups.begun().open_round()
    group = mask_groups.group_of_liar(world)
    other = min(set(range(7)) - group)
    for member in range(7):
        world.mask(member, words=noise(610) if member in (LIAR, other) else None)
    world.fix_set()
    for member in mask_groups.OTHERS:
        world.unmask(member)
    world.unmask(LIAR, seed=world.own(other).seed)
    world.pass_blocks(world.said.unmask_deadline - world.time + 12)
    for member in mask_groups.OTHERS[:4]:
        world.give(member)
    world.end()
    assert void_of(world).asked == set(range(7)) - group


def test_nothing_is_asked_of_a_group_outside_the_set() -> None:
    """Two of three came: neither shows its seed, and nobody a share of the round keys of any of them."""
    world = mask_groups.begun().open_round()
    small = min(world.groups, key=len)
    for member in sorted(set(range(7)) - {min(small)}):
        world.mask(member)
    world.fix_set()
    assert world.said.set == set(range(7)) - small
    files = asked_files(world.job, world.said, world.files_of_cast())
    assert files.keys() == world.said.set
    assert owed_in_unmask(world.said, files) == {}
    world.answer()
    assert all(not owed_in_shares(world.said, files, member) for member in range(7))
    shown = world.judge.secrets(1)
    assert shown is not None
    assert shown.complete
    assert shown.keys == {}
    outcome = made(world)
    assert outcome.root == twin_of(world, sorted(world.said.set)).root
    verdicts = zip(world.round.sorted_updates(), outcome.verdicts, strict=True)
    assert {Verdict(byte).name for update, byte in verdicts if update.index in small} == {"SET"}


def test_shares_that_are_asked_for_are_of_one_kind_of_secret_of_each() -> None:
    """One of the larger group is away: its round key is asked for, and of the others nothing but their self seeds."""
    world = mask_groups.begun().open_round()
    away = min(max(world.groups, key=len))
    for member in sorted(set(range(7)) - {away}):
        world.mask(member)
    world.fix_set()
    files = asked_files(world.job, world.said, world.files_of_cast())
    assert owed_in_unmask(world.said, files) == {away: SecretKind.KEY}
    silent = min(world.said.set or ())
    for member in sorted((world.said.set or frozenset()) - {silent}):
        world.unmask(member)
    assert owed_in_shares(world.said, files, silent) == {silent: SecretKind.SEED}
    assert owed_in_shares(world.said, files, away) == {silent: SecretKind.SEED}


def test_set_up_files_are_held_back() -> None:
    world = MaskedWorld(7, privacy=mask_groups.GROUPED).open_job()
    opened = world.open_segment()
    world.set_up(1, 0)
    block = opened.setups[0].block
    assert held_back(world.job, opened, opened.deadline, block)
    assert held_back(world.job, opened, opened.deadline + 1, block - 1), "a fork may have another in its place"
    assert not held_back(world.job, opened, opened.deadline + 1, block)
    without = MaskedWorld(7).open_job()
    assert not held_back(without.job, without.open_segment(), 0, 0)
