"""The scores of a round: the same for everyone, for genuine updates only, and refused by name where there are none."""

from typing import Any

import numpy as np
import pytest
import support.worlds.committed_set as sw
from support.worlds.world import Files, World

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.merkle import root_of
from ledger.history.state import JobState
from ledger.jobs.rules import Median, TrimmedMean
from ledger.jobs.scores import Cosine, LeaveOneOut, PrivateSets, Shapley
from ledger.rounds.facts import base_of
from ledger.rounds.weights import MAX_FACTOR, NEUTRAL, factors, tallied
from ledger.scores import methods
from ledger.scores.contributions import coalition_table
from ledger.scores.game import Game, TooFewPlayers, TooManyPlayers
from ledger.scores.genuine import Void, judge_genuine
from ledger.scores.geometry import cosine
from ledger.scores.utility import BadUtility

ALL = [method.method for method in sw.methods(PrivateSets())]


def genuine(world: World) -> dict[int, Void]:
    return judge_genuine(world.state, world.job, world.round, world.files.fetch)


def near(values: np.ndarray, share: float, seed: int = 9) -> np.ndarray:
    """The same update, but for noise of a share of each value's size."""
    noise = 1 + share * np.random.default_rng(seed).standard_normal(len(values))
    return (values * noise).astype("<i4")


@pytest.mark.parametrize("number", range(len(ALL)), ids=ALL)
def test_scorer_and_auditor_come_to_the_same_integers(number: int) -> None:
    """One from the ledger and the store as they are, one that reads in other pieces and in its own history."""
    files = Files()
    world = sw.play(sw.world(sw.methods(sw.committed(files))[number], files=files))
    found = sw.scores(world)
    assert len(found) == 5
    files.piece = 1000
    assert sw.scores(world) == found


def test_the_seed_comes_from_the_ledger() -> None:
    """Methods that draw depend on it; those that do not, do not."""
    for number, drawn in ((2, True), (0, False), (1, False), (6, False)):
        files = Files()
        world = sw.play(sw.world(sw.methods(sw.committed(files))[number], files=files))
        assert (sw.scores(world) != sw.scores(world, seed=bytes(32))) == drawn


def test_shapley_scores_add_up_to_what_all_gained() -> None:
    world = sw.play(sw.world())
    table = coalition_table(world.state, world.job, world.round, world.files.fetch)
    assert len(table) == 32
    gained = table[frozenset(range(5))] - table[frozenset()]
    assert abs(sum(sw.scores(world)) - gained) <= 2
    game = Game(5, table.__getitem__)
    assert sw.scores(world) == methods.to_scores(methods.shapley(game))


@pytest.mark.parametrize("rule", [Median(), TrimmedMean(trim=1)], ids=["median", "trimmed mean"])
def test_every_rule_can_be_scored(rule: Any) -> None:
    world = sw.play(sw.world(rule=rule, limits=sw.wide(min_updates=3)))
    assert len(set(sw.scores(world))) == 5


def test_the_model_of_everyone_is_the_final_model() -> None:
    """No second aggregation: a private utility that only looks sees the very integers that were published."""
    world = sw.play(sw.world(LeaveOneOut(utility="loss", evidence=PrivateSets())))
    seen: list[bytes] = []
    sw.scores(world, utility=lambda model: seen.append(model.tobytes()) or 0)
    final = world.files.files[base_of(world.state, world.job, 2).cid]
    assert final[world.layout.header_size :] in seen


def test_a_private_utility_measures_in_place_of_the_set() -> None:
    world = sw.play(sw.world(Shapley(utility="loss", evidence=PrivateSets())))
    with pytest.raises(UsageError, match="no committed set"):
        sw.scores(world)
    assert sw.scores(world, utility=lambda _: 7) == (0,) * 5


@pytest.mark.parametrize("value", [float("nan"), 0.5, None, 10**9 + 1])
def test_a_private_utility_that_is_none_is_refused(value: Any) -> None:
    world = sw.play(sw.world(Shapley(utility="loss", evidence=PrivateSets())))
    with pytest.raises(BadUtility):
        sw.scores(world, utility=lambda _: value)


