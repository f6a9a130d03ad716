"""Scores as people see them: in the unit of their utility, as bars on one scale, as a line of sums. Pure geometry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.releases.report import RoundFigures
from web.documents.common import PartyDocument
from web.documents.pages import ScoresPage
from web.documents.scores import ScoredRound
from web.drawing.charts import Line, line

BALANCE = 200
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
    """A score as a bar from the line of zero, to its left if it is negative; and where that line is."""

    x: float
    width: float
    style: str
    zero: float


def balances(scores: Sequence[int]) -> list[Balance]:
    """Bars for scores that are compared with each other: all from one zero, on one scale of the width BALANCE."""
    low, high = min([0, *scores]), max([0, *scores])
    scale = BALANCE / ((high - low) or 1)
    zero = -low * scale
    return [
        Balance(
            x=round(zero + min(0, score) * scale, 1),
            width=round(abs(score) * scale, 1),
            style="against" if score < 0 else "for",
            zero=round(zero, 1),
        )
        for score in scores
    ]


def running(latest: Sequence[ScoredRound], unit: str) -> Line | None:
    """The line of a member's sum; None for a single score, which makes no line."""
    figures = [RoundFigures(round=one.round, metrics={"sum": in_unit(one.sum, unit)[0]}) for one in latest]
    return line(figures, "sum") if len(figures) > 1 else None


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
