"""What members hold a proposed job to, beside its document."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.worlds.member_lies import member_noise
from support.worlds.noise import noise_of
from support.worlds.world import World

from ledger.errors import Unavailable, UsageError
from ledger.events import records
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.noise import cost_of
from ledger.party.proposed import require_orders

NOISE = noise_of(10)
NINE = {"orders": 9, "cost": cost_of("2.36", "0.28", 4, 9)}


def check(world: World, **changes: Any) -> None:
    require_orders(world.history.jobs.values(), replace(world.job, dp=replace(NOISE, **changes)), lambda _: world.job)


def test_a_jobs_orders_are_those_of_the_jobs_of_its_scope() -> None:
    """Costs of other orders add up to less than either says: nobody would approve what they see."""
    world = World(dp=NOISE).open_job()
    with pytest.raises(UsageError, match="another order than those of job 1") as caught:
        check(world, **NINE)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (8, 9)
    assert "orders = 8" in caught.value.advice
    check(world)
    check(world, scope="others", **NINE)
    require_orders(world.history.jobs.values(), World().job, lambda _: world.job)


def test_a_scope_is_of_rows_or_of_members() -> None:
    """Costs of the one are no costs of the other."""
    world = World(dp=NOISE).open_job()
    other = replace(world.job, dp=replace(member_noise(), scope=NOISE.scope))
    with pytest.raises(UsageError, match="hides something else than that of job 1") as caught:
        require_orders(world.history.jobs.values(), other, lambda _: world.job)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == ("example", "client")


def test_a_job_that_nobody_opened_binds_nobody() -> None:
    world = World(dp=NOISE)
    proposed = {"digest": world.job.digest, "proposer": world.keys[0], "terms": world.job.terms}
    world.emit(records.JobProposed, job=1, model=world.job.model_terms, **proposed)
    world.emit(records.SpendingConfigured, job=1, terms=NOISE.spending)
    check(world, **NINE)


def test_a_member_approves_no_two_jobs_of_a_scope_with_other_orders() -> None:
    """Else both open, and neither holds what its members saw."""
    world = World(dp=NOISE)
    proposed = {"digest": world.job.digest, "proposer": world.keys[0], "terms": world.job.terms}
    world.emit(records.JobProposed, job=1, model=world.job.model_terms, **proposed)
    world.emit(records.SpendingConfigured, job=1, terms=NOISE.spending)
    world.emit(records.JobApproved, job=1, member=world.keys[1], approvals=1)
    nine = replace(world.job, dp=replace(NOISE, **NINE))
    jobs = world.history.jobs.values()
    with pytest.raises(UsageError, match="another order than those of job 1"):
        require_orders(jobs, nine, lambda _: world.job, 1)
    require_orders(jobs, nine, lambda _: world.job, 2)
    require_orders(jobs, world.job, lambda _: world.job, 1)


def test_a_document_that_cannot_be_had_is_not_taken_for_agreement() -> None:
    world = World(dp=NOISE).open_job()

    def gone(_: JobState) -> Job:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        require_orders(world.history.jobs.values(), world.job, gone)
