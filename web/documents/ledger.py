"""The documents of the ledger: members, jobs, models, and the last audit.

Roots, claims and hashes are lower-case hexadecimal without 0x, times are seconds since 1970, keys EIP-55 addresses. A
CID is null while the job's document, which determines the file's size, has not been read.
"""

from typing import Literal

from ledger.audit.report import Answer, Report
from ledger.history.convicted import StartWhy
from ledger.history.state import JobStage
from web.documents.common import Dated, Document, PartyDocument
from web.documents.rounds import RoundLine


class MemberDocument(Dated, frozen=True):
    """A member since `block`; `key` speaks for it from epoch `since` on, `keys` are all it ever had; `left` is null
    while it has not.
    """

    index: int
    name: str
    key: str
    roles: tuple[str, ...]
    since: int
    keys: tuple[str, ...]
    gateway: str
    left: Dated | None


class ModelLine(Dated, frozen=True):
    """A finalised global model in a list, as of the block that finalised it; `convicted`: whether the court convicted
    it, or one that it stands on.
    """

    job: int
    round: int
    root: str
    cid: str | None
    aggregator: PartyDocument
    agreeing: int
    members: int
    convicted: bool


class JobLine(Dated, frozen=True):
    """A job in a list; `name` is null until its document has been read. `stage` is how far it has come, in one word.

    `approvals` are those that count; `block` is that of its proposal. `rounds` were opened; `finalised` of them made a
    model, `rounds_planned` may. Where the court convicted the model of a round and the members have not decided yet,
    `convicted` is the first such round and `sound` the one that the job would be rewound to, 0 for the initial model;
    else both are null.
    """

    job: int
    name: str | None
    digest: str
    cid: str
    stage: JobStage
    open: bool
    closed: bool
    approvals: int
    rounds: int
    finalised: int
    rounds_planned: int
    convicted: int | None
    sound: int | None
    current: RoundLine | None
    latest: ModelLine | None


class BegunFalsely(Document, frozen=True):
    """A model of another job from which a job begins: the court convicted it, it stands `above` a convicted one, a
    rewind left it out, or its own job had `begun` so.
    """

    job: int
    round: int
    why: StartWhy


CheckStatus = Literal["held", "false", "unknown", "caught", "open", "skipped"]


class CheckLine(Document, frozen=True):
    """One of the audit's numbered checks: how often it held, and the worst that was found."""

    number: int
    code: str
    title: str
    status: CheckStatus
    held: int


class CheckpointLine(Document, frozen=True):
    """Up to which block `parties`, of so many members, signed the history; `after` counts the events since."""

    block: int
    parties: tuple[PartyDocument, ...]
    of: int
    after: int


class AuditDocument(Document, frozen=True):
    """The last audit made here. `right` and `lies`, the answers of its report, are null, with `trouble`, if it failed;
    `rounds` had ended then. `signed` is null if no majority has signed for any of the history.
    """

    right: Answer | None
    lies: str | None
    at: int
    seconds: float
    block: int
    rounds: int
    trouble: str
    signed: CheckpointLine | None
    checks: tuple[CheckLine, ...]
    report: Report | None


class Approval(Document, frozen=True):
    """How far a proposed job is: `counted` members have approved it, `needed` open it."""

    counted: int
    needed: int
    command: str


class ModelTermsDocument(Document, frozen=True):
    """What the ledger says of a job's models; `agrees`: whether the job's document does, null while it is not read.

    A model has `values` integers. `rule` is the job document's word for how updates become a model; `trim` values are
    left out at each end, or as many updates under `multi_krum`. `by_value`: whether the court can judge its models. The
    others are the limits of admission.
    """

    initial: str
    values: int
    rule: str
    trim: int
    min_updates: int
    max_weight: int
    max_value: int
    max_norm: int
    by_value: bool
    agrees: bool | None


class Strikes(Document, frozen=True):
    """How many turns and attempts of a job an aggregator left or failed, less the rounds that it finalised since."""

    party: PartyDocument
    count: int


class WithdrawnDocument(Dated, frozen=True):
    """A member that withdrew its data from a job, as of the block that says so: for the rounds after `after_round`.

    `statement` is the CID of what it signed to say so; `broken_in` are the later rounds to which it committed an
    update all the same.
    """

    party: PartyDocument
    after_round: int
    statement: str
    broken_in: tuple[int, ...]
