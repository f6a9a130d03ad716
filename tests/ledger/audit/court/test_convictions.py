"""What an audit makes of convictions: judged again, held to the contract, and named by what was signed."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support.worlds import lies
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import LIMITS, World, open_matters

from ledger.audit import Audit
from ledger.audit.question import Question
from ledger.audit.report import Check
from ledger.court.judge import judge
from ledger.court.recorded import require_from_bytes
from ledger.court.search import accused_of, find_point
from ledger.errors import Malformed
from ledger.events import records as r
from ledger.events.actions import RewindJob
from ledger.events.court import Convicted, Ground
from ledger.formats.cid import RAW, Cid
from ledger.history.state import JobState
from ledger.jobs.rules import WeightedMean
from ledger.rounds.rules import combine

NODE = "the chain node"


def judged_again(_: JobState, said: Convicted) -> None:
    """A retrial that comes to the same."""


def another_verdict(_: JobState, said: Convicted) -> None:
    raise Malformed("what is shown is as it must be")


def convicted(ground: Ground = Ground.VALUE, **fields: int) -> World:
    """Two final rounds, and the first one's model convicted."""
    world = World().open_job().honest_round().honest_round()
    claim = world.state.rounds[1].aggregates[0].claim
    found = {"ground": ground, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(9)} | fields
    world.emit(r.Convicted, job=1, round=1, before=0, claim=claim, **found)
    world.emit(r.ModelConvicted, job=1, round=1, before=0)
    return world


def answers(world: World, **options: object) -> dict[str, str]:
    return {one.claim: one.answer for one in world.audit(**options).right.claims}


def test_a_convicted_model_is_not_right_nor_what_is_built_on_it() -> None:
    report = convicted().audit(retry=judged_again)
    found = {one.claim: (one.answer, one.why) for one in report.right.claims}
    assert found["job 1"][0] == "yes"
    assert found["model 1/1"][0] == "no"
    assert found["model 1/2"] == ("no", "it stands on the model of round 1: the court convicted it")
    assert (report.right.answer, report.passed[Check.COURT]) == ("no", 1)


@pytest.mark.parametrize(
    ("ground", "check"),
    [(Ground.VALUE, Check.AGGREGATE), (Ground.LIMIT, Check.ADMISSION), (Ground.WEIGHT, Check.ADMISSION)],
)
def test_who_signed_what_was_convicted_is_named_once(ground: Ground, check: Check) -> None:
    lies = convicted(ground).audit(retry=judged_again).lies
    assert lies.answer == "standing"
    assert [(one.key, one.check) for one in lies.list] == [(key(0), check)] + [
        (key(member), Check.ATTESTATION) for member in (1, 2)
    ]
    assert all(one.expected == "1" and one.actual == "2" for one in lies.list)
    assert (lies.list[0].party is not None) == (ground is not Ground.VALUE)


def test_a_conviction_that_cannot_be_judged_again_is_open_and_not_right() -> None:
    report = convicted().audit()
    assert [(one.check, one.fault) for one in open_matters(report)] == [(Check.COURT, None)]
    assert (report.right.answer, report.lies.answer, report.passed[Check.COURT]) == ("no", "none", 0)


def convicted_lie(world: World) -> World:
    """The court convicts what a world's aggregate is false in."""
    point = find_point(world.facts, world.aggregate, world.files.fetch)
    assert point is not None
    accused = accused_of(world.facts, world.aggregate)
    made = judge(world.state.model, world.name, accused, point)
    found = {"ground": point.ground, "member": point.member, "value": point.value, "caller": key(9)}
    where = {"job": 1, "round": world.round.number}
    said = {"before": accused.before, "claim": made.claim, "expected": made.expected, "actual": made.actual}
    final = world.round.phase.terminal
    world.emit(r.Convicted, **where, **said, **found)
    if final:
        world.emit(r.ModelConvicted, **where, before=accused.before)
    else:
        world.emit(r.AttemptFailed, **where, attempt=1, deadline=9_999)
    return world


def too_heavy() -> World:
    world = World().open_job().open_round(1)
    for member in range(4):
        world.submit(member, weight=LIMITS.max_weight + 1 if member == 3 else 7)
    world.open_pending()
    world.publish(0, verdicts=bytes(4))
    return world


def too_large() -> World:
    world = World().open_job().open_round(1)
    drawn = [np.random.default_rng(member).integers(-9, 9, world.layout.values).astype("<i4") for member in range(4)]
    drawn[2][77] = LIMITS.max_value + 1
    for member in range(4):
        world.submit(member, drawn[member], weight=7)
    world.open_pending()
    root, cid = lies.model_file(world, world.initial + combine(WeightedMean(), [7] * 4, drawn.__getitem__))
    world.publish(0, root=root, cid=cid.digest, verdicts=bytes(4))
    return world


