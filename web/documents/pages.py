"""The documents behind the pages: what a page shows is one of these, and its .json sibling is its encoding."""

from ledger.events.records import Rules, Terms
from ledger.jobs.document import Job
from ledger.rounds.trace import ModelTrace
from web.documents.about import About
from web.documents.activity import ActivityLine
from web.documents.answers import Answers, AuditLine, AuditorLine, LieLine, Told
from web.documents.common import Page, PartyDocument
from web.documents.decisions import (
    DecisionDocument,
    Evaluated,
    Evidence,
    MemberRelease,
    MemberRound,
    MemberVote,
    ProposalLine,
    Releasable,
    ReleaseLine,
    RoundMetrics,
    Vote,
)
from web.documents.front import Front
from web.documents.ledger import (
    Approval,
    AuditDocument,
    BegunFalsely,
    CheckpointLine,
    JobLine,
    MemberDocument,
    ModelLine,
    ModelTermsDocument,
    Strikes,
    WithdrawnDocument,
)
from web.documents.masks import RoundMasksDocument, SegmentDocument
from web.documents.noise import JobNoise, RoundNoise
from web.documents.norms import RoundNorms, RoundWeights
from web.documents.platforms import PlatformLine
from web.documents.rounds import Activity, AwaitedDocument, RoundDocument, RoundLine
from web.documents.scores import JobScores, RoundScoring, ScoringLine, ScoringMethod, Standing, Sum, Unit
from web.documents.statistics import StatisticsDocument


class ConsortiumPage(Page, frozen=True):
    """`answers` are those of the last audit, `signed` is how much of the history a majority signed for.

    `scored` are the jobs that make scores.
    """

    network: str
    front: Front
    consortium: str
    ledger: str
    epoch: int
    members: tuple[MemberDocument, ...]
    jobs: tuple[JobLine, ...]
    proposals: tuple[ProposalLine, ...]
    releases: tuple[ReleaseLine, ...]
    answers: Answers
    signed: CheckpointLine | None
    scored: tuple[int, ...]


class MembersPage(Page, frozen=True):
    epoch: int
    members: tuple[MemberDocument, ...]


class MemberPage(Page, frozen=True):
    """A member's part in the rounds of `job`, newest first; `next` is the address of those before. `told` is what the
    last audit says of it.

    `standing` is its place among those scored in `job`. `jobs` are all that have rounds. Votes are the newest; releases
    all that its updates went into.
    """

    member: MemberDocument
    told: Told
    job: JobLine | None
    jobs: tuple[int, ...]
    rounds: tuple[MemberRound, ...]
    next: str | None
    standing: Standing | None
    votes: tuple[MemberVote, ...]
    releases: tuple[MemberRelease, ...]


class JobsPage(Page, frozen=True):
    jobs: tuple[JobLine, ...]


class JobPage(Page, frozen=True):
    """A job. `activity` are its last rounds, oldest first; `evaluation` the newest report on a model of it.

    `approvals` are those that count, `approval` is null once it was opened or closed. `model` is what the ledger says
    of its models; `strikes` are of the aggregators that have any, `withdrawn` the members that withdrew their data.
    `differs` says what the contracts keep otherwise than the document says: no member approves such a job. It is null
    where nothing is, or the document was not read yet.
    `segments` are those of a masked job, newest first. `noise` is null where the job has none, `statistics` where it
    trains. `edges` are the members that bring sums of their children's updates. `begins` is the false model of another
    job that it begins from, null for an honest beginning. `awaited` says whom the current round waits for, null where
    none does; `way_out` has, for each member that withdrew its data and that rounds count still, the command that puts
    to the vote that they count it no more.
    """

    job: JobLine
    answers: Answers
    proposer: PartyDocument
    approvals: tuple[PartyDocument, ...]
    approval: Approval | None
    terms: Terms
    model: ModelTermsDocument
    strikes: tuple[Strikes, ...]
    withdrawn: tuple[WithdrawnDocument, ...]
    awaited: AwaitedDocument | None
    way_out: tuple[str, ...]
    document: Job | None
    differs: str | None
    begins: BegunFalsely | None
    rounds: tuple[RoundLine, ...]
    activity: tuple[Activity, ...]
    evaluation: Evaluated | None
    scores: JobScores | None
    segments: tuple[SegmentDocument, ...]
    noise: JobNoise | None
    edges: tuple[PartyDocument, ...]
    statistics: StatisticsDocument | None


