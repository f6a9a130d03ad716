"""What a reader of the front page learns in a minute: what is trained, how good it is by whose word, what is open."""

from ledger.releases.report import Rows
from web.documents.activity import ActivityLine
from web.documents.common import Document, PartyDocument
from web.documents.decisions import ReleaseLine


class TrainedJob(Document, frozen=True):
    """What a job trains. `classes` are those that its task's settings name; `hold_out` is the percentage of rows that
    no update is trained on, `open_rows` the size of the evaluation set that every member reads: 0 without one. Where
    updates are `masked`, nobody reads a single one."""

    job: int
    name: str
    task: str
    classes: tuple[str, ...]
    hold_out: int
    open_rows: int
    masked: bool


class Headline(Document, frozen=True):
    """One figure of one model: `value` of `metric` over `samples` rows of `parties`, who vouch for it.

    The rows are of one kind, and never those trained on. `release` is null where the report is not on a current one.
    """

    metric: str
    value: str
    samples: int
    rows: Rows
    parties: tuple[PartyDocument, ...]
    job: int
    round: int
    release: ReleaseLine | None


class Front(Document, frozen=True):
    """`trained` is null until a job's document was read, `headline` while nobody has reported such a figure.

    `recent` are the last events on the ledger, newest first.
    """

    trained: TrainedJob | None
    participants: int
    headline: Headline | None
    recent: tuple[ActivityLine, ...]
