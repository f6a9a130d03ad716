"""The events of the contract BudgetBoard: what rounds of a job cost, who spent it, and who withdrew its data.

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


class DataWithdrawn(BudgetEvent, frozen=True, tag=True):
    """A member brings no more of its data into the job's rounds to come; `statement` is the digest of the CID (32
    bytes) of what it signed to say so (docs/spec/withdrawal.md).
    """

    job: int
    member: str
    statement: bytes


AnyBudgetEvent = SpendingConfigured | Spent | DataWithdrawn
