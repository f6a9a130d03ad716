"""A coalition's model is what a round of its members alone would have made."""

from itertools import combinations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import script
from support.worlds.world import World

from ledger.formats.cid import of_file
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.rounds.facts import base_of
from ledger.rounds.inputs import Inputs
from ledger.rounds.rules import combine
from ledger.rounds.rules.arithmetic import add
from ledger.scores.coalition import Coalitions, held

LOW, HIGH = -(1 << 31), (1 << 31) - 1
VALUES = 700
RULES: list[Rule] = [WeightedMean(), Median(), TrimmedMean(trim=2)]
BY_SHARES: list[Rule] = [MultiKrum(f=2), GeometricMedian(), CentredClipping(radius=1 << 23)]
PLAIN = script("make_shares")


def coalitions(rule: Rule, updates: int, seed: int = 1) -> tuple[Coalitions, np.ndarray, list[np.ndarray], list[int]]:
    random = np.random.default_rng(seed)
    base = random.integers(-(1 << 24), 1 << 24, VALUES).astype("<i4")
    made = [random.integers(-(1 << 20), 1 << 20, VALUES).astype("<i4") for _ in range(updates)]
    weights = [int(w) for w in random.integers(1, 1000, updates)]
    return Coalitions(rule, weights, VALUES, held(base), [held(u) for u in made]), base, made, weights


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=8))
def test_a_coalition_is_a_round_of_its_members(rule: Rule, asked: list[set[int]]) -> None:
    """In any order of asking: partial sums carried from one coalition to the next do not show."""
    made, base, updates, weights = coalitions(rule, 7)
    for members in asked:
        alone = [updates[k] for k in sorted(members)]
        if not alone:
            assert (made.model(members) == base).all()
            continue
        small = isinstance(rule, TrimmedMean) and len(alone) <= 2 * rule.trim
        change = combine(Median() if small else rule, [weights[k] for k in sorted(members)], alone.__getitem__)
        assert (made.model(members) == add(base, change, 0)).all()


@pytest.mark.parametrize("rule", BY_SHARES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("centre", [None, 1 << 18])
@given(st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=1, max_size=4))
def test_a_coalition_has_the_shares_of_its_members_alone(rule: Rule, centre: int | None, asked: list[set[int]]) -> None:
    """One too small to outnumber f leaves out as many as it can outnumber."""
    plain, base, updates, weights = coalitions(rule, 8)
    step = np.full(VALUES, centre or 0, "<i4")
    made = Coalitions(rule, weights, VALUES, plain.base, plain.updates, held(step) if centre else None)
    for members in asked:
        alone = [updates[k].tolist() for k in sorted(members)]
        said = msgspec.to_builtins(rule)
        if isinstance(rule, MultiKrum):
            said["f"] = min(rule.f, max(0, (len(alone) - 3) // 2))
        shares = PLAIN.shares_of(said, alone, step.tolist())
        mean = PLAIN.mean(PLAIN.summed(said, alone, step.tolist()), shares)
        assert (made.model(members) == add(base, np.array(mean), 0)).all()


def test_a_coalition_too_large_for_int32_is_clamped() -> None:
    base = np.array([HIGH, LOW, 0], "<i4")
    update = np.array([1, -1, 1], "<i4")
    made = Coalitions(WeightedMean(), [1], 3, held(base), [held(update)])
    assert made.model({0}).tolist() == [HIGH, LOW, 1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_what_does_not_fit_into_memory_is_read_again(rule: Rule) -> None:
    world = World(5, rule=rule, limits=None or World().job.admission).open_job().open_round()
    for member in range(5):
        world.submit(member)
    job, updates = world.job, world.open_pending().round.sorted_updates()
    cids = [of_file(update.cid, job.layout.size) for update in updates]
    base = base_of(world.state, job, 1).cid
    inputs = Inputs(job.layout, rule, base, cids, [u.weight for u in updates], world.files.fetch)
    inside, outside = Coalitions.of(inputs), Coalitions.of(inputs, max_held=0)
    for size in range(6):
        for members in combinations(range(5), size):
            assert (inside.model(members) == outside.model(members)).all()
    assert (inside.model(range(5)) == inputs.model(0, job.layout.values)).all()
