"""Times until an event, counted by time and by predicted risk (docs/spec/release.md, "Sums").

The job cuts time into bins. A row whose event was seen is counted in its event's bin; one that was lost from sight
before is counted by how many bins it is known to have outlived. In each, rows are counted by risk, in `RISKS` bins.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ledger.errors import Malformed
from ledger.formats.strict import Strict

RISKS = 100
MAX_TIMES = 64
UNIT = 1 << 20
"""Sums of losses are in 2^-20."""
NAMES = ("log_loss", "brier", "binned_concordance")
MOST_LOSS = 64
"""The logarithmic loss of one row in one bin counts as this at most."""


class SurvivalSums(Strict, frozen=True, tag_field="kind", tag="survival"):
    """`events[k][r]` rows had their event in time bin k and a risk in bin r; `censored[m][r]` rows are known to have
    outlived m bins, and no more. Over all bins that rows are known of: `log_loss`, the sum of −log of the probability
    of what happened, and `brier`, of the squared difference of hazard and event, each in 2^-20.
    """

    events: tuple[tuple[int, ...], ...]
    censored: tuple[tuple[int, ...], ...]
    log_loss: int
    brier: int

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return sum(map(sum, (*self.events, *self.censored)))

    @property
    def known(self) -> int:
        """Pairs of a row and a time bin of which it is known what happened."""
        ended = sum((place + 1) * sum(row) for place, row in enumerate(self.events))
        return ended + sum(place * sum(row) for place, row in enumerate(self.censored))


def check(sums: SurvivalSums, where: str) -> None:
    """Refuse counts that no rows have. Raises Malformed.

    1. There are 1 to `MAX_TIMES` time bins, one more line of censored rows, `RISKS` counts in each; none is negative.
    2. There is a row at least, and sums of losses are within what so many rows and bins can have.
    """
    times = len(sums.events)
    lines = (*sums.events, *sums.censored)
    if not 1 <= times <= MAX_TIMES or len(sums.censored) != times + 1 or any(len(line) != RISKS for line in lines):
        raise Malformed(
            "counts by time and risk have another shape", where=where, times=times, censored=len(sums.censored)
        )
    if any(count < 0 for line in lines for count in line) or not sums.rows:
        raise Malformed("a count is negative, or no row was counted", where=where)
    for name, total, most in (("log_loss", sums.log_loss, MOST_LOSS), ("brier", sums.brier, 1)):
        if not 0 <= total <= most * UNIT * sums.known:
            raise Malformed(f"no rows have such a sum of {name}", where=where, known=sums.known, actual=total)


def add(parts: Sequence[SurvivalSums]) -> SurvivalSums | None:
    """The counts of all rows together; None where the times were cut otherwise."""
    if len({len(part.events) for part in parts}) != 1:
        return None
    events, censored = (
        tuple(
            tuple(map(sum, zip(*same, strict=True)))
            for same in zip(*(getattr(part, field) for part in parts), strict=True)
        )
        for field in ("events", "censored")
    )
    losses = {field: sum(getattr(part, field) for part in parts) for field in ("log_loss", "brier")}
    return SurvivalSums(events=events, censored=censored, **losses)


def figures_of(sums: SurvivalSums) -> Mapping[str, Fraction]:
    """Logarithmic loss and Brier score over all bins that rows are known of, and the binned concordance; one that these
    rows do not have is left out.
    """
    found: dict[str, Fraction] = {}
    if sums.known:
        found = {name: Fraction(getattr(sums, name), UNIT * sums.known) for name in ("log_loss", "brier")}
    order = concordance(sums)
    return found if order is None else {**found, "binned_concordance": order}


def concordance(sums: SurvivalSums) -> Fraction | None:
    """The share of comparable pairs in which the row with the earlier event is in the higher risk bin; pairs in one
    risk bin count half. Comparable is a row with an event and one that is known to have outlived the event's bin (after
    Harrell et al. 1982): pairs within one time bin are none, which an exact time might tell apart.
    """
    twice = pairs = 0
    for place, cases in enumerate(sums.events):
        longer = [*sums.events[place + 1 :], *sums.censored[place + 1 :]]
        below = 0
        for risk, count in enumerate(cases):
            alike = sum(line[risk] for line in longer)
            twice += count * (2 * below + alike)
            below += alike
        pairs += sum(cases) * below
    return Fraction(twice, 2 * pairs) if pairs else None
