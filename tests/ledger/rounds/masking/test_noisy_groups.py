"""Rounds of a job with groups whose members add noise: each group's sum has its own room, and its own floor."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support.masked import draws
from support.worlds.mask_groups import LIAR, MEMBERS, begun, group_of_liar
from support.worlds.masked import MaskedWorld
from support.worlds.member_lies import GRAIN, LIMITS, NOISY, VALUES, member_noise, update
from support.worlds.world import NAMES, open_matters

from ledger.history.state import Phase
from ledger.rounds.admission import Verdict
from ledger.rounds.masking.noise import noise_floor, noise_room

FEWEST = 3
GROUPED = msgspec.structs.replace(NOISY, groups=2, threshold=4)


def noisy() -> MaskedWorld:
    return begun(privacy=GROUPED, limits=LIMITS, dp=member_noise())


def garbage() -> np.ndarray:
    return np.frombuffer(draws(7)(8 * VALUES), "<u8")


def void(liars: dict[int, np.ndarray]) -> MaskedWorld:
    """A round in which these members' files have these words instead of an honest update's."""
    world = noisy().open_round()
    for member in range(MEMBERS):
        world.mask(member, words=liars.get(member))
    return world.fix_set().answer().end()


def test_each_groups_sum_is_its_updates_and_their_noise() -> None:
    world = noisy().begin().fix_set().answer()
    law, summed = world.judge.law(1), world.judge.summed(world.facts)
    assert law is not None
    assert summed is not None
    inputs = summed.inputs(world.facts, world.files.fetch)
    assert [one.room for one in inputs.parts] == [noise_room(world.job, len(one)) for one in world.groups]
    sums = [np.concatenate(runs) for runs in zip(*inputs.sums(1), strict=True)]
    for group, total in zip(world.groups, sums, strict=True):
        due = np.zeros(VALUES, np.uint64)
        for member in group:
            due += world.updates[1, member][1].astype(np.int64).view(np.uint64)
            law.of(world.name, member, world.own(member).key).apply(due, 0)
        assert np.array_equal(total, due.view(np.int64))
    assert {one.verdict for one in inputs.judged(1)} == {Verdict.ADMITTED}
    assert world.end().round.phase is Phase.FINALISED


@pytest.mark.parametrize("lie", ["garbage", "no noise", "noise of another beacon"])
def test_a_bad_sum_asks_its_group_alone(lie: str) -> None:
    world = noisy().open_round()
    group, law = group_of_liar(world), world.judge.law(1)
    assert law is not None
    liars = {LIAR: garbage()}
    other = min(group - {LIAR})
    if lie != "garbage":  # somebody else of the group voids the round, so that the liar is to open
        bent = replace(law, beacon=bytes(32)) if lie != "no noise" else None
        liars = {other: garbage(), LIAR: world.words(LIAR, update(world), 1, bent)}
    world = void(liars)
    found = world.judge.void(1)
    assert found is not None
    assert found.asked == group
    for member in range(MEMBERS):
        world.show(member)  # those of the other group unasked: nobody looks
    found = world.judge.void(1)
    assert found is not None
    assert found.opened.keys() == group
    assert {m for m, one in found.opened.items() if one.decision.verdict is not Verdict.ADMITTED} == liars.keys()
    assert world.judge.convicted(world.block + 1).keys() == liars.keys()
    if lie == "garbage":  # two liars of one group would leave too few for another set
        report = world.pass_blocks(300).honest_round(sorted(set(range(MEMBERS)) - liars.keys())).audit()
        assert [one.who for one in report.lies.list] == [NAMES[LIAR]]


def test_in_a_bad_group_the_last_one_owes_its_noise() -> None:
    world = void({LIAR: garbage()})
    group = group_of_liar(world)
    last = max(group - {LIAR})
    for member in sorted(group - {last}):
        world.show(member)
    world.pass_blocks(300)
    found = world.judge.void(1, time=world.time)
    assert found is not None
    assert (found.opened.keys(), found.silent) == (group - {last}, {last})


@pytest.mark.parametrize("number", [1, 2])
def test_a_group_that_is_too_quiet_is_named_by_its_number(number: int) -> None:
    world = noisy().open_round()
    quiet = world.groups[number - 1]
    for member in range(MEMBERS):
        values = update(world, member)
        world.mask(member, values, words=world.words(member, values, 1) if member in quiet else None)
    report = world.fix_set().answer().end().honest_round().audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    (found,) = open_matters(report)
    assert found.what == f"the noise of round 1/1, group {number}"
    assert found.fault is None


def test_the_floor_is_that_of_a_groups_members_in_the_set() -> None:
    """Who stays away takes its noise along; those that are left add enough for the least set."""
    world = noisy().open_round()
    gone = min(max(world.groups, key=len))
    for member in sorted(set(range(MEMBERS)) - {gone}):
        world.mask(member)
    world.fix_set().answer()
    summed = world.judge.summed(world.facts)
    assert summed is not None
    inputs = summed.inputs(world.facts, world.files.fetch)
    assert {len(one.places) for one in inputs.parts} == {FEWEST}
    floor = noise_floor(world.job, FEWEST)
    assert all(one.squares > floor > VALUES * GRAIN**2 for one in inputs.surveyed(1))
    assert open_matters(world.end().audit()) == []


def test_a_bad_sum_hides_no_other_group_that_is_too_quiet() -> None:
    """Its garbage ends the model's bands early; the sums are looked at whole."""
    world = noisy().open_round()
    bad = group_of_liar(world)
    for member in range(MEMBERS):
        values = update(world, member)
        quiet = world.words(member, values, 1) if member not in bad else None
        world.mask(member, values, words=garbage() if member == LIAR else quiet)
    world.fix_set().answer().end()
    for member in sorted(bad):
        world.show(member)
    report = world.pass_blocks(300).honest_round(sorted(set(range(MEMBERS)) - {LIAR})).audit()
    number = 2 - world.judge.groups(world.masks.segments[1]).index(bad)
    assert f"the noise of round 1/1, group {number}" in {one.what for one in open_matters(report)}
    assert [one.who for one in report.lies.list] == [NAMES[LIAR]]