class RoundsPage(Page, frozen=True):
    """Newest first; `next` is the address of the rounds before these."""

    job: JobLine
    rounds: tuple[RoundLine, ...]
    next: str | None


class RoundPage(Page, frozen=True):
    """`scoring` is null if the round has no final model or the job makes no scores; `metrics` is null if no report that
    was read measures its model. `timeline` is what happened in it, oldest first, as far as this server keeps events.
    `weights` is null without a final model, `norms` until an audit that this server knows of measured the updates.
    `masking` is null in an open job, `noise` in one without; `platforms` are as this server's last audit found them.
    """

    job: JobLine
    answers: Answers
    round: RoundDocument
    scoring: RoundScoring | None
    metrics: RoundMetrics | None
    weights: RoundWeights | None
    norms: RoundNorms | None
    masking: RoundMasksDocument | None
    noise: RoundNoise | None
    platforms: tuple[PlatformLine, ...]
    timeline: tuple[ActivityLine, ...]


class ScoresPage(Page, frozen=True):
    """A job's scores: sums, best first; rounds, newest first, `next` being the address of those before.

    `parties` are all that occur in `sums` or `rounds`, by index. Which updates are void, and why, shows only in
    the updates themselves: `command` reads them.
    """

    job: JobLine
    unit: Unit
    made: ScoringMethod | None
    terms: Terms
    parties: tuple[PartyDocument, ...]
    sums: tuple[Sum, ...]
    rounds: tuple[ScoringLine, ...]
    next: str | None
    command: str


class ModelsPage(Page, frozen=True):
    """Newest first; `next` is the address of the models before these."""

    job: JobLine
    models: tuple[ModelLine, ...]
    next: str | None


class ModelPage(Page, frozen=True):
    """A model and those before it, newest first; `next` is where its lineage goes on. `releases` are of this model.

    `unit` is that of the updates' scores. `releasable` is null of the initial model, which is not released.
    """

    job: JobLine
    answers: Answers
    unit: Unit
    models: tuple[ModelTrace, ...]
    next: str | None
    releases: tuple[ReleaseLine, ...]
    evaluation: Evaluated | None
    releasable: Releasable | None


class ProposalsPage(Page, frozen=True):
    """Newest first, those in `state`, null for all; `next` is the address of the proposals before these. `rules` hold
    for the next proposal.
    """

    state: str | None
    rules: Rules | None
    proposals: tuple[ProposalLine, ...]
    next: str | None


class ProposalPage(Page, frozen=True):
    """A proposal. `evidence` and `answers` are null if it is not about a model, `release` if it is not about a release
    that exists.

    `current` is the name's current release, `rules` those that hold now; `command` votes without this server.
    `shown` is what a wallet shows of it, field by field; null if no wallet can.
    """

    proposal: ProposalLine
    vote: Vote
    answers: Answers | None
    evidence: Evidence | None
    release: ReleaseLine | None
    current: ReleaseLine | None
    rules: Rules | None
    command: str
    shown: dict[str, str | int] | None


class ReleasesPage(Page, frozen=True):
    """The current release of each name, and all releases, newest first; `next` is the address of those before these."""

    current: tuple[ReleaseLine, ...]
    releases: tuple[ReleaseLine, ...]
    next: str | None


class NamedReleasesPage(Page, frozen=True):
    """The releases of one name, newest first."""

    name: str
    current: ReleaseLine | None
    releases: tuple[ReleaseLine, ...]
    command: str


class ReleasePage(Page, frozen=True):
    """A release; `decided_by` are the proposals that made, revoked or brought it back, newest first.

    `command` fetches and verifies the model without this server; `file` and `card` are where this server serves the
    model and its card, null if it does not. `about` is null until it is made, of a revoked release for good.
    """

    release: ReleaseLine
    answers: Answers
    evidence: Evidence
    decided_by: tuple[DecisionDocument, ...]
    file: str | None
    card: str | None
    about: About | None
    command: str


class AuditPage(Page, frozen=True):
    """The last audit and its answers; `lies` are those of its report, in its order, as far as they have come by now.

    `audits` are those made here, newest first; `reports` are other auditors', where this server was handed any.
    `command` checks the same without this server.
    """

    answers: Answers
    audit: AuditDocument | None
    lies: tuple[LieLine, ...]
    audits: tuple[AuditLine, ...]
    reports: tuple[AuditorLine, ...]
    running: bool
    behind: int
    command: str
