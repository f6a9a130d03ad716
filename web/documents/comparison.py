"""The documents of what is set beside each other: weights by round, and two models."""

from typing import Literal

from ledger.releases.counts import Counts
from web.documents.common import Document, NamedBy, Page, PartyDocument
from web.documents.decisions import ReleaseLine
from web.documents.ledger import JobLine
from web.documents.norms import RoundNorms, RoundWeights

Of = Literal["pooled", "mean", "party"]


class WeightsPage(Page, frozen=True):
    """What each party's update weighs, newest round first; `next` is the address of the rounds before these.

    `factors`: the shares have the factors of past scores in them, as the models do. `norms` are those of the same
    rounds, as far as an audit that this server knows of measured them; `max_norm` is the job's bound, in the ledger's
    integers.
    """

    job: JobLine
    factors: bool
    max_norm: int
    parties: tuple[PartyDocument, ...]
    rounds: tuple[RoundWeights, ...]
    norms: tuple[RoundNorms, ...]
    next: str | None


class SideFigures(Document, frozen=True):
    """What one party measured of a model; `member`: its key is or was a member's."""

    party: str
    key: str
    member: bool
    samples: int
    rows: str
    metrics: dict[str, str]


class ComparedSide(Document, frozen=True):
    """One of two models: `asked` is how it was asked for. `digest` is the report that its figures are from, if any,
    and `named_by` says by whose decision that is shown.

    `mean` is over samples; `pooled` and `counts` are of all rows together, where the report is on this model.
    """

    asked: str
    job: int
    round: int
    root: str
    release: ReleaseLine | None
    digest: str | None
    named_by: NamedBy | None
    samples: int
    mean: dict[str, str]
    pooled: dict[str, str]
    counts: Counts | None
    parties: tuple[SideFigures, ...]
    weights: RoundWeights


class FigureChange(Document, frozen=True):
    """A figure of both, and what is added from the first to the second.

    `of` is what it is of, `party` whose it is, and `member` says whether that party's key is or was a member's.
    """

    of: Of
    party: str
    member: bool
    metric: str
    a: str
    b: str
    change: str


class ComparePage(Page, frozen=True):
    """Two models side by side; null is one that was not asked for. `choices` are some that can be.

    `same_rows`: the figures of both are from one report, where each party measured both on the same rows.
    """

    a: ComparedSide | None
    b: ComparedSide | None
    same_rows: bool
    differences: tuple[FigureChange, ...]
    choices: tuple[str, ...]
