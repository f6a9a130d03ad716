"""The documents behind the pages: what a page shows is one of these, and its .json sibling is its encoding.

Roots, claims and hashes are lower-case hexadecimal without 0x, times are seconds since 1970, keys EIP-55 addresses. A
CID is null where the job's document, which tells the file's size, could not be read yet.
"""

from typing import Literal

import msgspec

from ledger.job import Job
from ledger.records import Terms
from ledger.report import Report
from ledger.trace import ModelTrace


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A value that never changes."""


class Chain(Document, frozen=True):
    """The reading that an answer was made from; `up` is false, with `trouble`, while the chain cannot be read."""

    id: int
    block: int
    read_at: int
    up: bool
    trouble: str


class Party(Document, frozen=True):
    """A member as it signed something: the name is the network file's, the key what counts."""

    index: int
    name: str
    key: str


class Member(Document, frozen=True):
    """A member; `key` speaks for it from epoch `since` on, `keys` are all it ever had."""

    index: int
    name: str
    key: str
    roles: tuple[str, ...]
    since: int
    keys: tuple[str, ...]
    gateway: str


class RoundLine(Document, frozen=True):
    """A round in a list. `deadline` is the end of its present phase; `root` that of its global model, if any."""

    job: int
    round: int
    phase: str
    reason: str
    updates: int
    attempts: int
    members: int
    deadline: int
    root: str | None


class Model(Document, frozen=True):
    """A finalised global model in a list."""

    job: int
    round: int
    root: str
    cid: str | None
    aggregator: Party
    agreeing: int
    members: int


class JobLine(Document, frozen=True):
    """A job in a list; `name` is null where its document could not be read yet."""

    job: int
    name: str | None
    digest: str
    cid: str
    open: bool
    approvals: int
    rounds: int
    rounds_planned: int
    current: RoundLine | None
    latest: Model | None


class Judgement(Document, frozen=True):
    """An admission's verdict on an update, as an aggregate has it."""

    code: int
    name: str
    meaning: str


class Update(Document, frozen=True):
    """An update, with the verdict of the round's latest aggregate."""

    party: Party
    weight: int
    root: str
    cid: str | None
    tx: str
    verdict: Judgement | None


class Attestation(Document, frozen=True):
    """What a member says it computed."""

    party: Party
    agrees: bool
    claim: str
    tx: str


class Aggregate(Document, frozen=True):
    """An attempt at a round's outcome; `root` is null where it says that no model can be made."""

    attempt: int
    party: Party
    outcome: str | None
    root: str | None
    cid: str | None
    claim: str
    deadline: int
    agreeing: int
    disagreeing: int
    attestations: tuple[Attestation, ...]
    tx: str


class Round(Document, frozen=True):
    """A round, whole. `base` is the round of the model that it builds on, 0 the initial one."""

    job: int
    round: int
    phase: str
    reason: str
    opener: Party
    epoch: int
    members: int
    majority: int
    base: int
    update_deadline: int
    deadline: int
    updates: tuple[Update, ...]
    missing: tuple[Party, ...]
    aggregates: tuple[Aggregate, ...]


CheckStatus = Literal["verified", "refuted", "unknown", "notice", "skipped"]


class CheckLine(Document, frozen=True):
    """One of the audit's numbered checks: how often it held, and the worst that was found."""

    number: int
    code: str
    title: str
    status: CheckStatus
    held: int


class Audit(Document, frozen=True):
    """The last audit made here. `verdict` is null, with `trouble`, where there is none; `rounds` had ended then."""

    verdict: str | None
    at: int
    seconds: float
    block: int
    rounds: int
    trouble: str
    checks: tuple[CheckLine, ...]
    report: Report | None


class Page(Document, frozen=True, tag_field="fedledger", tag="page/1"):
    """What every document has: its format, and the reading that it was made from."""

    chain: Chain


class ConsortiumPage(Page, frozen=True):
    network: str
    consortium: str
    ledger: str
    epoch: int
    members: tuple[Member, ...]
    jobs: tuple[JobLine, ...]
    verdict: str | None
    verdict_at: int


class MembersPage(Page, frozen=True):
    epoch: int
    members: tuple[Member, ...]


class JobsPage(Page, frozen=True):
    jobs: tuple[JobLine, ...]


class JobPage(Page, frozen=True):
    job: JobLine
    proposer: Party
    approvals: tuple[Party, ...]
    terms: Terms
    document: Job | None
    rounds: tuple[RoundLine, ...]


class RoundsPage(Page, frozen=True):
    """Newest first; `next` is the address of the rounds before these."""

    job: JobLine
    rounds: tuple[RoundLine, ...]
    next: str | None


class RoundPage(Page, frozen=True):
    job: JobLine
    round: Round


class ModelsPage(Page, frozen=True):
    """Newest first; `next` is the address of the models before these."""

    job: JobLine
    models: tuple[Model, ...]
    next: str | None


class ModelPage(Page, frozen=True):
    """A model and those before it, newest first; `next` is where its lineage goes on."""

    job: JobLine
    models: tuple[ModelTrace, ...]
    next: str | None


class AuditPage(Page, frozen=True):
    """`command` checks the same without this server."""

    audit: Audit | None
    running: bool
    behind: int
    command: str


class Problem(Document, frozen=True, tag_field="fedledger", tag="error/1"):
    """Every error: its name, the HTTP status, what is wrong, and the way out."""

    error: str
    status: int
    message: str
    advice: str
    facts: dict[str, str] = {}
