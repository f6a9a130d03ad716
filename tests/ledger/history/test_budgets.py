"""What is spent adds up, whatever comes in between: never more than the budget, and never forgotten."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from support.worlds.noise import noise_of
from support.worlds.world import World

from ledger.events import records as r
from ledger.events.budgets import Spending
from ledger.history.budgets import Scopes
from ledger.history.fold import HistoryError

NOISE = noise_of(2, 1)
COST = NOISE.cost
SEQUENCES, ACTS = 10_000, 24


def test_no_sequence_of_jobs_spends_and_reorganisations_overspends() -> None:
    """10,000 random sequences against the plainest account; a reorganisation goes back to an earlier state."""
    random, reached = Random(1), {"met exactly": 0, "refused": 0, "lowered": 0, "raised": 0}
    for _ in range(SEQUENCES):
        scopes, told, paid, kept = Scopes(), list[Spending](), list[tuple[bytes, int, int, int]](), []
        for _ in range(ACTS):
            act = random.random()
            if act < 0.15 or not told:
                cost = random.randint(1, 5)
                terms = Spending(bytes([1 + random.randrange(2)]) * 32, cost, cost * random.randint(1, 5))
                least = min((budget for scope, _, _, budget in paid if scope == terms.scope), default=terms.budget)
                assert scopes.may_configure(terms) == (terms.budget <= least)
                told += [terms] if terms.budget <= least else []
                reached["raised"] += terms.budget > least
            elif act < 0.2 and kept:
                scopes, told, paid = deepcopy(random.choice(kept))
            else:
                terms, index = random.choice(told), random.randrange(3)
                least = min([terms.budget, *(budget for scope, _, _, budget in paid if scope == terms.scope)])
                total = terms.cost + sum(cost for scope, who, cost, _ in paid if (scope, who) == (terms.scope, index))
                assert scopes.after(terms, index) == (total if total <= least else None)
                reached["refused"] += total > least
                reached["met exactly"] += total == least
                if total <= least:
                    reached["lowered"] += least < scopes.budgets.get(terms.scope, least)
                    scopes.spend(terms, index, total)
                    paid.append((terms.scope, index, terms.cost, terms.budget))
                    assert scopes.totals[terms.scope, index] <= scopes.budgets[terms.scope] == least
            if random.random() < 0.05:
                kept.append(deepcopy((scopes, told, paid)))
    assert all(count > 100 for count in reached.values()), reached


def world() -> World:
    return World(dp=NOISE).open_job().open_round()


def test_a_budget_is_met_exactly_and_no_further() -> None:
    made = world()
    made.spend(0, 1)
    made.submit(0)
    made.submit(1)
    assert made.history.scopes.totals == {(NOISE.scope_key, 0): COST, (NOISE.scope_key, 1): COST}
    assert made.state.spending is not None
    assert made.state.spending.has_paid(1, 0)
    assert not made.state.spending.has_spent(1, 2)
    terms = made.state.spending.terms
    assert made.history.scopes.after(terms, 0) == 2 * COST
    made.history.scopes.spend(terms, 0, 2 * COST)
    assert made.history.scopes.after(terms, 0) is None


LIES: dict[str, dict[str, Any]] = {
    "twice": {},
    "another total": {"member": 1, "total": COST + 1},
    "another round": {"member": 1, "round": 2},
    "another job": {"member": 1, "job": 2},
    "a stranger": {"key": "0x000000000000000000000000000000000000dEaD"},
}


@pytest.mark.parametrize("name", LIES)
def test_what_the_contract_cannot_have_logged_is_refused_and_leaves_no_trace(name: str) -> None:
    made, lie = world(), dict(LIES[name])
    made.spend(0)
    before = deepcopy((made.history.scopes, made.state.spending))
    who = lie.pop("key", None) or made.keys[lie.pop("member", 0)]
    fields = {"job": 1, "round": 1, "member": who, "total": COST} | lie
    with pytest.raises(HistoryError, match=r"cannot have spent|nothing is spent|never proposed|0x|allowed"):
        made.emit(r.Spent, **fields)
    assert (made.history.scopes, made.state.spending) == before


def test_nothing_is_spent_where_rounds_cost_nothing_or_nobody_collects() -> None:
    plain = World().open_job().open_round()
    with pytest.raises(HistoryError, match="nothing is spent"):
        plain.emit(r.Spent, **plain.where, member=plain.keys[0], total=COST)
    made = world()
    made.spend(0)
    made.submit(0)
    made.open_pending()
    with pytest.raises(HistoryError, match="nothing is spent"):
        made.emit(r.Spent, **made.where, member=made.keys[1], total=COST)


@pytest.mark.parametrize(
    "terms",
    [
        replace(NOISE.spending, scope=bytes(32)),
        replace(NOISE.spending, cost=0),
        replace(NOISE.spending, budget=COST - 1),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: Spending) -> None:
    with pytest.raises(HistoryError, match="cannot cost that"):
        World(dp=NOISE).open_job(costs=terms)


def test_an_open_job_keeps_its_terms() -> None:
    for made in (World().open_job(), World(dp=NOISE).open_job()):
        with pytest.raises(HistoryError, match="cannot cost that"):
            made.emit(r.SpendingConfigured, job=1, terms=NOISE.spending)
