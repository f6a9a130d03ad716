"""Documents of noise: what a job hides, and what members spent of the budgets of its scope."""

from collections.abc import Iterable

from ledger.history.state import JobState, Round
from ledger.jobs.members import ClientNoise, least_set
from ledger.jobs.noise import Budgeted, ExampleNoise
from web.documents.noise import JobNoise, Level, MemberSpent, RoundNoise, RoundSpent
from web.reading.ledger import Reading


def job_noise(now: Reading, state: JobState) -> JobNoise | None:
    """A job's noise; None where it has none, or where its document has not been read."""
    document = now.document(state)
    said = document.dp if document else None
    if document is None or said is None:
        return None
    rows, whole = document.row_noise, document.member_noise
    budget = now.snapshot.scopes.budgets.get(said.scope_key, said.budget)
    budget = min(budget, said.budget)
    return JobNoise(
        level=_level(said),
        clip=str(said.clip),
        noise=said.noise,
        sampling=rows.sampling if rows else None,
        steps=rows.steps if rows else None,
        grain=whole.grain if whole else None,
        variance=whole.variance if whole else None,
        least=least_set(document.masked) if whole and document.masked else None,
        delta=said.delta,
        orders=said.orders,
        scope=said.scope,
        cost=said.cost,
        budget=budget,
        rounds=budget // said.cost,
        epsilon_of_round=str(said.epsilon(said.cost)),
        epsilon_of_budget=str(said.epsilon(budget)),
        members=tuple(_spent(now, said, budget)),
    )


def round_noise(now: Reading, state: JobState, round_: Round) -> RoundNoise | None:
    """What a round costs and who spent it; None as `job_noise`."""
    document = now.document(state)
    said = document.dp if document else None
    if said is None:
        return None
    return RoundNoise(
        level=_level(said),
        delta=said.delta,
        scope=said.scope,
        cost=said.cost,
        epsilon=str(said.epsilon(said.cost)),
        members=tuple(_in_round(now, said, state, round_.number)),
    )


def _level(said: ExampleNoise | ClientNoise) -> Level:
    return "example" if isinstance(said, ExampleNoise) else "client"


def _spent(now: Reading, said: Budgeted, budget: int) -> Iterable[MemberSpent]:
    """Each member that spent something in the scope, by index."""
    totals = now.snapshot.scopes.totals
    for (scope, index), total in sorted(totals.items(), key=lambda one: one[0][1]):
        if scope == said.scope_key:
            yield MemberSpent(
                party=now.member_party(index),
                spent=total,
                epsilon=str(said.epsilon(total)),
                rounds_left=max(0, budget - total) // said.cost,
            )


def _in_round(now: Reading, said: Budgeted, state: JobState, number: int) -> Iterable[RoundSpent]:
    spending = state.spending
    for index in sorted(spending.spent.get(number, ()) if spending else ()):
        rounds = sum(spending.has_spent(one, index) for one in range(1, number + 1)) if spending else 0
        yield RoundSpent(
            party=now.member_party(index),
            in_time=spending is not None and spending.has_paid(number, index),
            rounds=rounds,
            epsilon=str(said.epsilon(rounds * said.cost)),
        )
