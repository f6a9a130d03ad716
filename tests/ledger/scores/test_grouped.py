"""Scores of groups: the exact Shapley value with groups as players, each update's its group's."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial

import msgspec
import numpy as np
import pytest
from support.worlds.mask_groups import GROUPED
from support.worlds.masked_segments import BOUNDS
from support.worlds.scored_groups import ScoredGroupsWorld

from ledger.errors import UsageError
from ledger.jobs.rules import Median, Rule, WeightedMean
from ledger.rounds.rules.arithmetic import Ints
from ledger.scores.contributions import coalition_table, committed_utility, score_round
from ledger.scores.game import TooFewPlayers
from ledger.scores.grouped import GroupCoalitions, group_scores
from ledger.scores.methods import to_scores
from ledger.scores.tables import describe_method, scores_of


def world(rule: Rule | None = None, members: int = 7, groups: int = 2) -> ScoredGroupsWorld:
    """A finalised round."""
    limits = msgspec.structs.replace(BOUNDS, min_updates=9 if isinstance(rule, Median) else 3)
    privacy = msgspec.structs.replace(GROUPED, groups=groups, threshold=members // 2 + 1)
    made = ScoredGroupsWorld(members, rule=rule, limits=limits, privacy=privacy)
    made.open_job().cast().honest_round()  # type: ignore[attr-defined]
    return made


def model_by_hand(made: ScoredGroupsWorld, groups: Sequence[frozenset[int]]) -> Ints:
    """The model of some groups, from the updates in the clear."""
    if not groups:
        return made.initial
    sums, weights = [], []
    for group in groups:
        updates = [made.updates[1, member] for member in group]
        sums.append(sum(weight * values.astype(np.int64) for weight, values in updates))
        weights.append(sum(weight for weight, _ in updates))
    trim = (len(groups) - 1) // 2 if isinstance(made.job.aggregation, Median) else 0
    change = []
    for value in range(len(made.initial)):
        ranked = sorted(range(len(sums)), key=lambda k: Fraction(int(sums[k][value]), weights[k]))
        kept = ranked[trim : len(ranked) - trim]
        mean = Fraction(sum(int(sums[k][value]) for k in kept), sum(weights[k] for k in kept))
        change.append(int(abs(mean) + Fraction(1, 2)) * (1 if mean >= 0 else -1))
    return (made.initial + np.array(change)).astype("<i4")


@pytest.mark.parametrize(
    ("rule", "members", "groups"), [(None, 7, 2), (WeightedMean(), 12, 4), (Median(), 9, 3), (Median(), 12, 4)]
)
def test_they_are_the_shapley_values_of_the_game_of_groups(rule: Rule | None, members: int, groups: int) -> None:
    """By the definition: over all orders in which groups may come."""
    made = world(rule, members, groups)
    players, worth = made.groups, committed_utility(made.job, made.files.fetch)
    assert len(players) == groups
    worths = {
        frozenset(chosen): worth(model_by_hand(made, [players[k] for k in chosen]))
        for size in range(groups + 1)
        for chosen in combinations(range(groups), size)
    }
    shares = [Fraction(0)] * groups
    for chosen, value in worths.items():
        for k in range(groups):
            before = len(chosen - {k})
            share = Fraction(factorial(before) * factorial(groups - before - 1), factorial(groups))
            shares[k] += share * (value if k in chosen else -value)
    expected = to_scores(shares)
    found = made.open_scoring().scores()
    of = {member: expected[k] for k, group in enumerate(players) for member in group}
    assert found == tuple(of[update.index] for update in made.state.rounds[1].admitted())
    assert len(set(found)) == groups


@pytest.mark.parametrize("rule", [None, Median()])
def test_read_again_or_held_in_memory_the_models_are_the_same(rule: Rule | None) -> None:
    inputs = world(rule, 9, 3).inputs(1)
    held, read = GroupCoalitions(inputs), GroupCoalitions(inputs, max_held=0)
    for members in ((), (0,), (1, 2), (0, 1, 2), (2,)):
        assert held.model(members).tolist() == read.model(members).tolist()
    assert held.model((0, 1, 2)).tolist() == inputs.model(0, inputs.layout.values).tolist()


def test_one_group_has_nobody_to_be_compared_with() -> None:
    """So many were away that the other group is too small."""
    made = ScoredGroupsWorld()
    made.open_job().cast().open_round()  # type: ignore[attr-defined]
    for member in sorted(max(made.groups, key=len)):
        made.mask(member)
    made.fix_set().answer().end()
    with pytest.raises(TooFewPlayers):
        group_scores(made.inputs(1), lambda _: 0)


def test_single_updates_are_not_looked_at_and_tables_say_so() -> None:
    made = world().open_scoring()
    with pytest.raises(UsageError, match="not seen one by one"):
        score_round(made.state, made.job, made.state.rounds[1], bytes(32), made.files.fetch)
    with pytest.raises(UsageError, match="not seen one by one"):
        coalition_table(made.state, made.job, made.state.rounds[1], made.files.fetch)
    told = scores_of(made.state, made.job, str, fetch=made.files.fetch)
    assert all(not one.void for round_ in told.rounds for one in round_.updates)
    assert describe_method(made.job).startswith("Shapley value of each group of the loss on a committed set of 40 rows")


def test_the_audit_recomputes_them_and_a_false_one_is_refuted() -> None:
    made = world().open_scoring()
    truth = made.scores()
    made.score()
    report = made.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    liar = world().open_scoring()
    liar.score({1: (truth[0] + 1, *truth[1:])})
    (found,) = liar.audit().lies.list
    assert (found.who, found.expected, found.actual) == ("east", str(truth[0]), str(truth[0] + 1))
