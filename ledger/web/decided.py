"""The documents of what members decide: proposals with their tallies, and releases with what speaks for them."""

from collections.abc import Callable
from dataclasses import fields
from typing import Literal

from ledger import proposal as p
from ledger.evaluation import Evaluation
from ledger.records import Kind, Rules
from ledger.trace import ModelTrace
from ledger.web.basics import Document, Party


class ActionDocument(Document, frozen=True, tag_field="kind"):
    """What a proposal wants done: the fields of the proposing call, bytes as hexadecimal."""


class AdmitMember(ActionDocument, frozen=True, tag="admit_member"):
    key: str
    roles: int


class RemoveMember(ActionDocument, frozen=True, tag="remove_member"):
    index: int


class ChangeRoles(ActionDocument, frozen=True, tag="change_roles"):
    index: int
    roles: int


class ChangeRules(ActionDocument, frozen=True, tag="change_rules"):
    rules: Rules


class CloseJob(ActionDocument, frozen=True, tag="close_job"):
    job: int


class ReleaseModel(ActionDocument, frozen=True, tag="release"):
    name: str
    version: str
    job: int
    round: int
    root: str
    scores: str
    report: str


class RevokeRelease(ActionDocument, frozen=True, tag="revoke"):
    release: str
    reason: str


class RollBack(ActionDocument, frozen=True, tag="roll_back"):
    release: str


class NameSuccessor(ActionDocument, frozen=True, tag="name_successor"):
    chain: int
    ledger: str


Action = (
    AdmitMember
    | RemoveMember
    | ChangeRoles
    | ChangeRules
    | CloseJob
    | ReleaseModel
    | RevokeRelease
    | RollBack
    | NameSuccessor
)
_DOCUMENTS: dict[type, Callable[..., Action]] = {
    p.AdmitMember: AdmitMember,
    p.RemoveMember: RemoveMember,
    p.ChangeRoles: ChangeRoles,
    p.ChangeRules: ChangeRules,
    p.CloseJob: CloseJob,
    p.ReleaseModel: ReleaseModel,
    p.RevokeRelease: RevokeRelease,
    p.RollBack: RollBack,
    p.NameSuccessor: NameSuccessor,
}


def action_of(action: p.Action) -> Action:
    """An action as a document."""
    values = {part.name: getattr(action, part.name) for part in fields(action)}
    plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
    return _DOCUMENTS[type(action)](**plain)


def word_of(kind: Kind) -> str:
    """A kind of proposal as documents name it."""
    return kind.name.lower()


class Subject(Document, frozen=True, omit_defaults=True):
    """What a proposal's numbers and hashes stand for, as far as the ledger knows: a party, a job, a release."""

    party: Party | None = None
    job: str | None = None
    name: str | None = None
    version: str | None = None


class Tally(Document, frozen=True):
    """How a vote stands. `quorum` members must vote; `passes` says how it would end now, `certain` that it will."""

    in_favour: int
    against: int
    abstained: int
    voted: int
    members: int
    quorum: int
    passes: bool
    certain: bool


class ProposalLine(Document, frozen=True):
    """A proposal in a list. `deadline` is the vote's last second."""

    number: int
    id: str
    kind: str
    action: Action
    subject: Subject
    state: str
    proposer: Party
    tally: Tally
    deadline: int


class Ballot(Document, frozen=True):
    """What a member said: FOR, AGAINST or ABSTAIN."""

    party: Party
    choice: str


class Vote(Document, frozen=True):
    """Who voted what on a proposal. `silent` could still; `gone` left or changed their keys before they voted.

    It may be executed from `executable_from` to `executable_until`, where it passes.
    """

    epoch: int
    rules: Rules
    executable_from: int
    executable_until: int
    ballots: tuple[Ballot, ...]
    silent: tuple[Party, ...]
    gone: int
    tx: str


class ReleaseLine(Document, frozen=True):
    """A release. `scores` and `report` are null where it names none.

    `reason` is the word given for its revocation, `reason_text` what it says where that is text.
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
    reason: str | None
    reason_text: str
    tx: str


class Decision(Document, frozen=True):
    """A proposal that was carried out, and the vote on it."""

    proposal: ProposalLine
    vote: Vote


EvaluationStatus = Literal["none", "unread", "malformed", "contradicts", "read"]


class Evaluated(Document, frozen=True):
    """An evaluation report as far as it could be had.

    `none`: no report is named. `unread`: nobody gave it yet. `malformed`: it is no report. `contradicts`: it is on
    another model. `mean` is over samples, of the figures that every party gives.
    """

    status: EvaluationStatus
    digest: str | None
    cid: str | None
    trouble: str
    samples: int
    mean: dict[str, str]
    report: Evaluation | None


class Contributor(Document, frozen=True):
    """A party whose updates went into a model or those before it: how many."""

    party: Party
    updates: int


class Evidence(Document, frozen=True):
    """What speaks for a model: where it comes from, what parties measured, what this server's last audit says.

    `root` is the model that the round finalised, null where it made none; `contributors` is null until they are
    counted. `findings` are those that the last audit has on rounds of the lineage.
    """

    job: int
    job_name: str | None
    round: int
    root: str | None
    cid: str | None
    models: int
    lineage: tuple[ModelTrace, ...]
    contributors: tuple[Contributor, ...] | None
    evaluation: Evaluated
    verdict: str | None
    verdict_at: int
    findings: int


class MemberUpdate(Document, frozen=True):
    """What a member registered for a round; `verdict` is the name of the admission's, null while there is none."""

    weight: int
    root: str
    verdict: str | None


class MemberRound(Document, frozen=True):
    """A member's part in a round: its update, the claims it agreed or disagreed with, what became of its aggregate."""

    round: int
    phase: str
    update: MemberUpdate | None
    attested: tuple[bool, ...]
    aggregated: str | None


class MemberVote(Document, frozen=True):
    """A proposal that the member voted on, or may vote on: then `choice` is null."""

    proposal: ProposalLine
    choice: str | None


class MemberRelease(Document, frozen=True):
    """A release with the member's updates in it: `updates` of them in its lineage."""

    release: ReleaseLine
    updates: int
