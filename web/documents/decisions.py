"""The documents of what members decide: proposals with their tallies, and releases with what speaks for them."""

from typing import Literal

from ledger.audit.report import Answer
from ledger.events.actions import Action
from ledger.events.records import Rules
from ledger.releases.report import Evaluation, RoundFigures
from ledger.rounds.trace import ModelTrace
from web.documents.common import Dated, Document, NamedBy, PartyDocument
from web.documents.rounds import FormName
from web.documents.scores import RoundScoring, Score
from web.documents.spreads import PartyRounds, SpreadDocument


class Subject(Document, frozen=True, omit_defaults=True):
    """What a proposal's numbers and hashes stand for, as far as they are known: a party, a job, a release, a reason.

    `alike` is a member, present or former, whose name a newcomer's is, or looks like; `doubt` is what is wrong
    with that name: unruly, misleading, taken or numbered.
    """

    party: PartyDocument | None = None
    job: str | None = None
    name: str | None = None
    version: str | None = None
    reason: str = ""
    alike: PartyDocument | None = None
    doubt: str = ""


class VoteTally(Document, frozen=True):
    """How a vote stands. `needed` members must be in favour; `passes` says that they are, and that it will pass."""

    in_favour: int
    against: int
    abstained: int
    voted: int
    members: int
    needed: int
    passes: bool


class ProposalLine(Dated, frozen=True):
    """A proposal in a list. `deadline` is the vote's last second; `ended` is when it was executed or cancelled."""

    number: int
    id: str
    kind: str
    action: Action
    subject: Subject
    state: str
    proposer: PartyDocument
    tally: VoteTally
    deadline: int
    ended: Dated | None


class Ballot(Dated, frozen=True):
    """A member's choice: FOR, AGAINST or ABSTAIN."""

    party: PartyDocument
    choice: str


class Vote(Document, frozen=True):
    """The votes on a proposal. `silent` may still vote; `gone` left or changed their keys before they voted.

    If it passes, it may be executed from `executable_from` to `executable_until`. `members_now` are those of today;
    the tally has those of the proposal.
    """

    epoch: int
    rules: Rules
    executable_from: int
    executable_until: int
    ballots: tuple[Ballot, ...]
    silent: tuple[PartyDocument, ...]
    gone: int
    members_now: int
    tx: str


class ReleaseLine(Dated, frozen=True):
    """A release. `scores` and `report` are null if it names none; `convicted`: whether its model is one that the court
    convicted, or stands on one.

    `reason` is the word of its revocation, `reason_text` its text, as far as that could be read.
    """

    name: str
    version: str
    id: str
    job: int
    round: int
    root: str
    scores: str | None
    report: str | None
    current: bool
    revoked: bool
    revoked_at: Dated | None
    reason: str | None
    reason_text: str
    convicted: bool
    tx: str


class DecisionDocument(Document, frozen=True):
    """A proposal that was carried out, and the vote on it."""

    proposal: ProposalLine
    vote: Vote


EvaluationStatus = Literal["none", "unread", "malformed", "contradicts", "read"]


class Evaluated(Document, frozen=True):
    """An evaluation report as far as it could be read.

    `none`: no report is named. `unread`: no holder has sent it yet. `malformed`: it is not a report. `contradicts`: it
    is on another model. `mean` is over samples, of the figures that every party reports; `pooled` are those of all rows
    together, from counts, empty where a party has none; `spread` is how far parties are apart. `members` are those in
    it whose key is or was a member's, by key: a report may name anyone. `unmeasured` took part in the round,
    and are not in it. `named_by` says by whose decision it is shown. `classes` are what the job's task tells apart, in
    the order of the counts; none where its settings name none.
    """

    status: EvaluationStatus
    named_by: NamedBy
    digest: str | None
    cid: str | None
    trouble: str
    samples: int
    mean: dict[str, str]
    pooled: dict[str, str]
    spread: SpreadDocument | None
    members: dict[str, PartyDocument]
    unmeasured: tuple[PartyDocument, ...]
    classes: tuple[str, ...]
    report: Evaluation | None


class KnownReport(Document, frozen=True):
    """A report on a model that this server has read: how many parties measured how many samples, and its licence."""

    digest: str
    parties: int
    samples: int
    license: str


class Releasable(Document, frozen=True):
    """What a release of a model may name. `scores` is the root of its round's scores, null if they are not settled.

    `right` is the last audit's answer for the model, null if it has none.
    """

    scores: str | None
    reports: tuple[KnownReport, ...]
    right: Answer | None


class RoundMetrics(Document, frozen=True):
    """What parties measured of a round's model and of those around it, in the report on the model of round `model`.

    `rounds` are means over samples, ascending, the round itself among them; `parties` are what each measured.
    `named_by` says by whose decision the report is shown.
    """

    model: int
    digest: str
    named_by: NamedBy
    rounds: tuple[RoundFigures, ...]
    parties: tuple[PartyRounds, ...]


class Contributor(Document, frozen=True):
    """A party whose updates went into a model or those before it: how many."""

    party: PartyDocument
    updates: int


class Evidence(Document, frozen=True):
    """What speaks for a model: where it comes from, what parties measured.

    `root` is the model that the round finalised, null if it made none. `models` of its lineage, itself included, and
    `contributors` are null until they are counted; `scoring` is null if the job makes no scores.
    """

    job: int
    job_name: str | None
    round: int
    root: str | None
    cid: str | None
    models: int | None
    lineage: tuple[ModelTrace, ...]
    contributors: tuple[Contributor, ...] | None
    scoring: RoundScoring | None
    evaluation: Evaluated


class MemberUpdate(Document, frozen=True):
    """A member's update in a round; `verdict` is the name of the admission's, null while there is none.

    `share` is its part of the round's model in parts per million, null if it has none; `norm` as an audit measured it,
    null where none did.
    """

    weight: int
    root: str
    verdict: str | None
    share: int | None
    norm: str | None


class MemberRound(Document, frozen=True):
    """A member's part in a round: its update, what it attested, by attempt, and what became of its aggregate.

    `committed`: it committed to an update, which is null where that was not opened. `score` is its update's; null if it
    had none or the job makes no scores.
    """

    round: int
    phase: str
    committed: bool
    update: MemberUpdate | None
    attested: tuple[FormName, ...]
    aggregated: str | None
    score: Score | None


class MemberVote(Document, frozen=True):
    """A proposal that the member voted on, or may vote on: then `choice` is null."""

    proposal: ProposalLine
    choice: str | None


class MemberRelease(Document, frozen=True):
    """A release with the member's updates in it: `updates` of them in its lineage."""

    release: ReleaseLine
    updates: int
