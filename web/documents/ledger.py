"""The documents of the ledger: members, jobs, rounds, models, and the last audit.

Roots, claims and hashes are lower-case hexadecimal without 0x, times are seconds since 1970, keys EIP-55 addresses. A
CID is null while the job's document, which determines the file's size, has not been read.
"""

from typing import Literal

from ledger.audit.report import Answer, Report
from web.documents.common import Document, PartyDocument


class MemberDocument(Document, frozen=True):
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


class ModelLine(Document, frozen=True):
    """A finalised global model in a list."""

    job: int
    round: int
    root: str
    cid: str | None
    aggregator: PartyDocument
    agreeing: int
    members: int


class JobLine(Document, frozen=True):
    """A job in a list; `name` is null until its document has been read.

    `approvals` are those that count; `rounds` were opened; `finalised` made a model, of `rounds_planned` at most.
    """

    job: int
    name: str | None
    digest: str
    cid: str
    open: bool
    closed: bool
    approvals: int
    rounds: int
    finalised: int
    rounds_planned: int
    current: RoundLine | None
    latest: ModelLine | None


class Judgement(Document, frozen=True):
    """An admission's verdict on an update, as an aggregate has it."""

    code: int
    name: str
    meaning: str


class UpdateDocument(Document, frozen=True):
    """An update, with the verdict of the round's latest aggregate."""

    party: PartyDocument
    weight: int
    root: str
    cid: str | None
    tx: str
    verdict: Judgement | None


class AttestationDocument(Document, frozen=True):
    """What a member says it computed."""

    party: PartyDocument
    agrees: bool
    claim: str
    tx: str


class AggregateDocument(Document, frozen=True):
    """An attempt at a round's outcome; `root` is null if it claims that no model can be made."""

    attempt: int
    party: PartyDocument
    outcome: str | None
    root: str | None
    cid: str | None
    claim: str
    deadline: int
    agreeing: int
    disagreeing: int
    attestations: tuple[AttestationDocument, ...]
    tx: str


class RoundDocument(Document, frozen=True):
    """A round, whole. `base` is the round of the model that it builds on, 0 the initial one."""

    job: int
    round: int
    phase: str
    reason: str
    opener: PartyDocument
    epoch: int
    members: int
    majority: int
    base: int
    update_deadline: int
    deadline: int
    updates: tuple[UpdateDocument, ...]
    missing: tuple[PartyDocument, ...]
    aggregates: tuple[AggregateDocument, ...]


CheckStatus = Literal["held", "false", "unknown", "caught", "open", "skipped"]


class CheckLine(Document, frozen=True):
    """One of the audit's numbered checks: how often it held, and the worst that was found."""

    number: int
    code: str
    title: str
    status: CheckStatus
    held: int


class AuditDocument(Document, frozen=True):
    """The last audit made here. `right` and `lies`, the answers of its report, are null, with `trouble`, if it failed;
    `rounds` had ended then.
    """

    right: Answer | None
    lies: str | None
    at: int
    seconds: float
    block: int
    rounds: int
    trouble: str
    checks: tuple[CheckLine, ...]
    report: Report | None


class Activity(Document, frozen=True):
    """The updates of a round by what became of them; `open` ones are not judged yet."""

    round: int
    admitted: int
    refused: int
    open: int


class Approval(Document, frozen=True):
    """How far a proposed job is: `counted` members have approved it, `needed` open it."""

    counted: int
    needed: int
    command: str
