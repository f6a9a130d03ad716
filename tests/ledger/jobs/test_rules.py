"""A job's rule has the updates that it needs, or the job is refused with the way out."""

import json
import re
from typing import Any

import msgspec
import pytest
from support.worlds.world import LIMITS, World

from ledger.errors import Malformed
from ledger.jobs.document import Job, parse
from ledger.jobs.privacy import SealedTo
from ledger.jobs.rules import (
    RULE_NUMBERS,
    CentredClipping,
    GeometricMedian,
    Median,
    MultiKrum,
    Rule,
    TrimmedMean,
    WeightedMean,
    describe_rule,
)
from ledger.jobs.scores import Cosine
from ledger.jobs.server import Momentum

RULES: list[tuple[Rule, int, int]] = [
    (WeightedMean(), 0, 0),
    (Median(), 1, 0),
    (TrimmedMean(trim=2), 2, 2),
    (MultiKrum(f=1), 3, 1),
    (GeometricMedian(), 4, 0),
    (CentredClipping(radius=1 << 24), 5, 0),
]
BY_SHARES = [rule for rule, number, _ in RULES if number >= 3]


def job_of(rule: Rule, **limits: Any) -> Job:
    said: dict[str, Any] = {"min_updates": 5, "max_weight": 1000} | limits
    return World(rule=rule, limits=msgspec.structs.replace(LIMITS, **said)).job


def refusal(job: Job) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(job.encode())
    return caught.value


@pytest.mark.parametrize(("rule", "number", "left_out"), RULES, ids=str)
def test_each_rule_travels_and_the_ledger_names_it(rule: Rule, number: int, left_out: int) -> None:
    job = job_of(rule)
    assert parse(job.encode()) == job
    assert (job.model_terms.rule, job.model_terms.trim) == (number, left_out)


def test_every_rule_is_looked_at_and_has_words() -> None:
    assert {type(rule): number for rule, number, _ in RULES} == RULE_NUMBERS
    assert describe_rule(MultiKrum(f=2)).startswith("multi krum, f = 2: ")
    assert len({describe_rule(rule) for rule, _, _ in RULES}) == len(RULES)


@pytest.mark.parametrize(("min_updates", "f"), [(5, 1), (6, 1), (7, 2), (255, 126)])
def test_multi_krum_has_twice_as_many_and_three(min_updates: int, f: int) -> None:
    job = job_of(MultiKrum(f=f), min_updates=min_updates)
    assert parse(job.encode()).aggregation == MultiKrum(f=f)


@pytest.mark.parametrize(
    ("min_updates", "f", "way_out"),
    [(4, 1, "min_updates = 5, or another rule"), (6, 2, "min_updates = 7, or aggregation.f = 1"), (20, 9, "f = 8")],
)
def test_an_f_too_large_is_refused_with_both_ways_out(min_updates: int, f: int, way_out: str) -> None:
    error = refusal(job_of(MultiKrum(f=f), min_updates=min_updates))
    assert error.message == f"aggregation.f = {f} is too large: multi_krum needs 2f + 3 updates"
    assert way_out in error.advice
    assert dict(error.facts) == {"updates": min_updates, "needed": 2 * f + 3}


@pytest.mark.parametrize(
    ("min_updates", "trim", "way_out"),
    [(2, 1, "min_updates = 3, or another rule"), (3, 2, "min_updates = 5, or aggregation.trim = 1")],
)
def test_a_trim_too_large_is_refused_with_both_ways_out(min_updates: int, trim: int, way_out: str) -> None:
    error = refusal(job_of(TrimmedMean(trim=trim), min_updates=min_updates))
    assert error.message == f"aggregation.trim = {trim} is too large: trimmed_mean needs more than 2 * trim updates"
    assert way_out in error.advice


@pytest.mark.parametrize("f", [0, -1])
def test_multi_krum_against_nobody_is_refused(f: int) -> None:
    assert "aggregation.f is out of range" in refusal(job_of(MultiKrum(f=f))).message


@pytest.mark.parametrize("radius", [0, -1])
def test_a_radius_is_a_length(radius: int) -> None:
    assert "aggregation.radius is out of range" in refusal(job_of(CentredClipping(radius=radius))).message
    most = (job_of(GeometricMedian()).layout.values << 31) - 1
    assert parse(job_of(CentredClipping(radius=most)).encode()).aggregation == CentredClipping(radius=most)
    refusal(job_of(CentredClipping(radius=most + 1)))


@pytest.mark.parametrize("rule", BY_SHARES, ids=lambda rule: type(rule).__name__)
def test_past_scores_do_not_weigh_what_has_shares(rule: Rule) -> None:
    job = job_of(rule)
    times = msgspec.structs.replace(job.terms, score_seconds=60, reveal_seconds=60, scorers=2)
    error = refusal(msgspec.structs.replace(job, scoring=Cosine(weighting="past_scores"), terms=times))
    assert error.message == "scoring.weighting needs a rule that uses weights"
    parse(msgspec.structs.replace(job, scoring=Cosine(), terms=times).encode())


def test_the_last_mean_update_is_no_step_of_an_optimiser() -> None:
    momentum = Momentum(rate="1", beta="0.9")
    error = refusal(msgspec.structs.replace(job_of(CentredClipping(radius=5)), server=momentum))
    assert error.message.startswith("aggregation.rule = centred_clipping does not go with server.optimiser = momentum")
    for rule in (GeometricMedian(), MultiKrum(f=1)):
        parse(msgspec.structs.replace(job_of(rule), server=momentum).encode())


@pytest.mark.parametrize("rule", BY_SHARES, ids=lambda rule: type(rule).__name__)
def test_sealed_updates_have_shares(rule: Rule) -> None:
    sealed = msgspec.structs.replace(job_of(rule), privacy=SealedTo(readers=("members",)))
    assert parse(sealed.encode()).aggregation == rule


def test_what_becomes_of_a_long_update_is_said_or_left_out() -> None:
    refuses, clips = job_of(WeightedMean()), job_of(WeightedMean(), on_norm="clip")
    assert "on_norm" not in json.loads(refuses.encode())["admission"]
    assert json.loads(clips.encode())["admission"]["on_norm"] == "clip"
    assert parse(clips.encode()).admission.clips
    assert not parse(refuses.encode()).admission.clips
    said = clips.encode()
    for other in (b'"on_norm":"refuse"', b'"on_norm":"shorten"', b'"on_norm":null', b'"on_norm":1'):
        with pytest.raises(Malformed):
            parse(re.sub(rb'"on_norm":"clip"', other, said))
