"""The documents of what the last audit says of one thing: a job, a round, a model, a release, a member, or all."""

from typing import Literal

from ledger.audit.report import Answer, LieState
from web.documents.common import Document, PartyDocument

LiesAnswer = Literal["none", "caught", "pending", "standing"]
AuditorStanding = Literal["verified", "fork", "ahead", "unseen", "unverified"]


class Coverage(Document, frozen=True):
    """How far the last audit went: of `ended` rounds that have ended by now the first `through` had ended then, and
    `attempts` that members attest now were published since.

    They are the rounds of `job`, or of all jobs where it is null. `block` and `hash` name the history that was
    judged, `at` is when, in seconds since 1970.
    """

    job: int | None
    through: int
    ended: int
    attempts: int
    at: int
    block: int
    hash: str


class LieLine(Document, frozen=True):
    """A lie, as far as it has come by now: `key` said it, `why` it is false; `address` is where its evidence is shown.

    `party` is the member that the key is or was of; `who` is its name in the report.
    """

    state: LieState
    party: PartyDocument | None
    who: str
    key: str
    said: str
    why: str
    job: int | None
    round: int | None
    attempt: int | None
    tx: str | None
    address: str


class OpenLine(Document, frozen=True):
    """Something that could not be looked at, or is owed; `decides` says that an answer hangs on it."""

    what: str
    why: str
    fault: str | None
    decides: bool
    job: int | None
    round: int | None


class Told(Document, frozen=True):
    """What the last audit told of lies and of open matters in a place: the first ones, of so many in all.

    `coverage` is null before the first audit; `trouble` says why a later one failed.
    """

    coverage: Coverage | None
    trouble: str
    answer: LiesAnswer
    lies: tuple[LieLine, ...]
    lies_told: int
    open: tuple[OpenLine, ...]
    open_told: int


class Answers(Told, frozen=True):
    """With the answer for what stands there: `right` is null, and `exit` with it, where that was not audited yet.

    `asked` is the question, as `fedledger audit` reports it, `command` the one that asks it without this server, and
    `exit` the code that it ends with. `stands` says whether anything stands; `why` is the reason of any answer but yes.
    """

    asked: dict[str, bool | int | str]
    stands: bool
    right: Answer | None
    exit: int | None
    why: str
    command: str


class AuditLine(Document, frozen=True):
    """An audit that this server made, in a list: `at` in seconds since 1970, of the history up to `block`.

    `rounds` had ended in it; `lies_told` and `open_told` count what it told.
    """

    at: int
    seconds: float
    block: int
    hash: str
    rounds: int
    right: Answer
    lies: LiesAnswer
    lies_told: int
    open_told: int


class AuditorAnswers(Document, frozen=True):
    """What an auditor answered under its signature: `asked` in words, of the history up to `block`.

    `at` is when, in seconds since 1970, by the auditor's own clock: nobody else vouches for it.
    """

    asked: str
    right: Answer
    exit: int
    lies: LiesAnswer
    lies_told: int
    open_told: int
    at: int
    block: int
    hash: str


class AuditorLine(Document, frozen=True):
    """A report that this server was handed in `file`. `trouble` says why it is not verified: `answers` is null then.

    `standing` is `verified` where this chain has the block that the report names; `fork` where it has another of that
    number, `ahead` where it has not come there, `unseen` until they are compared, `unverified` for anything else.
    `key` signed it; `party` is the member that the key is or was of, null where the auditor is not a member.
    """

    file: str
    standing: AuditorStanding
    trouble: str
    party: PartyDocument | None = None
    key: str | None = None
    answers: AuditorAnswers | None = None
