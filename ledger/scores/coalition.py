"""A coalition's model: what the round would have made of some of its updates only (docs/spec/scores.md, "Coalitions").

The base model plus the mean of the members' updates, by the very arithmetic that makes the global model, so nothing is
trained again. Sums of integers are exact, so a coalition's sum is the last one's with a few updates added or taken
away.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

import numpy as np

from ledger.formats.cid import Cid
from ledger.jobs.rules import ByShares, CentredClipping, Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.rounds.inputs import Inputs
from ledger.rounds.rules import combine, shares_of
from ledger.rounds.rules.arithmetic import Ints, Saturated, Sums, add, divide
from ledger.rounds.rules.products import Matrix, Products
from ledger.rounds.rules.weighted_mean import weighted_mean, weighted_sum

Values = Callable[[int, int], Ints]
"""Values `start` to `stop` of a model or an update."""

MAX_HELD = 1 << 30
"""Bytes of updates that are kept in memory; more are read again for each coalition."""
BAND = 1 << 18
"""Values made at a time."""
_INT32 = np.iinfo(np.int32)


def held(values: Ints) -> Values:
    """A model or an update in memory."""
    return lambda start, stop: values[start:stop]


def reader(inputs: Inputs, cid: Cid, keep: bool) -> Values:
    """A model's values: read once and kept, or read whenever they are asked for."""
    return _read(partial(inputs.values, cid), inputs.layout.values, keep)


def update_readers(inputs: Inputs, keep: bool) -> list[Values]:
    """The values of each update as it is on the ledger."""
    return [_read(partial(inputs.update_values, cid), inputs.layout.values, keep) for cid in inputs.updates]


def _read(values: Values, size: int, keep: bool) -> Values:
    return held(values(0, size)) if keep else values


class Coalitions:
    """The models of all coalitions of a round's admitted updates. Not for several threads at once.

    `centre` is the last mean update, for a rule that starts from it; none of a first round.
    """

    def __init__(
        self,
        rule: Rule,
        weights: Sequence[int],
        size: int,
        base: Values,
        updates: Sequence[Values],
        centre: Values | None = None,
    ) -> None:
        self.rule, self.weights, self.size, self.base, self.updates = rule, tuple(weights), size, base, tuple(updates)
        self._summands = (*updates, centre or _nothing) if isinstance(rule, CentredClipping) else self.updates
        self._products: Matrix | None = None
        self._members: frozenset[int] = frozenset()
        self._sum: Sums | None = None
        self._whole: Sums | None = None

    @classmethod
    def of(cls, inputs: Inputs, max_held: int = MAX_HELD) -> "Coalitions":
        """Those of a round's inputs, in memory where they fit. Raises as `Inputs.values`."""
        keep = 4 * inputs.layout.values * (len(inputs.updates) + 1) <= max_held
        base, updates = reader(inputs, inputs.base, keep), update_readers(inputs, keep)
        return cls(inputs.rule, inputs.weights, inputs.layout.values, base, updates)

    def model(self, members: Collection[int]) -> Ints:
        """The integers of a coalition's model; nobody's is the base model.

        No model of this kind is ever published, so a value beyond int32 is clamped, where a round would have none.
        """
        chosen = sorted(members)
        if isinstance(self.rule, WeightedMean):
            self._move(frozenset(chosen))
        shares = self._shares(chosen) if chosen else []
        model = np.empty(self.size, "<i4")
        for start, stop in self._bands():
            base = self.base(start, stop)
            model[start:stop] = next_model(base, self._change(chosen, shares, start, stop), start) if chosen else base
        return model

    def _shares(self, chosen: list[int]) -> list[tuple[Values, int]]:
        """What is summed by its share under a rule by shares, made from these updates alone; else nothing."""
        rule = rule_for(self.rule, len(chosen))
        if not isinstance(rule, ByShares):
            return []
        places = [*chosen, *range(len(self.updates), len(self._summands))]
        known = self._known()
        shares = shares_of(rule, [[known[one][other] for other in places] for one in places])
        return [(self._summands[place], share) for place, share in zip(places, shares, strict=True) if share]

    def _known(self) -> Matrix:
        """The products of all that may be summed, made once."""
        if self._products is None:
            products = Products(len(self._summands))
            for start, stop in self._bands():
                products.add([values(start, stop) for values in self._summands])
            self._products = products.matrix()
        return self._products

    def _change(self, chosen: list[int], shares: list[tuple[Values, int]], start: int, stop: int) -> Sums:
        if shares:
            return weighted_mean([share for _, share in shares], lambda k: shares[k][0](start, stop)).divided()
        weights = [self.weights[member] for member in chosen]
        if self._sum is not None:
            return divide(self._sum[start:stop], sum(weights))
        return combine(rule_for(self.rule, len(chosen)), weights, lambda k: self.updates[chosen[k]](start, stop))

    def _move(self, members: frozenset[int]) -> None:
        """Make the weighted sum that of `members`: from the last one, from everyone's or from nobody's, whichever is
        nearest."""
        everyone = frozenset(range(len(self.updates)))
        if self._whole is None and 2 * len(members) > len(everyone):
            self._add(everyone)
            self._whole = None if self._sum is None else self._sum.copy()
        if self._sum is None or len(members ^ self._members) > len(members):
            self._members, self._sum = frozenset(), np.zeros(self.size, np.int64)
        if self._whole is not None and len(members ^ self._members) > len(everyone - members):
            self._members, self._sum = everyone, self._whole.copy()
        self._add(members)

    def _add(self, members: frozenset[int]) -> None:
        """Add to the weighted sum whom it lacks of `members`, and take away whom it has beside them."""
        if self._sum is None:
            self._sum = np.zeros(self.size, np.int64)
        changes = [(k, self.weights[k]) for k in sorted(members - self._members)]
        changes += [(k, -self.weights[k]) for k in sorted(self._members - members)]
        for member, weight in changes:
            for start, stop in self._bands():
                self._sum[start:stop] += weighted_sum([weight], lambda _: self.updates[member](start, stop))  # noqa: B023
        self._members = members

    def _bands(self) -> Iterator[tuple[int, int]]:
        return ((start, min(start + BAND, self.size)) for start in range(0, self.size, BAND))


def rule_for(rule: Rule, updates: int) -> Rule:
    """The job's rule for a coalition: one too small to trim as much trims all it can, which makes its median; one too
    small to outnumber f leaves out as many as it can outnumber.
    """
    if isinstance(rule, TrimmedMean) and 2 * rule.trim >= updates:
        return Median()
    if isinstance(rule, MultiKrum) and updates < 2 * rule.f + 3:
        return MultiKrum(f=max(0, (updates - 3) // 2))
    return rule


def _nothing(start: int, stop: int) -> Ints:
    return np.zeros(stop - start, "<i4")


def next_model(base: Ints, change: Sums, start: int) -> Ints:
    """A coalition's next model, of which the first value is value number `start`; clamped to int32."""
    try:
        return add(base, change, start)
    except Saturated:
        clamped: Ints = np.clip(base + change, _INT32.min, _INT32.max).astype("<i4")
        return clamped
