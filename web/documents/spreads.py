"""The documents of what follows from reports: shares with their intervals, and how far parties are apart.

Numbers are decimals as text with six places; an interval is at 95 % (docs/spec/release.md, "Counts").
"""

from ledger.releases.report import RoundFigures
from web.documents.common import Document


class SiteShare(Document, frozen=True):
    """A party's rows that were predicted rightly: `right` of `rows`."""

    name: str
    right: int
    rows: int
    share: str
    low: str
    high: str


class SpreadDocument(Document, frozen=True):
    """The parties' accuracies, from their counts; the `gap` from the worst to the best is within `low` and `high`."""

    sites: tuple[SiteShare, ...]
    worst: str
    best: str
    gap: str
    low: str
    high: str


class PartyRounds(Document, frozen=True):
    """What one party measured of several rounds' models, ascending; `samples` rows each.

    `member`: its key is or was a member's.
    """

    party: str
    key: str
    member: bool
    samples: int
    rounds: tuple[RoundFigures, ...]
