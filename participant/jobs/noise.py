"""From a draft's `dp` to the job's: the noise that its rounds need, and the budget that (ε, δ) stands for."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil, log
from typing import NamedTuple

from ledger.budget.costs import LEAST_ORDER, MOST_ORDERS, costs
from ledger.budget.epsilon import budget
from ledger.errors import Malformed
from ledger.jobs.noise import BOUNDS, MAX_BUDGET, MAX_STEPS, ExampleNoise, check_noise
from participant.jobs.draft import SHOWN, DraftNoise, bounded

MOST_EPSILON = 1000
FINENESS = 1000
"""Parts of 1 that a proposed noise is a whole number of."""


class Allowance(NamedTuple):
    """What a round costs and all may cost, up to an order."""

    order: int
    cost: int
    budget: int

    @property
    def rounds(self) -> int:
        """Rounds that the budget lasts for."""
        return self.budget // self.cost


def noise_of(draft: DraftNoise, rounds: int) -> ExampleNoise:
    """What the job says. Raises Malformed for numbers out of range, and where not even one round is within (ε, δ)."""
    _check(draft)
    noise = least_noise(draft, rounds) if draft.noise is None else draft.noise
    found = best(draft, noise)
    if found is None or not found.rounds:
        raise Malformed(
            "not even one round is within epsilon and delta",
            advice="take more noise, fewer steps or less sampling, or leave `noise` out",
            noise=str(noise),
            epsilon=str(draft.epsilon),
            delta=str(draft.delta),
        )
    said = ExampleNoise(
        clip=text_of(draft.clip),
        noise=text_of(noise),
        sampling=text_of(draft.sampling),
        steps=draft.steps,
        delta=text_of(draft.delta),
        orders=found.order,
        cost=found.cost,
        budget=found.budget,
        scope=draft.scope,
    )
    check_noise(said)
    return said


def least_noise(draft: DraftNoise, rounds: int) -> Decimal:
    """The least noise, in steps of 0.001, with which so many rounds are within the draft's (ε, δ). Raises Malformed."""

    def lasts(thousandths: int) -> bool:
        found = best(draft, _thousandths(thousandths))
        return found is not None and found.rounds >= rounds

    low, most = (ceil(Decimal(bound) * FINENESS) for bound in BOUNDS["noise"])
    high = min(FINENESS, most)
    while not lasts(high):
        if high == most:
            raise Malformed(
                "no noise is enough for so many rounds",
                advice="raise epsilon, or take fewer rounds or steps",
                rounds=rounds,
                epsilon=str(draft.epsilon),
                delta=str(draft.delta),
            )
        low, high = high, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if lasts(middle) else (middle + 1, high)
    return _thousandths(high)


def best(draft: DraftNoise, noise: Decimal) -> Allowance | None:
    """The order up to which most rounds are within the draft's (ε, δ), the draft's own where it names one; None where
    no order allows anything.
    """
    most = draft.orders or _most_orders(draft)
    return max(_spendings(draft, noise, most), key=lambda one: Fraction(one.budget, one.cost), default=None)


def _spendings(draft: DraftNoise, noise: Decimal, most: int) -> Iterator[Allowance]:
    each = costs(noise, draft.sampling, draft.steps, most)
    for order in [most] if draft.orders else range(LEAST_ORDER, most + 1):
        allowed = min(budget(draft.epsilon, draft.delta, order), MAX_BUDGET)
        if allowed > 0:
            yield Allowance(order, each[order - LEAST_ORDER], allowed)


def _most_orders(draft: DraftNoise) -> int:
    """Beyond it no order is the best: that of Gaussian noise alone is near 1 + 2·ln(1/δ)/ε."""
    return min(MOST_ORDERS, 8 + ceil(8 * log(1 / float(draft.delta)) / float(draft.epsilon)))


def _check(draft: DraftNoise) -> None:
    numbers = {"clip": draft.clip, "sampling": draft.sampling, "delta": draft.delta}
    if draft.noise is not None:
        numbers["noise"] = draft.noise
    ranges = {**BOUNDS, "epsilon": ("0.0001", str(MOST_EPSILON))}
    for field, value in {**numbers, "epsilon": draft.epsilon}.items():
        low, high = ranges[field]
        if not Decimal(low) <= bounded(f"dp.{field}", value) <= Decimal(high):
            raise Malformed(f"dp.{field} is out of range", minimum=low, maximum=high, actual=str(value)[:SHOWN])
    counts = {"steps": (draft.steps, 1, MAX_STEPS), "orders": (draft.orders or LEAST_ORDER, LEAST_ORDER, MOST_ORDERS)}
    for field, (count, least, greatest) in counts.items():
        if not least <= count <= greatest:
            raise Malformed(f"dp.{field} is out of range", minimum=least, maximum=greatest, actual=count)


def _thousandths(number: int) -> Decimal:
    return Decimal(number) / FINENESS


def text_of(value: Decimal) -> str:
    """A decimal number in its one form."""
    return f"{value.normalize():f}"
