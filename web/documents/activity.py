"""The documents of what happened on the ledger, and of what a search found."""

from typing import Literal

from web.documents.common import Dated, Document, Page, PartyDocument

What = Literal[
    "transaction",
    "key",
    "job",
    "initial_model",
    "commitment",
    "update",
    "update_file",
    "aggregate",
    "model_file",
    "claim",
    "head",
    "block",
    "receipts",
    "model",
    "scores",
    "proposal",
    "release",
    "report",
]
"""What bytes on the ledger are of."""


class ActivityLine(Dated, frozen=True):
    """An event of the ledger; `number` counts them from 1, `log` is its place in the block, `kind` what happened.

    `party` is who did it or whom it is about, `path` the page that shows what it is about. Other parts are null where
    the event has none; `release` is NAME@VERSION. `facts` are what else its sentence says. `time_back`: its block says
    an earlier time than the block of an event before it.
    """

    number: int
    log: int
    tx: str
    kind: str
    party: PartyDocument | None
    job: int | None
    round: int | None
    attempt: int | None
    proposal: int | None
    release: str | None
    path: str
    facts: dict[str, str]
    time_back: bool


class News(Document, frozen=True, tag_field="fedledger", tag="news/1"):
    """An event as a webhook posts it: `id` is the same however often it is posted, `text` says it by language."""

    id: str
    network: str
    chain: int
    ledger: str
    event: ActivityLine
    text: dict[str, str]


class ActivityPage(Page, frozen=True):
    """Events, newest first; `next` is the address of those before. `total` were recorded, and the events from number
    `first` on are kept here. `member`, `job` and `kind` are what was asked for.
    """

    total: int
    first: int
    member: int | None
    job: int | None
    kind: str | None
    members: tuple[PartyDocument, ...]
    jobs: tuple[int, ...]
    events: tuple[ActivityLine, ...]
    next: str | None


MatchKind = What | Literal["member", "round"]


class Match(Document, frozen=True):
    """Something that was found: what it is, its name if it has one, and the path of its page."""

    what: MatchKind
    name: str
    path: str


class SearchPage(Page, frozen=True):
    """What a search for `query` found. `taken_for` is what its form says it may be; `explorer` is where another
    server shows that transaction, null if none is known.
    """

    query: str
    taken_for: tuple[str, ...]
    matches: tuple[Match, ...]
    explorer: str | None
