"""Scores in the audit: one test per lie, and what is not a lie."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from support.worlds.scorers import COSINE, PRIVATE, ScoredWorld, committed, rows, shapley
from support.worlds.signing import key
from support.worlds.world import NAMES, culprit, open_matters, seen

from ledger.audit.report import Check, ClaimAnswer, Lie
from ledger.errors import Malformed
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import check
from ledger.jobs.rules import Median
from ledger.jobs.scores import MAX_FACTOR, MAX_WEIGHT, Shapley, TruncatedMonteCarlo
from ledger.rounds.weights import shares

EAST, SOUTH = f"east ({key(1)})", f"south ({key(2)})"


def scored(*arguments: Any, **options: Any) -> ScoredWorld:
    """A world whose first round is final, and its scoring open."""
    world = ScoredWorld(*arguments, **options)
    world.open_job().honest_round()
    return world.open_scoring()


def raised(scores: tuple[int, ...], place: int = 2, by: int = 1000) -> tuple[int, ...]:
    return (*scores[:place], scores[place] + by, *scores[place + 1 :])


def told(world: ScoredWorld) -> list[Lie]:
    return list(world.audit().lies.list)


def false_scores(world: ScoredWorld) -> ClaimAnswer:
    """What is said of the settled scores of round 1, which are false."""
    (claim,) = [one for one in world.audit().right.claims if one.claim == "scores 1/1"]
    assert claim.answer == "no"
    return claim


@pytest.mark.parametrize("scoring", [None, COSINE], ids=["committed set", "cosine"])
def test_honest_scores_are_verified(scoring: Any) -> None:
    world = scored(scoring)
    world.score()
    report = world.audit()
    assert report.right.answer == "yes", report.right
    assert open_matters(report) == []
    assert report.passed[Check.SCORES] == 4 * 4 + 4


def test_a_job_without_a_scoring_has_nothing_to_check() -> None:
    world = ScoredWorld()
    world.open_job().honest_round()
    report = world.audit()
    assert (report.right.answer, report.passed[Check.SCORES]) == ("yes", 0)


@pytest.mark.parametrize("scoring", [None, COSINE], ids=["committed set", "cosine"])
def test_a_scorer_that_reveals_other_numbers_is_refuted_with_both(scoring: Any) -> None:
    world = scored(scoring)
    truth = world.scores()
    world.score({1: raised(truth)})
    (found,) = told(world)
    assert (found.check, culprit(found), found.party, found.round) == (Check.SCORES, EAST, SOUTH, 1)
    assert (found.expected, found.actual) == (str(truth[2]), str(truth[2] + 1000))
    assert "revealed scores that do not recompute: 1 of 4" in found.why
    assert found.tx == world.state.scorings[1].reveals[1].tx.hex()
    assert world.audit().right.answer == "yes"
    assert world.state.scorings[1].medians == truth
    assert found.state == "caught"


def test_a_reveal_is_not_judged_by_a_seed_that_no_member_has_signed() -> None:
    """A server could have made the seed up; the next final round signs it."""
    content, evidence = committed(rows())
    drawn = TruncatedMonteCarlo(utility="loss", evidence=evidence, evaluations=30, tolerance=10)
    world = scored(drawn, content=content)
    world.score({1: raised(world.scores())})
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert f"{EAST} revealed scores that do not recompute" in open_matters(report)[0].why
    world.honest_round()
    assert [(culprit(lie), lie.state) for lie in told(world)] == [(EAST, "caught")]


def test_liars_that_move_a_median_are_named_with_it() -> None:
    world = scored()
    truth = world.scores()
    world.score({index: raised(truth) for index in (0, 1, 3)})
    reveals, median = told(world), false_scores(world)
    assert {found.state for found in reveals} == {"standing"}
    assert {culprit(found) for found in reveals} == {
        f"{name} ({key(i)})" for i, name in ((0, "north"), (1, "east"), (3, "west"))
    }
    assert median.why is not None
    says, _, movers = median.why.partition("; moved by ")
    assert says == f"the settled score of {SOUTH} is {truth[2] + 1000}, not {truth[2]}"
    assert all(f"({key(index)})" in movers for index in (0, 1, 3))
    assert SOUTH not in movers


def test_a_liar_that_moves_no_median_changes_no_score() -> None:
    world = scored()
    truth = world.scores()
    world.score({1: raised(truth, by=-999)})
    assert world.state.scorings[1].medians in (truth, raised(truth, by=-999))
    assert world.audit().passed[Check.SCORES] >= 4 * 4 - 1


def test_private_scores_differ_and_blame_nobody() -> None:
    world = scored(PRIVATE)
    world.score({1: (9, 9, 9, 9), 2: (-9, 0, 7, 8)}, honest=(1, 2, 3, 4))
    report = world.audit()
    assert report.right.answer == "yes", report.right
    assert report.passed[Check.SCORES] == 4


@pytest.mark.parametrize("scoring", [None, PRIVATE], ids=["committed set", "private sets"])
def test_a_withheld_reveal_is_a_notice(scoring: Any) -> None:
    world = scored(scoring)
    world.score(without=[1], honest=None if scoring is None else (1, 2, 3, 4))
    report = world.audit()
    assert report.right.answer == "yes"
    (found,) = open_matters(report)
    assert (found.check, found.fault, found.touches) == (Check.SCORES, EAST, ())
    assert found.why.startswith(f"{EAST} committed")
    assert report.lies.answer == "none"


def test_a_void_scoring_is_a_notice() -> None:
    world = scored(PRIVATE)
    world.score(without=[1, 2, 3], honest=(1, 2, 3, 4))
    report = world.audit()
    assert report.right.answer == "yes"
    void = [found for found in open_matters(report) if "too few scorers" in found.why]
    assert [(found.expected, found.actual) for found in void] == [("2 reveals", "1 reveal")]


def test_a_set_that_nobody_has_is_unknown() -> None:
    world = scored()
    world.score()
    evidence = world.job.scoring.evidence  # type: ignore[union-attr]
    (cid,) = [cid for cid in world.files.files if str(cid) == evidence.cid]
    del world.files.files[cid]
    report = world.audit()
    assert report.right.answer == "unknown"
    (found,) = open_matters(report)
    assert (found.check, found.touches, found.cid) == (Check.SCORES, ("scores 1/1",), str(cid))
    assert {one.claim for one in report.right.claims if one.answer == "unknown"} == {"scores 1/1"}


def lying_root() -> ScoredWorld:
    content, evidence = committed(rows(), root="ab" * 32)
    return scored(Shapley(utility="loss", evidence=evidence), content=content)


def no_set() -> ScoredWorld:
    other = b"no set at all"
    _, evidence = committed(rows(), cid=str(cid_of([other])[0]))
    return scored(Shapley(utility="loss", evidence=evidence), content=other)


@pytest.mark.parametrize("tell", [lying_root, no_set])
def test_a_set_that_is_not_the_jobs_refutes_the_proposer(tell: Callable[[], ScoredWorld]) -> None:
    world = tell()
    world.score(honest=(1, 2, 3, 4))
    (found,) = told(world)
    assert (found.check, culprit(found)) == (Check.SCORES, f"north ({key(0)})")
    assert "evaluation set" in found.why


def test_a_scoring_that_the_chain_does_not_have_makes_the_log_unknown() -> None:
    world = scored()
    world.score()
    report = world.audit(seen(world.observed(), scores={(1, 1): bytes(32)}))
    assert report.right.answer == "unknown"
    assert {found.check for found in open_matters(report)} == {Check.HEADS}


def test_scores_where_the_rules_allow_none_are_refuted() -> None:
    """Of two equal updates one is a copy, and a round with one genuine update has no scores."""
    world = ScoredWorld()
    world.open_job().open_round()
    first = world.submit(0)
    world.submit(1, first.values)
    world.publish(0)
    world.attest(2)
    world.attest(3)
    world.open_scoring().score(honest=(5, -1))
    found = told(world)
    assert [culprit(one) for one in found] == [f"{name} ({key(i)})" for i, name in enumerate(NAMES[:4])]
    assert all("the rules allow none" in one.why for one in found)


def weighted(order: Sequence[int] = range(4)) -> ScoredWorld:
    """A second round, in which the scores of the first weigh; updates registered in the order given."""
    content, scoring = shapley("past_scores")
    world = scored(scoring, content=content)
    world.score()
    world.open_round()
    for member in order:
        values = np.random.default_rng(member).integers(-(1 << 16), 1 << 16, world.layout.values).astype("<i4")
        world.submit(member, values, weight=50 + member)
    return world


def test_a_weighted_model_is_the_same_in_any_order_and_with_any_number_of_threads() -> None:
    worlds = [weighted(order) for order in ((0, 1, 2, 3), (3, 1, 0, 2))]
    outcomes = [world.outcome(threads=threads) for world in worlds for threads in (1, 2, 3, 8)]
    assert len({(outcome.root, outcome.cid, outcome.sums) for outcome in outcomes}) == 1
    updates = worlds[0].round.sorted_updates()
    shares_ = shares(worlds[0].state, worlds[0].job, worlds[0].round, updates)
    assert len({share // update.weight for share, update in zip(shares_, updates, strict=True)}) > 1


def test_weights_times_factors_keep_sums_exact() -> None:
    """The largest share of an update is no more than the largest weight, for which sums are known to fit."""
    largest = MAX_WEIGHT // MAX_FACTOR
    assert largest * MAX_FACTOR <= MAX_WEIGHT
    assert 255 * MAX_WEIGHT * (1 << 31) < 1 << 63
    assert 255 * MAX_WEIGHT < 1 << 32
    content, scoring = shapley("past_scores")
    job = ScoredWorld(scoring, content=content).job
    check(msgspec.structs.replace(job, admission=msgspec.structs.replace(job.admission, max_weight=largest)))
    with pytest.raises(Malformed, match=r"admission\.max_weight"):
        check(msgspec.structs.replace(job, admission=msgspec.structs.replace(job.admission, max_weight=largest + 1)))
    with pytest.raises(Malformed, match=r"scoring\.weighting"):
        check(msgspec.structs.replace(job, aggregation=Median()))


def test_past_scores_weigh_the_next_round_for_everyone() -> None:
    world = weighted()
    plain = msgspec.structs.replace(world.job, scoring=shapley()[1])
    world.publish(1)
    world.attest(2)
    world.attest(3)
    assert world.audit().right.answer == "yes"
    world.job = plain
    assert world.outcome().root != world.aggregate.root


def test_a_model_that_ignores_past_scores_is_refuted() -> None:
    world = weighted()
    honest = world.job
    world.job = msgspec.structs.replace(honest, scoring=shapley()[1])
    world.publish(1)
    world.job = honest
    (found,) = told(world)
    assert (found.check, culprit(found), found.round) == (Check.AGGREGATE, EAST, 2)


def test_a_scoring_that_ended_after_the_round_was_opened_does_not_weigh_in_it() -> None:
    content, scoring = shapley("past_scores")
    world = scored(scoring, content=content)
    world.open_round()
    for member in range(4):
        world.submit(member, weight=50 + member)
    before = world.outcome().root
    world.score()
    assert world.outcome().root == before
    world.publish(1)
    world.attest(2)
    world.attest(3)
    assert world.audit().right.answer == "yes"
