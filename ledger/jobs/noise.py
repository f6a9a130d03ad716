"""The job's section `dp`: noise that hides, what a round of it costs, and what may be spent in all; at level `example`,
which hides single rows. `ledger.jobs.members` has the other level.

`cost` follows from the other fields and is checked, so members approve a number that each of them can compute
(docs/spec/privacy.md).
"""

import re
from decimal import Decimal

from ledger.budget.costs import LEAST_ORDER, MOST_ORDERS, cost
from ledger.budget.epsilon import epsilon
from ledger.errors import Malformed
from ledger.events.budgets import Spending
from ledger.formats.digest import sha256
from ledger.formats.grammar import check_name
from ledger.formats.strict import Strict
from ledger.formats.text import plural
from ledger.jobs.bounds import within

MAX_STEPS = 1 << 16
MAX_BUDGET = (1 << 62) - 1
SCOPE = b"fedledger scope/1\x00"
BOUNDS = {
    "clip": ("0.000001", "1000000"),
    "noise": ("0.1", "1000000"),
    "sampling": ("0.000001", "1"),
    "delta": ("0.000000000001", "0.1"),
}
"""The least and the most of each decimal number."""
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,6})(\.[0-9]{0,11}[1-9])?", re.ASCII)


class Budgeted(Strict, frozen=True):
    """What noise of either level costs. `cost` is that of a round, up to order `orders`; of `scope`, no member spends
    more than `budget`, in units of 2^-32. With `delta`, costs are shown as ε.
    """

    delta: str
    orders: int
    cost: int
    budget: int
    scope: str

    @property
    def level(self) -> str:
        """What is hidden, as the document names it."""
        return str(self.__struct_config__.tag)

    def decimal(self, field: str) -> Decimal:
        """One of the decimal numbers."""
        return Decimal(getattr(self, field))

    @property
    def scope_key(self) -> bytes:
        """The scope as contracts know it: 32 bytes."""
        return scope_key(self.scope)

    @property
    def spending(self) -> Spending:
        """What the ledger is to say of the job's rounds: the same as the document."""
        return Spending(self.scope_key, self.cost, self.budget)

    def epsilon(self, spent: int) -> Decimal:
        """What a spent cost is as ε, at `delta`, rounded up."""
        return epsilon(spent, self.orders, self.decimal("delta"))

    @property
    def rounds(self) -> int:
        """Rounds that the budget lasts for, where nothing else is spent in the scope."""
        return self.budget // self.cost

    @property
    def lasts(self) -> str:
        """How well it hides, and for how long, for people."""
        return (
            f"ε at most {self.epsilon(self.budget)} at δ = {self.delta} in scope {self.scope}, which lasts for "
            f"{plural(self.rounds, 'round')}"
        )


class ExampleNoise(Budgeted, frozen=True, tag="example", tag_field="level"):
    """Single rows are hidden: each step adds noise to a sum of clipped gradients (M. Abadi et al. 2016).

    `clip` bounds a row's gradient, `noise` is the standard deviation in units of it, `sampling` the probability with
    which each row is in a step, `steps` how many a round has.
    """

    clip: str
    noise: str
    sampling: str
    steps: int

    @property
    def words(self) -> str:
        """The same for people: what is hidden, how well, and for how long."""
        return f"single rows, by noise {self.noise} on {plural(self.steps, 'step')} a round: {self.lasts}"


def scope_key(name: str) -> bytes:
    """A scope's name as contracts know it: 32 bytes."""
    return sha256(SCOPE + name.encode())


def cost_of(noise: str, sampling: str, steps: int, orders: int) -> int:
    """What a round costs, by what the job says of it."""
    return cost(Decimal(noise), Decimal(sampling), steps, orders)


def check_noise(said: ExampleNoise) -> None:
    """Refuse what cannot be: numbers out of range or not in their one form, a cost that is another. Raises Malformed.

    1. Each decimal number is written in its one way and within its bounds.
    2. Steps, orders and the scope's name are within theirs.
    3. The cost is that of the noise.
    4. The budget is enough for one round.
    """
    for field in ("clip", "noise", "sampling"):
        _check_decimal(field, getattr(said, field))
    within("dp.steps", said.steps, 1, MAX_STEPS)
    check_shown(said)
    check_cost(said, cost_of(said.noise, said.sampling, said.steps, said.orders))


def check_counting(said: ExampleNoise, sums: int) -> None:
    """Refuse noise that is not that of an analysis whose rows are each in so many sums (docs/spec/statistics.md).
    Raises Malformed.
    """
    for field, expected in (("clip", "1"), ("sampling", "1"), ("steps", sums)):
        if getattr(said, field) != expected:
            raise Malformed(
                f"dp.{field} is not that of an analysis",
                advice="leave it out of the draft: fedledger job create says it",
                expected=expected,
                actual=str(getattr(said, field))[:80],
            )


def check_shown(said: Budgeted) -> None:
    """Refuse a δ, orders or a scope out of their bounds. Raises Malformed."""
    _check_decimal("delta", said.delta)
    within("dp.orders", said.orders, LEAST_ORDER, MOST_ORDERS)
    check_name(said.scope, "dp.scope")


def check_cost(said: Budgeted, due: int) -> None:
    """Refuse another cost than is due, and a budget that is not enough for one round. Raises Malformed."""
    if said.cost != due:
        raise Malformed("dp.cost is not what the noise costs", expected=due, actual=said.cost)
    within("dp.budget", said.budget, due, MAX_BUDGET)


def _check_decimal(field: str, text: str) -> None:
    low, high = BOUNDS[field]
    if not _DECIMAL.fullmatch(text) or not Decimal(low) <= Decimal(text) <= Decimal(high):
        raise Malformed(
            f"dp.{field} is not valid",
            expected=f"a decimal number from {low} to {high}, no zeros that say nothing, at most 12 decimals",
            actual=text[:80],
        )
