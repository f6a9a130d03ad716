"""Scores as people see them: in the unit of their utility, and as bars on one scale. Pure geometry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from web.documents.common import PartyDocument
from web.documents.pages import ScoresPage

BALANCE = 200
OUTLIER = 6
GAP = 0.9
"""Of a bar that is cut, the part before its gap."""
WIDE = 12
"""Parties up to which rounds are shown beside each other, a column for each."""


def by_index(found: Iterable[Any]) -> dict[int, Any]:
    """Parties, or scores, by member index."""
    return {one.index: one for one in found}


def columns(page: ScoresPage) -> tuple[PartyDocument, ...]:
    """The parties that get a column, by index: those with the highest sums if there are too many."""
    shown = {one.index for row in page.rounds for one in row.scores}
    best = [one.party.index for one in page.sums if one.party.index in shown]
    chosen = set([*best, *sorted(shown - set(best))][:WIDE])
    return tuple(party for party in page.parties if party.index in chosen)


@dataclass(frozen=True, slots=True)
class Balance:
    """A score as a bar from the line of zero, to its left if it is negative; and where that line is.

    `cut` is where a bar has a gap that is too long to be drawn whole.
    """

    x: float
    width: float
    style: str
    zero: float
    cut: float | None


def balances(scores: Sequence[int]) -> list[Balance]:
    """Bars for scores that are compared with each other: all from one zero, on one scale of the width BALANCE.

    Those of OUTLIER times the middle one and more are cut, so that the others can still be told apart.
    """
    most = _longest([abs(score) for score in scores if score])
    drawn = [max(-most, min(most, score)) for score in scores]
    low, high = min([0, *drawn]), max([0, *drawn])
    scale = BALANCE / ((high - low) or 1)
    zero = -low * scale
    return [
        Balance(
            x=round(zero + min(0, length) * scale, 1),
            width=round(abs(length) * scale, 1),
            style="against" if score < 0 else "for",
            zero=round(zero, 1),
            cut=round(zero + length * scale * GAP, 1) if length != score else None,
        )
        for score, length in zip(scores, drawn, strict=True)
    ]


def _longest(lengths: Sequence[int]) -> int:
    """The longest bar that is drawn whole: the longest of all, or OUTLIER times the middle one."""
    if not lengths:
        return 1
    middle = OUTLIER * sorted(lengths)[(len(lengths) - 1) // 2]
    if max(lengths) <= middle:
        return max(lengths)
    return 4 * max(length for length in lengths if length <= middle) // 3


def in_unit(score: int, unit: str) -> tuple[str, str]:
    """A score in the unit of its utility, as a decimal number; and as it is shown, with its sign.

    Two places of percentage points, four of anything else; two more if it would otherwise be shown as zero.
    """
    if unit == "ppm":
        return str(score), f"{score:+,}".replace("-", "\u2212")
    parts, places = (10_000, 2) if unit == "points" else (1_000_000, 4)
    exact = f"{score / parts:.{places + 2}f}"
    hidden = score and abs(score) < parts / 10**places / 2
    shown = f"{score / parts:+,.{places + 2 * bool(hidden)}f}" if score else f"{0:.{places}f}"
    return exact, shown.replace("-", "\u2212")
