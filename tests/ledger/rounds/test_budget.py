"""Verdict BUDGET: an update counts whose member spent the round's cost before it committed."""

import pytest
from msgspec.structs import replace
from support.worlds.noise import noise_of
from support.worlds.world import World

from ledger.events.budgets import Spending
from ledger.history.agreement import contradiction
from ledger.jobs.noise import ExampleNoise
from ledger.rounds.admission import Decision, Verdict, settle

NOISE = noise_of(10)
COST = NOISE.cost


def verdicts(world: World) -> list[Verdict]:
    return [judged.decision.verdict for judged in world.outcome().judged]


def test_who_did_not_spend_is_refused_and_the_others_make_the_model() -> None:
    world = World(dp=NOISE).open_job().open_round()
    world.spend(0, 1, 2)
    for member in range(4):
        world.submit(member)
    assert verdicts(world) == [Verdict.ADMITTED] * 3 + [Verdict.BUDGET]
    plain = World().open_job().open_round()
    for member in range(4):
        plain.submit(member)
    assert verdicts(plain) == [Verdict.ADMITTED] * 4


def test_spending_after_the_commitment_is_too_late() -> None:
    world = World(dp=NOISE).open_job().open_round()
    world.spend(0, 1)
    for member in (0, 1, 2):
        world.submit(member)
    world.spend(2)
    assert world.state.spending is not None
    assert world.state.spending.has_spent(1, 2)
    assert verdicts(world) == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.BUDGET]


def test_where_nobody_said_what_rounds_cost_no_update_counts() -> None:
    world = World(dp=NOISE)
    world.approve(world.job.digest, world.job.terms, world.job.model_terms)
    world.open_round()
    for member in (0, 1, 2):
        world.submit(member)
    assert verdicts(world) == [Verdict.BUDGET] * 3


@pytest.mark.parametrize("verdict", Verdict)
def test_an_earlier_verdict_stays(verdict: Verdict) -> None:
    light = Decision(verdict)
    assert settle(light, paid=True) is light
    expected = Verdict.BUDGET if verdict is Verdict.ADMITTED else verdict
    assert settle(light, paid=False).verdict is expected


@pytest.mark.parametrize(
    ("noise", "told", "said"),
    [
        (NOISE, replace(NOISE.spending, budget=11 * COST), "disagree on the costs: budget"),
        (NOISE, replace(NOISE.spending, cost=COST - 1), "disagree on the costs: cost"),
        (NOISE, None, "told the contract of none"),
        (None, NOISE.spending, "the document asks for none"),
    ],
)
def test_members_approve_no_job_of_which_the_contract_was_told_otherwise(
    noise: ExampleNoise | None, told: Spending | None, said: str
) -> None:
    world = World(dp=noise)
    world.approve(world.job.digest, world.job.terms, world.job.model_terms, None, told)
    found = contradiction(world.job, world.state, None)
    assert found is not None
    assert said in str(found)
    assert not found.may_follow(world.state)
    honest = World(dp=NOISE).open_job()
    assert contradiction(honest.job, honest.state, None) is None