@pytest.mark.parametrize("number", range(len(ALL)), ids=ALL)
def test_updates_that_bring_nothing_of_their_own_rank_last(number: int) -> None:
    """Nothing, a copy, a scaled copy, a copy with noise: below every genuine one, under every method."""
    files = Files()
    world = sw.world(sw.methods(sw.committed(files))[number], members=7, files=files)
    own = [sw.big(world) for _ in range(3)]
    copies = [np.zeros_like(own[0]), own[0].copy(), own[1] // 2, near(own[2], 0.005)]
    sw.play(world, [*own, *copies])
    assert list(genuine(world).values()) == [Void.NONE] * 3 + [Void.ZERO, Void.COPY, Void.NEAR_COPY, Void.NEAR_COPY]
    scores = sw.scores(world)
    assert scores[3:] == (min(0, *scores[:3]) - 1,) * 4
    assert max(scores[3:]) < min(scores[:3])


def test_the_update_registered_first_is_the_original() -> None:
    """The member's index says nothing: the ledger's order does."""
    world = sw.world()
    own = [sw.big(world) for _ in range(5)]
    own[0] = own[3].copy()
    sw.play(world, own, order=(4, 3, 2, 1, 0))
    assert genuine(world) == {0: Void.COPY, 1: Void.NONE, 2: Void.NONE, 3: Void.NONE, 4: Void.NONE}


def test_a_replay_of_an_earlier_round_by_any_party_is_void() -> None:
    world = sw.world()
    first = [sw.big(world) for _ in range(5)]
    sw.play(world, first)
    sw.play(world, [sw.big(world), first[1], first[0], sw.big(world), sw.big(world)])
    assert list(genuine(world).values()) == [Void.NONE, Void.REPLAY, Void.REPLAY, Void.NONE, Void.NONE]


def test_what_was_refused_is_nobodys_original() -> None:
    """Otherwise a party that registers another's root first, with other bytes, would make the honest one a copy."""
    world = sw.world()
    world.open_round()
    own = [sw.big(world) for _ in range(5)]
    world.submit(4, own[4], root=root_of(own[0]))
    for member in range(4):
        world.submit(member, own[member])
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    assert genuine(world) == dict.fromkeys(range(4), Void.NONE)


def test_the_last_step_of_the_global_model_is_nobodys_work() -> None:
    world = sw.world()
    sw.play(world)
    final = world.files.files[base_of(world.state, world.job, 2).cid]
    step = np.frombuffer(final, "<i4", offset=world.layout.header_size) - world.initial
    sw.play(world, [sw.big(world), step.astype("<i4"), near(step, 0.005), sw.big(world), sw.big(world)])
    found = list(genuine(world).values())
    assert found == [Void.NONE, Void.LAST_STEP, Void.NEAR_COPY, Void.NONE, Void.NONE]


def test_a_job_says_how_near_a_copy_is() -> None:
    for ppm, void in ((0, Void.NONE), (1_000, Void.NONE), (10_000, Void.NEAR_COPY)):
        world = sw.world(Cosine(copy_ppm=ppm))
        own = [sw.big(world) for _ in range(4)]
        sw.play(world, [*own, near(own[0], 0.005)])
        assert genuine(world)[4] is void


def test_void_updates_do_not_play() -> None:
    """A copy takes nothing from the party that made the original: the genuine ones score as if it were not there."""
    alone, copied = sw.world(seed=3, members=4), sw.world(seed=3, members=5)
    own = [sw.big(alone) for _ in range(4)]
    sw.play(alone, own)
    sw.play(copied, [*own, own[2].copy()])
    assert sw.scores(copied)[:4] == sw.scores(alone)


@pytest.mark.parametrize("number", range(len(ALL)), ids=ALL)
def test_a_round_with_one_genuine_update_has_no_scores(number: int) -> None:
    files = Files()
    world = sw.world(sw.methods(sw.committed(files))[number], members=3, files=files)
    own = sw.big(world)
    sw.play(world, [own, own.copy(), np.zeros_like(own)])
    with pytest.raises(TooFewPlayers, match="two genuine updates"):
        sw.scores(world)


def test_a_round_with_one_update_has_no_scores() -> None:
    world = sw.world(limits=sw.wide(min_updates=1), members=3)
    sw.play(world, [sw.big(world)])
    with pytest.raises(TooFewPlayers):
        sw.scores(world)


def test_thirteen_updates_are_too_many_for_exact_shapley() -> None:
    world = sw.play(sw.world(members=13))
    with pytest.raises(TooManyPlayers, match="so many"):
        sw.scores(world)
    with pytest.raises(TooManyPlayers):
        coalition_table(world.state, world.job, world.round, world.files.fetch)


def test_a_round_without_a_final_model_has_no_scores() -> None:
    world = sw.world().open_round()
    with pytest.raises(UsageError, match="nothing to score"):
        sw.scores(world)


def test_a_job_without_scores_has_none() -> None:
    world = World().open_job().honest_round()
    with pytest.raises(UsageError, match="nothing to score"):
        sw.scores(world)


def test_bytes_that_cannot_be_had_lead_to_no_verdict() -> None:
    world = sw.play(sw.world())
    update = next(iter(world.round.updates.values()))
    world.files.files = {cid: data for cid, data in world.files.files.items() if cid.digest != update.cid}
    with pytest.raises(Unavailable):
        sw.scores(world)


def test_a_set_that_is_not_the_jobs_is_refused() -> None:
    files = Files()
    world = sw.play(sw.world(Shapley(utility="loss", evidence=sw.committed(files, root="11" * 32)), files=files))
    with pytest.raises(Malformed, match="not the one of the job"):
        sw.scores(world)


def test_cosine_is_the_angle_to_the_weighted_sum_of_the_others() -> None:
    world = sw.world(Cosine(), members=3)
    own = [sw.big(world).astype(object) for _ in range(3)]
    sw.play(world, [values.astype("<i4") for values in own])
    for k, found in enumerate(sw.scores(world)):
        others = sum((10 + i) * own[i] for i in range(3) if i != k)
        assert found == cosine(int(own[k] @ others), int(own[k] @ own[k]), int(others @ others))


def test_scores_stay_within_the_contracts_bound() -> None:
    """Utilities at both ends of their range: a difference may be twice as large as a score."""
    world = sw.play(sw.world(LeaveOneOut(utility="loss", evidence=PrivateSets()), members=3))
    worths = iter([10**9, -(10**9), -(10**9), 10**9])
    scores = sw.scores(world, utility=lambda _: next(worths))
    assert scores == (999_999_999, 999_999_999, 0)


def sums(state: JobState, through: int | None = None) -> dict[int, int]:
    """Each scored member's sum of scores over the settled rounds."""
    return {member: tally.score for member, tally in tallied(state, through).items()}


def test_scores_add_up_over_settled_rounds_and_withheld_ones_are_forfeit() -> None:
    world = sw.world(members=3)
    for _ in range(3):
        sw.play(world)
    sw.settle(world, 1, [100, -50, 30])
    sw.settle(world, 2, [10, 20, -5], withheld=[0, 2])
    assert sums(world.state) == {0: 100, 1: -30, 2: 25}
    assert sums(world.state, through=1) == {0: 100, 1: -50, 2: 30}
    assert sums(world.state, through=0) == {}


def test_a_void_scoring_counts_for_nothing() -> None:
    world = sw.play(sw.world(members=3))
    sw.settle(world, 1, [1, 2, 3])
    world.state.scorings[1].medians = None
    assert sums(world.state) == {}


def test_past_scores_weigh_what_they_are_to_the_mean() -> None:
    world = sw.world(members=5)
    sw.play(world, [sw.big(world) for _ in range(4)])
    sw.settle(world, 1, [100, 200, -50, 900])
    sw.play(world)
    assert world.round.scored_to == 1
    assert factors(world.state, world.round) == {0: 171, 1: 341, 2: 1, 3: MAX_FACTOR, 4: NEUTRAL}
    assert factors(world.state, world.state.rounds[1]) == dict.fromkeys(range(4), NEUTRAL)


def test_scores_settled_after_a_round_opened_do_not_weigh_it() -> None:
    world = sw.world(members=3)
    sw.play(world)
    world.open_round()
    sw.settle(world, 1, [1, 2, 3])
    for member in range(3):
        world.submit(member, sw.big(world))
    assert factors(world.state, world.open_pending().round) == dict.fromkeys(range(3), NEUTRAL)


def test_where_nobody_gained_anything_everyone_weighs_the_same() -> None:
    world = sw.world(members=3)
    sw.play(world)
    sw.settle(world, 1, [-1, 0, -7])
    sw.play(world)
    assert factors(world.state, world.open_pending().round) == dict.fromkeys(range(3), NEUTRAL)


def test_every_reason_has_words() -> None:
    assert len({void.meaning for void in Void}) == len(Void)
