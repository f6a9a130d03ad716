"""Budgets of scopes, what members spent of them, and data that are withdrawn: the fold of BudgetBoard's events.

`ledger.history.fold` hands it those events. The rules are the contract's, but for its clock.
"""

from dataclasses import dataclass, field
from typing import assert_never

from ledger.events import budgets as r
from ledger.events.members import Role
from ledger.formats.digest import NOTHING
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.members import NO_ROLE, Members
from ledger.history.state import JobSpending, Phase, WithdrawnData


@dataclass(slots=True)
class Scopes:
    """What was spent: `budgets` by scope, the least of the jobs' that something was spent in; `totals` by scope and
    member index.
    """

    budgets: dict[bytes, int] = field(default_factory=dict)
    totals: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def may_configure(self, terms: r.Spending) -> bool:
        """Whether a job may have these terms: a scope's budget is never raised."""
        proper = terms.scope != NOTHING and 0 < terms.cost <= terms.budget
        return proper and terms.budget <= self.budgets.get(terms.scope, terms.budget)

    def after(self, terms: r.Spending, index: int) -> int | None:
        """What a member has spent once it spends a round's cost; None where that is more than it may."""
        total = self.totals.get((terms.scope, index), 0) + terms.cost
        return total if total <= self._budget(terms) else None

    def spend(self, terms: r.Spending, index: int, total: int) -> None:
        """A member has spent so much, `after` a round."""
        self.budgets[terms.scope] = self._budget(terms)
        self.totals[terms.scope, index] = total

    def _budget(self, terms: r.Spending) -> int:
        return min(terms.budget, self.budgets.get(terms.scope, terms.budget))


@dataclass(slots=True)
class Budgets:
    """Keeps what is spent by scope, and in the jobs who has, and who withdrew."""

    members: Members
    jobs: Jobs
    scopes: Scopes = field(default_factory=Scopes)

    def apply(self, event: r.AnyBudgetEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        match event:
            case r.SpendingConfigured():
                self._configure(event)
            case r.Spent():
                self._spend(event)
            case r.DataWithdrawn():
                self._withdraw(event)
            case _:
                assert_never(event)

    def _configure(self, event: r.SpendingConfigured) -> None:
        job = self.jobs.require(event.job)
        if job.open or job.spending is not None or not self.scopes.may_configure(event.terms):
            raise Impossible(f"rounds of job {event.job} cannot cost that")
        job.spending = JobSpending(event.terms, event.tx, event.block)

    def _spend(self, event: r.Spent) -> None:
        job = self.jobs.require(event.job)
        spending, round_ = job.spending, job.current
        if spending is None or round_ is None or round_.number != event.round or round_.phase is not Phase.COLLECTING:
            raise Impossible(f"nothing is spent in round {event.round} of job {event.job} now")
        member = self.members.holder(event.member, NO_ROLE, round_.epoch)
        index = member.index
        total = self.scopes.after(spending.terms, index)
        may = member.has(Role.PARTICIPANT) and not spending.has_spent(event.round, index)
        if not may or total is None or event.total != total:
            raise Impossible(f"member {index} cannot have spent that in round {event.round} of job {event.job}")
        self.scopes.spend(spending.terms, index, total)
        spending.take(event.round, index, paid=index not in round_.commitments)

    def _withdraw(self, event: r.DataWithdrawn) -> None:
        job = self.jobs.require(event.job)
        index = self.members.holder(event.member, NO_ROLE, self.members.epoch).index
        if index in job.withdrawn or event.statement == NOTHING:
            raise Impossible(f"member {index} cannot have withdrawn its data from job {event.job} by that")
        said = WithdrawnData(event.member, event.statement, len(job.rounds), event.block, event.tx)
        job.withdrawn[index] = said
