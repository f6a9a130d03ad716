"""The job's section `dp` at level `client`: noise under masks that hides whether a whole member took part.

All of it is in integers of the ledger, and `cost` follows from the rest (docs/spec/privacy.md, "Hiding members").
"""

from decimal import Decimal
from math import isqrt
from typing import NamedTuple

from ledger.budget.members import LEAST_RATE, MOST_RATE, ceil_sqrt, member_cost
from ledger.errors import Malformed
from ledger.jobs.bounds import within
from ledger.jobs.noise import Budgeted, check_cost, check_shown
from ledger.jobs.privacy import LEAST_SET, Masked, Privacy

MOST_CLIP = (1 << 40) - 1
MOST_GRAIN = 1 << 20


class ClientNoise(Budgeted, frozen=True, tag="client", tag_field="level"):
    """Whole members are hidden: each adds noise to its update before it masks it, so that the sum of a set has enough.

    Values of updates are whole multiples of `grain`; counted in grains, `clip` bounds an update's norm, and `variance`
    is that of the noise that the least set adds to each value of its sum. `cost` is that of a round.
    """

    clip: int
    grain: int
    variance: int

    def rate(self, members: int) -> int:
        """Of the noise of each member, where so many are the least set: half its variance, in grains."""
        return self.variance // (2 * members)

    @property
    def noise(self) -> str:
        """The standard deviation of the least set's noise, in clips, to three decimals, rounded down."""
        return f"{Decimal(isqrt(1_000_000 * self.variance // self.clip**2)) / 1000}"

    @property
    def words(self) -> str:
        """The same for people: what is hidden, how well, and for how long."""
        return (
            f"whole members, by noise of {self.noise} clips that the least set adds under its masks: {self.lasts}; who "
            "opens its update of a void round shows it without noise"
        )


class NoiseDemands(NamedTuple):
    """What else the job says that noise under masks depends on."""

    values: int
    max_weight: int
    max_value: int
    max_norm: int
    privacy: Privacy


def least_set(masked: Masked) -> int:
    """How many members add up to every sum of a job at least, by its document alone: its set, or a group of it."""
    least = max(LEAST_SET, masked.smallest)
    return least if masked.groups else max(least, masked.threshold)


def check_members(said: ClientNoise, asked: NoiseDemands) -> None:
    """Refuse noise that hides no member, and a cost that is another. Raises Malformed, naming the field.

    1. Updates are masked, with equal weights: open ones would each need all of the noise.
    2. δ, orders and scope are within their bounds; so are clip and grain, which is a power of two.
    3. The variance divides among the least set, into rates that the noise can have.
    4. An update within the job's norm is one within the clip, and the other way round.
    5. The cost is that of clip, variance and the number of values; the budget is enough for one round.
    """
    masked = asked.privacy
    if not isinstance(masked, Masked):
        raise Malformed(
            "dp.level = client does not go with updates that are read one by one",
            advice='say privacy.mode = "masked", or dp.level = "example"',
            expected="masked",
            actual=str(masked.__struct_config__.tag),
        )
    if masked.weights != "equal" or asked.max_weight != 1:
        raise Malformed(
            "dp.level = client needs weights of 1: what a weight multiplies, the clip does not bound",
            advice='say privacy.weights = "equal" and admission.max_weight = 1',
            weights=masked.weights,
            max_weight=asked.max_weight,
        )
    check_shown(said)
    within("dp.clip", said.clip, 1, MOST_CLIP)
    within("dp.grain", said.grain, 1, min(MOST_GRAIN, asked.max_value))
    if said.grain & (said.grain - 1):
        raise Malformed("dp.grain is not a power of two", actual=said.grain)
    _check_variance(said, least_set(masked))
    if asked.max_norm != said.clip * said.grain:
        raise Malformed(
            "admission.max_norm is not dp.clip grains",
            advice=f"give max_norm = {said.clip * said.grain}",
            expected=said.clip * said.grain,
            actual=asked.max_norm,
        )
    check_cost(said, member_cost(said.clip, said.variance, asked.values))


def _check_variance(said: ClientNoise, members: int) -> None:
    within("dp.variance", said.variance, 2 * members * LEAST_RATE, 2 * members * MOST_RATE)
    if said.variance % (2 * members):
        raise Malformed(
            f"dp.variance does not divide among the least set, {members} members",
            advice=f"give a multiple of {2 * members}",
            actual=said.variance,
        )


class Room(NamedTuple):
    """By how much noise may lead a sum beyond the bounds of what it is of: each value, and the Euclidean norm."""

    value: int = 0
    norm: int = 0


NO_ROOM = Room()


def least_squares(said: ClientNoise, least: int, members: int, values: int) -> int:
    """Below which the sum of squares of a sum shows too little noise of so many members, in units of the ledger: honest
    noise leads below in less than one of 2^64 rounds (docs/spec/privacy.md, "Too little noise").
    """
    variance = members * 2 * said.rate(least) * said.grain**2
    return max(0, variance * values - ceil_sqrt((17 * variance) ** 2 * values))


def room_of(said: ClientNoise, least: int, members: int, values: int) -> Room:
    """The room that the noise of so many members needs, in units of the ledger: it leads beyond in less than one of
    2^64 rounds (docs/spec/privacy.md, "Bounds of a noisy sum").
    """
    variance = members * 2 * said.rate(least)
    norm = ceil_sqrt(variance * (2 * values + 8192))
    return Room(said.grain * ceil_sqrt(256 * variance), said.grain * norm)
