"""A job that is masked says how, in numbers that can be, and asks for nothing that masks hide."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as changed
from support.worlds.committed_set import world as scored_world
from support.worlds.masked_job import MASKED, THREE
from support.worlds.world import LIMITS, TERMS, World

from ledger.errors import Malformed
from ledger.events.masks import Masking
from ledger.events.records import Terms
from ledger.formats.cid import of_file
from ledger.formats.sealed import sealed_size
from ledger.jobs import document as jobs
from ledger.jobs.document import Admission, Job, parse
from ledger.jobs.privacy import OPEN, Masked, Privacy, SealedTo, Unprotected, describe, describe_masks
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.jobs.scores import Cosine, GroupShapley, PrivateSets, Scoring, Shapley

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "job.json").read_bytes())


def job_of(privacy: Privacy = MASKED, limits: Admission = THREE, terms: Terms = TERMS, rule: Rule | None = None) -> Job:
    return World(privacy=privacy, limits=limits, terms=terms, rule=rule).job


def refusal(job: Job) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(job.encode())
    with pytest.raises(Malformed, match=re.escape(caught.value.message)):
        jobs.check(job)
    return caught.value


def test_a_masked_job_travels_and_says_what_the_contract_is_told() -> None:
    job = job_of()
    read = parse(job.encode())
    assert read == job
    assert read.masked == MASKED
    assert read.masked.masking == Masking(16, 3, 0, 60, 20, 20, 12)
    fields = list(json.loads(job.encode())["privacy"])
    assert fields == sorted(fields) == sorted({"mode", *Masked.__struct_fields__} - {"groups"})


def test_an_open_job_says_so() -> None:
    job = job_of(OPEN, LIMITS)
    assert b'"privacy":{"mode":"none"}' in job.encode()
    assert (job.masked, parse(job.encode()).privacy) == (None, Unprotected())


@pytest.mark.parametrize("case", [case for case in VECTORS["cases"] if "masking" in case])
def test_masked_vectors_are_read(case: dict[str, Any]) -> None:
    job = parse(case["document"].encode())
    assert job.digest.hex() == case["digest"]
    assert job.masked is not None
    assert msgspec.structs.asdict(job.masked.masking) == case["masking"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["why"])
def test_refused_vectors_are_refused_by_the_field(case: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse(case["document"].encode())
    assert case["why"] in str(caught.value)


def test_an_update_has_words_where_it_is_masked_and_a_model_never() -> None:
    masked, open_ = job_of(), job_of(OPEN)
    assert (open_.update_layout, open_.update_kind) == (open_.layout, "update")
    assert (masked.update_layout, masked.update_kind) == (masked.layout.masked, "masked")
    assert masked.layout.size == open_.layout.size
    values = masked.layout.values
    assert masked.update_layout.size == masked.update_layout.header_size + 8 * values


def test_files_of_a_masked_round_are_looked_for_by_their_own_size() -> None:
    """A CID follows from digest and size: one size for both kinds would name files that nobody has."""
    world = World(privacy=MASKED, limits=THREE).open_job().open_round()
    for member in range(3):
        binding = world.binding(member)
        assert binding.kind == "masked"
        layout = world.job.update_layout
        world.submit(member, data=layout.header(binding) + bytes(8 * layout.values), root=bytes([member + 1]) * 32)
    facts = world.facts
    assert facts.update_size > facts.model_size == world.job.layout.size
    for entry in facts.entries:
        assert entry.cid in world.files.files
        assert entry.cid == of_file(entry.update.cid, facts.update_size)
        assert entry.binding.kind == "masked"


GROUPED = changed(MASKED, groups=4)


def limits_of(min_updates: int) -> Admission:
    return changed(LIMITS, min_updates=min_updates)


def test_a_job_with_groups_travels_and_tells_the_contract_nothing_of_them() -> None:
    job = job_of(GROUPED, limits_of(3))
    read = parse(job.encode())
    assert read == job
    assert read.masked is not None
    assert (read.masked.groups, read.masked.masking) == (4, MASKED.masking)
    assert b'"groups":0' not in job_of().encode()
    assert "sums of groups of 3 or more" in describe(GROUPED)
    assert "at most 4 groups" in describe_masks(GROUPED)


@pytest.mark.parametrize(
    ("rule", "needed"), [(WeightedMean(), 1), (Median(), 3), (TrimmedMean(trim=1), 3), (TrimmedMean(trim=2), 5)]
)
def test_a_rule_that_compares_needs_as_many_groups_and_their_updates(rule: Rule, needed: int) -> None:
    groups = changed(MASKED, groups=max(2, needed))
    job = job_of(groups, limits_of(3 * needed), rule=rule)
    assert parse(job.encode()).groups_needed == needed
    if needed > 1:
        error = refusal(job_of(groups, limits_of(3 * needed - 1), rule=rule))
        assert (error.facts["minimum"], error.facts["actual"]) == (3 * needed, 3 * needed - 1)
        assert error.message.startswith("admission.min_updates is less than its groups have together")
    if needed > 2:
        error = refusal(job_of(changed(MASKED, groups=needed - 1), limits_of(3 * needed), rule=rule))
        assert error.message.startswith("privacy.groups is too few for aggregation.rule = ")
        assert error.facts["minimum"] == needed


@pytest.mark.parametrize(("groups", "good"), [(1, False), (2, True), (85, True), (86, False), (-1, False)])
def test_there_are_two_groups_at_least_and_as_many_as_a_consortium_has_room_for(groups: int, *, good: bool) -> None:
    job = job_of(changed(MASKED, groups=groups), limits_of(3))
    if good:
        assert parse(job.encode()) == job
    else:
        assert refusal(job).message == "privacy.groups is out of range"


def scored_job(scoring: Scoring, privacy: Privacy) -> Job:
    scored = scored_world(limits=changed(LIMITS, min_updates=3, max_weight=1000)).job
    terms = changed(scored.terms, aggregate_seconds=60)
    return changed(scored, scoring=scoring, privacy=privacy, terms=terms)


def test_groups_are_scored_by_their_own_method_alone_and_the_refusal_names_it() -> None:
    fields = {"utility": "loss", "evidence": PrivateSets()}
    job = scored_job(GroupShapley(**fields), GROUPED)  # type: ignore[arg-type]
    assert parse(job.encode()) == job
    error = refusal(scored_job(Shapley(**fields), MASKED))  # type: ignore[arg-type]
    assert "with privacy.groups there is group_shapley" in error.message
    error = refusal(scored_job(Shapley(**fields), GROUPED))  # type: ignore[arg-type]
    assert error.facts["expected"] == "group_shapley"
    assert 'say scoring.method = "group_shapley"' in error.advice
    error = refusal(scored_job(GroupShapley(**fields), MASKED))  # type: ignore[arg-type]
    assert "scores groups, and there are none" in error.message
    assert error.advice == 'say privacy.groups = 2 or more, or scoring.method = "none"'
    error = refusal(scored_job(GroupShapley(**fields), OPEN))  # type: ignore[arg-type]
    assert "updates are not masked" in error.message
    error = refusal(scored_job(GroupShapley(**fields), changed(MASKED, groups=13)))  # type: ignore[arg-type]
    assert (error.message, error.facts["maximum"]) == ("privacy.groups is out of range", 12)


@pytest.mark.parametrize(
    "rule", [Median(), TrimmedMean(trim=1), MultiKrum(f=1), GeometricMedian(), CentredClipping(radius=1)]
)
def test_a_rule_that_compares_updates_is_refused_with_the_way_out(rule: Rule) -> None:
    error = refusal(job_of(rule=rule))
    assert error.message.startswith(f"aggregation.rule = {rule.__struct_config__.tag} does not go with masks")
    assert error.advice == (
        'say aggregation.rule = "weighted_mean", or leave masks out: privacy.mode = "none", and no --masked'
    )


def test_norms_that_nobody_sees_are_not_cut() -> None:
    masked = job_of()
    error = refusal(changed(masked, admission=changed(masked.admission, on_norm="clip")))
    assert error.message.startswith("admission.on_norm = clip does not go with masks")


@pytest.mark.parametrize("scoring", [Cosine(), Cosine(weighting="past_scores")])
def test_scores_are_refused_whatever_they_weigh(scoring: Cosine) -> None:
    scored = scored_world(scoring, limits=changed(LIMITS, min_updates=3, max_weight=1000)).job
    error = refusal(changed(scored, privacy=MASKED, terms=changed(scored.terms, aggregate_seconds=60)))
    assert error.message.startswith("scoring.method = cosine does not go with masks")


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("segment", 1, 256),
        ("threshold", 0, 255),
        ("set_up_seconds", 1, 365 * 86400),
        ("set_seconds", 1, 365 * 86400),
        ("unmask_seconds", 1, 365 * 86400),
        ("share_seconds", 1, 365 * 86400),
    ],
)
def test_every_number_has_the_contracts_bounds(field: str, low: int, high: int) -> None:
    for value in (low, high):
        privacy = changed(MASKED, **{field: value})
        long = max(60, privacy.set_seconds + privacy.unmask_seconds + privacy.share_seconds + 8)
        if long <= 365 * 86400:
            assert parse(job_of(privacy, terms=changed(TERMS, aggregate_seconds=long)).encode()).privacy == privacy
    for value in (low - 1, high + 1):
        error = refusal(job_of(changed(MASKED, **{field: value})))
        assert error.message == f"privacy.{field} is out of range"
        assert error.facts["actual"] == value


@pytest.mark.parametrize(("smallest", "good"), [(2, False), (3, True), (255, True), (256, False)])
def test_a_set_has_three_members_at_least(smallest: int, *, good: bool) -> None:
    job = job_of(changed(MASKED, smallest=smallest), changed(LIMITS, min_updates=min(smallest, 255)))
    if good:
        assert parse(job.encode()) == job
    else:
        assert refusal(job).message == "privacy.smallest is out of range"


@pytest.mark.parametrize("needed", [2, 4])
def test_a_set_always_makes_a_model(needed: int) -> None:
    """A set below min_updates would show a sum and make nothing of it."""
    error = refusal(job_of(limits=changed(LIMITS, min_updates=needed)))
    assert error.message.startswith("admission.min_updates is not privacy.smallest")
    assert (error.facts["expected"], error.facts["actual"]) == (3, needed)
    assert error.advice == f"give both {max(3, needed)}"


def test_equal_weights_are_one() -> None:
    equal = changed(MASKED, weights="equal")
    assert parse(job_of(equal, changed(THREE, max_weight=1)).encode()).admission.cap(0) == 1
    error = refusal(job_of(equal, changed(THREE, max_weight=2)))
    assert error.message == "admission.max_weight is not 1, and privacy.weights is equal"


def test_the_aggregators_time_holds_those_of_masks() -> None:
    assert parse(job_of(terms=changed(TERMS, aggregate_seconds=60)).encode()).masked
    error = refusal(job_of(terms=changed(TERMS, aggregate_seconds=59)))
    assert error.message.startswith("terms.aggregate_seconds is too short for masks")
    assert (error.facts["minimum"], error.facts["actual"]) == (60, 59)
    assert "aggregate_seconds = 60 or more" in error.advice


@pytest.mark.parametrize(
    "privacy",
    [
        {"mode": "hidden", "readers": ["members"]},
        {"mode": "masked2"},
        {"mode": "", "segment": 1},
    ],
)
def test_a_mode_of_another_version_is_named_before_its_fields(privacy: dict[str, Any]) -> None:
    document = json.loads(job_of().encode()) | {"privacy": privacy}
    with pytest.raises(Malformed, match="is not supported yet") as caught:
        parse(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    assert f'privacy.mode = "{privacy["mode"]}"' in caught.value.message
    assert caught.value.facts["supported"] == "none, masked, sealed"


@pytest.mark.parametrize("readers", [("members",), ("members", "auditors")])
def test_a_sealed_job_travels_and_says_who_reads(readers: Any) -> None:
    job = job_of(SealedTo(readers=readers), LIMITS)
    assert parse(job.encode()) == job
    assert job.sealed == SealedTo(readers=readers)
    assert job.masked is None
    assert (job.update_layout, job.update_kind) == (job.layout, "update")
    assert job.update_size == sealed_size(job.layout.size)
    assert ("auditors" in describe(job.privacy)) == ("auditors" in readers)


@pytest.mark.parametrize("readers", [(), ("auditors",), ("auditors", "members"), ("members", "members")])
def test_readers_have_one_form(readers: Any) -> None:
    assert refusal(job_of(SealedTo(readers=readers), LIMITS)).message.startswith("privacy.readers")


def test_seals_do_not_go_with_scores_yet() -> None:
    scored = changed(scored_world().job, privacy=SealedTo(readers=("members",)))
    assert "scoring.method" in refusal(scored).message


def test_people_read_what_is_protected_and_when() -> None:
    assert describe(OPEN) == "none: every member reads every update"
    assert describe(MASKED) == "masked: updates are read as a sum of 3 or more, not one by one; weights are public"
    assert describe(changed(MASKED, weights="equal")).endswith("all weights are equal")
    said = describe_masks(MASKED)
    assert said.startswith(
        "keys are dealt for 16 rounds, which always takes 60 s; in a round, 20 s to agree on whose updates count"
    )
    assert "more than two thirds of the members rebuild" in said
    assert "which 7 members rebuild" in describe_masks(changed(MASKED, threshold=7))