LIES = {Ground.VALUE: lies.wrong_value_members_agree, Ground.LIMIT: too_large, Ground.WEIGHT: too_heavy}


@pytest.mark.parametrize("ground", LIES)
def test_whatever_call_brought_it_the_bytes_name_who_signed_it(ground: Ground) -> None:
    world = convicted_lie(LIES[ground]())
    said = world.state.convictions[0].said
    assert said.ground is ground
    receipts = Cid(RAW, world.aggregate.receipts)
    del world.files.files[receipts]  # so the audit cannot make the aggregate again
    report = world.audit(retry_from_bytes=require_from_bytes)
    assert report.passed[Check.COURT] == 1
    named = {one.key for one in report.lies.list if one.check in (Check.AGGREGATE, Check.ADMISSION)}
    assert named == {world.aggregate.aggregator}
    assert not [one for one in open_matters(report) if one.check is Check.COURT]


def test_where_neither_call_nor_bytes_show_it_both_reasons_are_told() -> None:
    world = convicted_lie(lies.wrong_value_members_agree())
    del world.files.files[world.facts.entries[0].cid]
    report = world.audit(retry_from_bytes=require_from_bytes)
    (told,) = [one for one in open_matters(report) if one.check is Check.COURT]
    assert told.why.startswith("what was shown to the court cannot be judged again, nor made again from the bytes")
    assert "no transaction was shown" in told.why


@pytest.mark.parametrize("field", ["value", "expected", "actual"])
def test_an_event_that_the_bytes_deny_is_the_nodes_word(field: str) -> None:
    world = convicted_lie(lies.wrong_value_members_agree())
    (one,) = world.state.convictions
    bent = msgspec.structs.replace(one.said, **{field: getattr(one.said, field) + 1})
    world.state.convictions = (one._replace(said=bent),)
    report = world.audit(retry_from_bytes=require_from_bytes)
    assert [(one.check, one.fault) for one in open_matters(report) if one.check is Check.COURT] == [(Check.COURT, NODE)]


def test_a_conviction_that_does_not_follow_is_the_nodes_word_and_names_nobody() -> None:
    report = convicted().audit(retry=another_verdict)
    assert [(one.check, one.fault) for one in open_matters(report)] == [(Check.COURT, NODE)]
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")


def test_what_was_left_out_is_caught_and_what_follows_right() -> None:
    world = convicted()
    Chamber(world, 2**32).decide(RewindJob(1, 1))
    world.emit(r.JobRewound, job=1, round=1, latest=0)
    world.honest_round()
    report = world.audit(retry=judged_again)
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
    assert {one.claim for one in report.right.claims} == {"code", "job 1", "model 1/3", "decision 1"}
    for number, answer in ((1, "no"), (2, "no"), (3, "yes")):
        asked = world.audit(question=Question.of_model(1, number), retry=judged_again)
        assert asked.right.answer == answer, number
    assert world.audit(question=Question.of_round(1, 2), retry=judged_again).right.answer == "no"


def test_a_job_that_begins_from_a_convicted_model_is_told_and_no_answer_hangs_on_it() -> None:
    world = World().open_job().honest_round()
    elsewhere = convicted().state  # of another job: the same updates, the same models
    other = msgspec.structs.replace(world.job.model_terms, initial=elsewhere.rounds[1].aggregates[0].root)
    world.history.jobs[2], world.history.jobs[1] = replace(world.state, number=2, model=other, block=10**6), elsewhere
    audit = Audit(world.history, world.place, world.files.fetch, str)
    audit._beginning(world.history.jobs[2])
    (told,) = audit.found.open
    assert (told.check, told.fault, told.touches) == (Check.COURT, None, ())
    assert "the model of round 1 of job 1, which the court convicted" in told.why
    audit._beginning(elsewhere)
    assert len(audit.found.open) == 1


def test_what_the_contract_keeps_of_convictions_is_held_to_the_log() -> None:
    world = convicted()
    for kept in (((0, 0), ()), ((2, 1), ()), ((1, 0), ((1, 2, 0),))):
        report = world.audit(replace(world.observed(), judged={1: kept}), retry=judged_again)
        assert [(one.check, one.fault) for one in open_matters(report)] == [(Check.HEADS, NODE)]
        assert (report.right.answer, report.lies.answer) == ("unknown", "none")


def test_terms_that_say_otherwise_than_the_document_name_the_proposer() -> None:
    world = World()
    terms = msgspec.structs.replace(world.job.model_terms, by_value=False)
    world.approve(world.job.digest, world.job.terms, terms)
    report = world.honest_round().audit()
    (lie,) = report.lies.list
    assert (lie.check, lie.key, report.right.answer) == (Check.JOB, key(0), "no")
    assert "by_value" in lie.why
