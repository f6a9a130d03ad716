"""What a job begins from: a model that the court convicted, one that stands on such a one, or one that was left out."""

from collections import Counter

import msgspec
import pytest
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import World

from ledger.events import records as r
from ledger.events.actions import RewindJob
from ledger.events.court import Convicted, Ground
from ledger.history.convicted import FalseStart, begun, false_start, start_of
from ledger.history.state import JobState

CONVICTED = "convicted"


def convict(world: World, number: int, before: int) -> World:
    claim = world.state.rounds[number].aggregates[-1].claim
    found = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(3)}
    world.emit(r.Convicted, job=1, round=number, before=before, claim=claim, **found)
    world.emit(r.ModelConvicted, job=1, round=number, before=before)
    return world


def three() -> World:
    world = World().open_job()
    for _ in range(3):
        world.honest_round()
    return world


def root(world: World, number: int) -> bytes:
    final = world.state.rounds[number].final
    assert final is not None
    return final.root


def proposed(world: World, number: int, initial: bytes, approvals: int = 0) -> World:
    """Another job, that begins from this root."""
    model = msgspec.structs.replace(world.job.model_terms, initial=initial)
    said = {"digest": bytes([number]) * 32, "proposer": key(0), "terms": world.job.terms, "model": model}
    world.emit(r.JobProposed, job=number, **said)
    for member in range(approvals):
        world.emit(r.JobApproved, job=number, member=key(member), approvals=member + 1)
    if approvals:
        world.emit(r.JobOpened, job=number, epoch=1)
    return world


def found(world: World, number: int) -> FalseStart | None:
    return start_of(world.history.jobs.values(), world.history.jobs[number])


def test_a_job_that_begins_from_a_convicted_model_or_one_above_it_is_told() -> None:
    world = convict(three(), 2, 1)
    jobs = world.history.jobs.values()
    assert false_start(jobs, root(world, 1)) is None
    assert false_start(jobs, world.state.model.initial) is None
    assert false_start(jobs, root(world, 2)) == FalseStart(1, 2, CONVICTED)
    above = false_start(jobs, root(world, 3))
    assert above == FalseStart(1, 3, "above")
    proposed(world, 2, root(world, 2))
    told = begun(world.history.jobs.values(), world.history.jobs[2])
    assert told == {"begins falsely": "it begins from the model of round 2 of job 1, which the court convicted"}
    assert begun(world.history.jobs.values(), world.state) == {}


def test_a_conviction_that_comes_later_counts() -> None:
    world = proposed(three(), 2, root(three(), 2), approvals=3)
    assert found(world, 2) is None
    assert found(convict(world, 2, 1), 2) == FalseStart(1, 2, CONVICTED)


def test_what_a_rewind_left_out_stays_false() -> None:
    world = convict(three(), 2, 1)
    Chamber(world, 2**32).decide(RewindJob(1, 2))
    world.emit(r.JobRewound, job=1, round=2, latest=1)
    jobs = world.history.jobs.values()
    assert false_start(jobs, root(world, 2)) == FalseStart(1, 2, CONVICTED)
    left = false_start(jobs, root(world, 3))
    assert left is not None
    assert left.why == "left_out"
    assert "a rewind left out" in left.text


def test_a_job_of_a_job_that_began_falsely_is_told_too() -> None:
    world = convict(proposed(three(), 2, root(three(), 3), approvals=3), 2, 1)
    proposed(world, 3, root(world, 3))
    assert found(world, 3) == FalseStart(1, 3, "above")


@pytest.mark.parametrize("until", [None, 0])
def test_an_honest_beginning_that_a_liar_publishes_as_its_own_is_none(until: int | None) -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    initial = world.state.model.initial
    world.publish(0, root=initial)
    for member in (1, 2):
        world.attest(member, world.aggregate.claim)
    convict(world, 1, 0)
    assert false_start(world.history.jobs.values(), initial, until) is None
    assert false_start(world.history.jobs.values(), initial, world.history.jobs[1].block) is None


def test_an_attempt_that_failed_by_its_conviction_counts() -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    world.publish(0, root=b"\x07" * 32)
    said = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(3)}
    world.emit(r.Convicted, job=1, round=1, before=0, claim=world.aggregate.claim, **said)
    world.emit(r.AttemptFailed, job=1, round=1, attempt=1, deadline=9_999)
    assert false_start(world.history.jobs.values(), b"\x07" * 32) == FalseStart(1, 1, CONVICTED)


def test_many_jobs_from_one_model_are_soon_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each asks about those before it: of 16 trials from one model that would be 65,536 questions."""
    world, asked = three(), Counter[str]()
    for number in range(2, 18):
        proposed(world, number, root(world, 2), approvals=3)
    convict(world, 2, 1)
    conviction_of = JobState.conviction_of

    def counted(state: JobState, number: int, attempt: int) -> Convicted | None:
        asked["convictions"] += 1
        return conviction_of(state, number, attempt)

    monkeypatch.setattr(JobState, "conviction_of", counted)
    assert found(world, 17) == FalseStart(1, 2, CONVICTED)
    assert asked["convictions"] < 64
