"""From a draft's `dp` at level `client` to the job's: how fine the integers are, and how much noise rounds need."""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from ledger.budget.costs import LEAST_ORDER, MOST_ORDERS
from ledger.budget.epsilon import budget
from ledger.budget.members import LEAST_RATE, MOST_RATE, member_cost
from ledger.errors import Malformed
from ledger.jobs.members import MOST_GRAIN, ClientNoise
from ledger.jobs.noise import BOUNDS, MAX_BUDGET
from participant.jobs.draft import SHOWN, DraftMembers, bounded
from participant.jobs.noise import FINENESS, MOST_EPSILON, text_of

FINE_RATE, FINE_CLIP = 512, 16
"""Grains are no larger than leaves a member's noise 32 of them, and the clip 4 times the root of the number of values:
what rounding adds is then small beside both.
"""
MOST_NOISE = 1_000_000_000
"""Thousandths of a clip: beyond it no rate goes."""


class Shape(NamedTuple):
    """What noise depends on besides the draft's `dp`: the norm of an update in the ledger's integers, how many values
    it has, and how many members the least set.
    """

    norm: int
    values: int
    members: int


def member_noise_of(draft: DraftMembers, rounds: int, shape: Shape) -> ClientNoise:
    """What the job says. Raises Malformed for numbers out of range, and where not even one round is within (ε, δ)."""
    _check(draft)
    orders, allowed = _allowance(draft)
    noise = _least_noise(draft, rounds, shape, allowed) if draft.noise is None else draft.noise
    clip, grain, variance = chosen(noise, shape)
    cost = member_cost(clip, variance, shape.values)
    if cost > allowed:
        raise Malformed(
            "not even one round is within epsilon and delta",
            advice="take more noise, or leave `noise` out",
            noise=str(noise),
            epsilon=str(draft.epsilon),
            delta=str(draft.delta),
        )
    return ClientNoise(
        clip=clip,
        grain=grain,
        variance=variance,
        delta=text_of(draft.delta),
        orders=orders,
        cost=cost,
        budget=allowed,
        scope=draft.scope,
    )


def chosen(noise: Decimal, shape: Shape) -> tuple[int, int, int]:
    """Clip, grain and variance for noise of so many clips on the sum of the least set, never less.

    The largest grain that is fine enough, else the smallest there is. Raises Malformed where there is none.
    """
    found: tuple[int, int, int] | None = None
    for bits in range(MOST_GRAIN.bit_length() - 1, -1, -1):
        clip = shape.norm >> bits
        rate = _rate(noise, clip, shape)
        if clip and LEAST_RATE <= rate <= MOST_RATE:
            found = clip, 1 << bits, 2 * shape.members * rate
            if rate >= FINE_RATE and clip * clip >= FINE_CLIP * shape.values:
                break
    if found is None:
        raise Malformed(
            "no grain fits the noise",
            advice="give tensors more or fewer fraction_bits, or another admission.max_norm",
            noise=str(noise),
            norm=shape.norm,
        )
    return found


def _rate(noise: Decimal, clip: int, shape: Shape) -> int:
    return ceil(Fraction(noise) ** 2 * clip * clip / (2 * shape.members))


def _least_noise(draft: DraftMembers, rounds: int, shape: Shape, allowed: int) -> Decimal:
    """The least noise, in steps of 0.001 clips, with which so many rounds are within the draft's (ε, δ)."""
    coarsest = max(1, shape.norm // MOST_GRAIN)

    def lasts(thousandths: int) -> bool:
        """Whether so much noise is enough, could it be had."""
        noise = Decimal(thousandths) / FINENESS
        if _rate(noise, coarsest, shape) > MOST_RATE:
            return True
        if _rate(noise, shape.norm, shape) < LEAST_RATE:
            return False
        clip, _, variance = chosen(noise, shape)
        return member_cost(clip, variance, shape.values) * rounds <= allowed

    low, high = 1, MOST_NOISE
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if lasts(middle) else (middle + 1, high)
    return Decimal(high) / FINENESS


def _allowance(draft: DraftMembers) -> tuple[int, int]:
    """The order, the draft's own where it names one, by which most may be spent, and how much."""
    orders = [draft.orders] if draft.orders else range(LEAST_ORDER, MOST_ORDERS + 1)
    allowed, order = max((min(budget(draft.epsilon, draft.delta, one), MAX_BUDGET), one) for one in orders)
    if allowed <= 0:
        raise Malformed("no budget is within epsilon and delta", epsilon=str(draft.epsilon), delta=str(draft.delta))
    return order, allowed


def _check(draft: DraftMembers) -> None:
    numbers = {"delta": (draft.delta, BOUNDS["delta"]), "epsilon": (draft.epsilon, ("0.0001", str(MOST_EPSILON)))}
    if draft.noise is not None:
        numbers["noise"] = (draft.noise, ("0.001", "1000"))
    for field, (value, (low, high)) in numbers.items():
        if not Decimal(low) <= bounded(f"dp.{field}", value) <= Decimal(high):
            raise Malformed(f"dp.{field} is out of range", minimum=low, maximum=high, actual=str(value)[:SHOWN])
    if draft.orders is not None and not LEAST_ORDER <= draft.orders <= MOST_ORDERS:
        raise Malformed("dp.orders is out of range", minimum=LEAST_ORDER, maximum=MOST_ORDERS, actual=draft.orders)
