"""The documents behind the pages: what a page shows is one of these, and its .json sibling is its encoding.

Roots, claims and hashes are lower-case hexadecimal without 0x, times are seconds since 1970, keys EIP-55 addresses. A
CID is null where the job's document, which tells the file's size, could not be read yet.
"""

from typing import Literal

import msgspec

from ledger.audit.report import Report
from ledger.events.records import Rules, Terms
from ledger.jobs.document import Job
from ledger.rounds.trace import ModelTrace
from web.documents import decisions as g
from web.documents import scores as s
from web.documents.common import ChainDocument as ChainDocument  # noqa: PLC0414  one name for all documents: this module's
from web.documents.common import Document as Document  # noqa: PLC0414
from web.documents.common import Page as Page  # noqa: PLC0414
from web.documents.common import PartyDocument as PartyDocument  # noqa: PLC0414


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


class Model(Document, frozen=True):
    """A finalised global model in a list."""

    job: int
    round: int
    root: str
    cid: str | None
    aggregator: PartyDocument
    agreeing: int
    members: int


class JobLine(Document, frozen=True):
    """A job in a list; `name` is null where its document could not be read yet."""

    job: int
    name: str | None
    digest: str
    cid: str
    open: bool
    closed: bool
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
    """An attempt at a round's outcome; `root` is null where it says that no model can be made."""

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


CheckStatus = Literal["verified", "refuted", "unknown", "notice", "skipped"]


class CheckLine(Document, frozen=True):
    """One of the audit's numbered checks: how often it held, and the worst that was found."""

    number: int
    code: str
    title: str
    status: CheckStatus
    held: int


class AuditDocument(Document, frozen=True):
    """The last audit made here. `verdict` is null, with `trouble`, where there is none; `rounds` had ended then."""

    verdict: str | None
    at: int
    seconds: float
    block: int
    rounds: int
    trouble: str
    checks: tuple[CheckLine, ...]
    report: Report | None


class ConsortiumPage(Page, frozen=True):
    """`scored` are the jobs that make scores."""

    network: str
    consortium: str
    ledger: str
    epoch: int
    members: tuple[MemberDocument, ...]
    jobs: tuple[JobLine, ...]
    proposals: tuple[g.ProposalLine, ...]
    releases: tuple[g.ReleaseLine, ...]
    verdict: str | None
    verdict_at: int
    scored: tuple[int, ...]


class MembersPage(Page, frozen=True):
    epoch: int
    members: tuple[MemberDocument, ...]


class MemberPage(Page, frozen=True):
    """A member's part in the rounds of `job`, newest first; `next` is the address of those before.

    `standing` is its place among those scored in `job`. `jobs` are all that have rounds. Votes are the newest; releases
    all that its updates went into.
    """

    member: MemberDocument
    job: JobLine | None
    jobs: tuple[int, ...]
    rounds: tuple[g.MemberRound, ...]
    next: str | None
    standing: s.Standing | None
    votes: tuple[g.MemberVote, ...]
    releases: tuple[g.MemberRelease, ...]


class JobsPage(Page, frozen=True):
    jobs: tuple[JobLine, ...]


class Activity(Document, frozen=True):
    """The updates of a round by what became of them; `open` ones are not judged yet."""

    round: int
    admitted: int
    refused: int
    open: int


class Approval(Document, frozen=True):
    """How far a proposed job is: `counted` members stand behind it with their present keys, `needed` open it."""

    counted: int
    needed: int
    command: str


class JobPage(Page, frozen=True):
    """A job. `activity` are its last rounds, oldest first; `evaluation` the newest report on a model of it.

    `approval` is null once it was opened or closed.
    """

    job: JobLine
    proposer: PartyDocument
    approvals: tuple[PartyDocument, ...]
    approval: Approval | None
    terms: Terms
    document: Job | None
    rounds: tuple[RoundLine, ...]
    activity: tuple[Activity, ...]
    evaluation: g.Evaluated | None
    scores: s.JobScores | None


class RoundsPage(Page, frozen=True):
    """Newest first; `next` is the address of the rounds before these."""

    job: JobLine
    rounds: tuple[RoundLine, ...]
    next: str | None


class RoundPage(Page, frozen=True):
    """`scoring` is null where the round has no final model, or the job makes no scores; `metrics` where no report that
    was read measures its model."""

    job: JobLine
    round: RoundDocument
    scoring: s.RoundScoring | None
    metrics: g.RoundMetrics | None


class ScoresPage(Page, frozen=True):
    """A job's scores: sums, best first; rounds, newest first, `next` being the address of those before.

    `parties` are all that occur in `sums` or `rounds`, by index. Which updates are void, and why, only the updates
    themselves tell: `command` reads them.
    """

    job: JobLine
    unit: s.Unit
    made: s.ScoringMethod | None
    terms: Terms
    parties: tuple[PartyDocument, ...]
    sums: tuple[s.Sum, ...]
    rounds: tuple[s.ScoringLine, ...]
    next: str | None
    command: str


class ModelsPage(Page, frozen=True):
    """Newest first; `next` is the address of the models before these."""

    job: JobLine
    models: tuple[Model, ...]
    next: str | None


class ModelPage(Page, frozen=True):
    """A model and those before it, newest first; `next` is where its lineage goes on. `releases` are of this model.

    `unit` is that of the updates' scores.
    """

    job: JobLine
    unit: s.Unit
    models: tuple[ModelTrace, ...]
    next: str | None
    releases: tuple[g.ReleaseLine, ...]
    evaluation: g.Evaluated | None


class ProposalsPage(Page, frozen=True):
    """Newest first; `next` is the address of the proposals before these. `rules` hold for the next proposal."""

    rules: Rules | None
    proposals: tuple[g.ProposalLine, ...]
    next: str | None


class ProposalPage(Page, frozen=True):
    """A proposal. `evidence` is there where it is about a model, `release` where it is about a release that there is.

    `current` is the name's current release, `rules` those that hold now; `command` votes without this server.
    """

    proposal: g.ProposalLine
    vote: g.Vote
    evidence: g.Evidence | None
    release: g.ReleaseLine | None
    current: g.ReleaseLine | None
    rules: Rules | None
    command: str


class ReleasesPage(Page, frozen=True):
    """The current release of each name, and all releases, newest first; `next` is the address of those before these."""

    current: tuple[g.ReleaseLine, ...]
    releases: tuple[g.ReleaseLine, ...]
    next: str | None


class NamedReleasesPage(Page, frozen=True):
    """The releases of one name, newest first."""

    name: str
    current: g.ReleaseLine | None
    releases: tuple[g.ReleaseLine, ...]
    command: str


class ReleasePage(Page, frozen=True):
    """A release; `decided_by` are the proposals that made, revoked or brought it back, newest first.

    `command` fetches and verifies the model without this server; `file` and `card` are where this server gives the
    model and its card, null where it does not.
    """

    release: g.ReleaseLine
    evidence: g.Evidence
    decided_by: tuple[g.DecisionDocument, ...]
    file: str | None
    card: str | None
    command: str


class AuditPage(Page, frozen=True):
    """`command` checks the same without this server."""

    audit: AuditDocument | None
    running: bool
    behind: int
    command: str


class Problem(Document, frozen=True, tag_field="fedledger", tag="error/1"):
    """Every error: its name, the HTTP status, what is wrong, and the way out."""

    error: str
    status: int
    message: str
    advice: str
    facts: dict[str, str] = msgspec.field(default_factory=dict)
