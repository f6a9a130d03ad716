"""The documents of a member's desk: what waits for it, and how its node does; and of a job before it is proposed."""

from typing import Literal

from ledger.jobs.document import Job
from web.documents.answers import Told
from web.documents.common import Dated, Document, Page, PartyDocument
from web.documents.decisions import ProposalLine
from web.documents.ledger import Approval, BegunFalsely, JobLine, MemberDocument, ModelTermsDocument

DutyKind = Literal[
    "commit", "open", "attest", "commit_scores", "reveal_scores",
    "set_up", "agree_cast", "agree_set", "unmask", "give_shares",
]  # fmt: skip
MissedKind = Literal["update", "opening", "attestation"]


class WaitingVote(Document, frozen=True):
    """A proposal that waits for the member's vote or, where `command` executes it, for anyone to carry it out."""

    proposal: ProposalLine
    command: str


class WaitingJob(Document, frozen=True):
    """A proposed job that the member did not approve; `differs` is what the contracts keep otherwise than it says,
    `begins` the false model that it begins from.
    """

    job: JobLine
    approval: Approval
    differs: str | None
    begins: BegunFalsely | None


class Duty(Document, frozen=True):
    """What the member's node owes to a round under way, until `deadline`: it does so by itself where it runs."""

    kind: DutyKind
    job: int
    round: int
    attempt: int | None
    deadline: int
    path: str


class LackedFile(Document, frozen=True):
    """An update of the member's that `members` said on the ledger they lack, in the latest round of a job."""

    job: int
    round: int
    members: tuple[PartyDocument, ...]
    path: str
    command: str


class MissedRounds(Document, frozen=True):
    """In `count` of the `of` latest rounds of a job that ended, the member left out what it could have done."""

    kind: MissedKind
    job: int
    count: int
    of: int


class SeenRound(Dated, frozen=True):
    """The round in which a member did something, and when."""

    job: int
    round: int


class GatewayCheck(Document, frozen=True):
    """Whether a member's gateway at `url` answered this server, `at` in seconds since 1970; if not, why."""

    url: str
    at: int
    answers: bool
    trouble: str


class NodeHealth(Document, frozen=True):
    """How a member's node does, as far as the ledger and this server show: its last commitment and attestation among
    the latest rounds, null if there is none; `checked` is null until this server has dialled the gateway that is
    announced now.
    """

    committed: SeenRound | None
    attested: SeenRound | None
    missed: tuple[MissedRounds, ...]
    gateway: str
    checked: GatewayCheck | None


class DeskPage(Page, frozen=True):
    """What waits for the member that is signed in, `count` of it in all: votes, proposals to carry out, jobs to
    approve, what its node owes to rounds, files of its own that others lack, and what the last audit told of it.
    `halted` are jobs whose model the court convicted, where nobody has proposed yet what becomes of them.
    """

    member: MemberDocument
    count: int
    votes: tuple[WaitingVote, ...]
    executable: tuple[WaitingVote, ...]
    jobs: tuple[WaitingJob, ...]
    halted: tuple[JobLine, ...]
    duties: tuple[Duty, ...]
    lacked: tuple[LackedFile, ...]
    told: Told
    node: NodeHealth


class ContractCall(Document, frozen=True):
    """A transaction that a member's own key sends: nobody can relay it. `data` is its call, in hexadecimal."""

    function: str
    to: str
    data: str


class CheckedJob(Document, frozen=True, tag_field="fedledger", tag="checked-job/1"):
    """A job's document, read as every member will read it; `call` proposes it.

    `known` is the job's number where the same document was proposed before. `follows` says that the proposer's node has
    to tell the contracts of masks, or of costs, too, before any member can approve it. `begins` is the false model of
    another job that it begins from, null for an honest beginning.
    """

    digest: str
    cid: str
    size: int
    document: Job
    model: ModelTermsDocument
    known: int | None
    begins: BegunFalsely | None
    follows: tuple[Literal["masks", "costs"], ...]
    call: ContractCall
    command: str
