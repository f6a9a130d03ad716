"""The events of the contract BudgetBoard: what rounds of a job cost, and who spent it.

Costs and budgets are in units of 2^-32 (docs/spec/privacy.md). Members are named by their keys, EIP-55 addresses.
"""

import msgspec

from ledger.events.event import Event


class Spending(msgspec.Struct, frozen=True, gc=False):
    """What rounds of a job cost, as the contract keeps it: interfaces/IBudgetBoard.sol says what each means."""

    scope: bytes
    cost: int
    budget: int


class BudgetEvent(Event, frozen=True):
    """An event of BudgetBoard; all of them are in `AnyBudgetEvent`."""


class SpendingConfigured(BudgetEvent, frozen=True, tag=True):
    """The job's proposer said what its rounds cost, in which scope (32 bytes)."""

    job: int
    terms: Spending


class Spent(BudgetEvent, frozen=True, tag=True):
    """A member spent a round's cost; `total` is all that it has spent in the job's scope."""

    job: int
    round: int
    member: str
    total: int


AnyBudgetEvent = SpendingConfigured | Spent
