"""The audit's report, `report/2` (docs/spec/audit.md): three answers, and what they rest on.

Is what stands right; who lied, and was it caught; what is open, and whose fault is that. `ledger.audit.answers` draws
them up. The exit code follows the first alone.
"""

from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec

from ledger.events.evidence import SignedStatement


class Check(IntEnum):
    """The numbered checks. Numbers are never reused."""

    CODE = 1
    SOURCE = 2
    LOG = 3
    HEADS = 4
    JOB = 5
    INITIAL = 6
    BYTES = 7
    ADMISSION = 8
    AGGREGATE = 9
    ATTESTATION = 10
    COPIES = 11
    SCORES = 12
    SIGNED = 13
    SEALS = 14
    RECEIPTS = 15
    MASKS = 16
    EDGES = 17
    COURT = 18

    @property
    def title(self) -> str:
        return _TITLES[self]


_TITLES = {
    Check.CODE: "the code on chain is the code pinned in the network file",
    Check.SOURCE: "the code on chain is these sources compiled",
    Check.LOG: "the ledger's events follow from one another",
    Check.HEADS: "models, claims, scores, commitments, strikes, casts and convictions are those that contracts keep",
    Check.JOB: "the job's document is the one approved, and its terms are the contract's",
    Check.INITIAL: "the initial model is the one in the job's document",
    Check.BYTES: "the bytes of every update and every receipts file are at hand and match their CID",
    Check.ADMISSION: "every update's verdict recomputes under the receipts that the aggregate names",
    Check.AGGREGATE: "every aggregate recomputes to the same root, CID and carried file",
    Check.ATTESTATION: "every attestation says what recomputes, and shows that it was computed",
    Check.COPIES: "the copies that were read are whole",
    Check.SCORES: "every score recomputes, or follows from what was revealed where data are private",
    Check.SIGNED: "the history is the one that members signed: heads, blocks and signatures of every final round",
    Check.SEALS: "the chain's validators sealed its blocks since the founding",
    Check.RECEIPTS: "events after the last signed head are those that the receipts of their blocks hold",
    Check.MASKS: "set-ups, casts, sets, seeds, shares and openings of masked rounds are those that follow",
    Check.COURT: "what the court convicted is false by what was shown to it",
    Check.EDGES: "sums that were read down to children's updates, and receipts that were shown, hold",
}

OPTIONAL = frozenset({Check.SOURCE, Check.COPIES, Check.SEALS, Check.RECEIPTS})
"""Checks that an answer does not need; where any other was not made, it is `unknown`."""

Answer = Literal["yes", "no", "unknown"]
StorageRead = Literal["proved", "on the node's word", "falsely proved"]
LieState = Literal["standing", "pending", "caught"]
EXIT: dict[Answer, int] = {"yes": 0, "no": 1, "unknown": 3}


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a check found something, as far as it is known.

    `party` is whose update it is about; `holder` keeps a damaged copy. `chunk` counts 1 KiB leaves of the artifact's
    integers from 0, `value` the integers of `tensor`; `stream` is the server optimiser's whose state they are.
    `touches` are the claims that it decides.
    """

    check: Check
    why: str
    job: int | None = None
    round: int | None = None
    attempt: int | None = None
    party: str | None = None
    holder: str | None = None
    cid: str | None = None
    stream: str | None = None
    tensor: str | None = None
    chunk: int | None = None
    value: int | None = None
    expected: str | None = None
    actual: str | None = None
    tx: str | None = None
    touches: tuple[str, ...] = ()


class Lie(Detail, frozen=True, kw_only=True, omit_defaults=True):
    """What a party signed and what recomputes otherwise: `who` said it under `key`, as `evidence` proves.

    standing: the ledger took it as true. pending: it is being attested. caught: the members refuted or outvoted it.
    """

    who: str
    key: str
    said: str
    state: LieState
    evidence: SignedStatement


class Open(Detail, frozen=True, kw_only=True, omit_defaults=True):
    """What could not be looked at, or is owed. `fault` says by whom, where anyone is at fault; it convicts nobody.

    `signed_for` are the members that signed to hold the bytes.
    """

    what: str
    fault: str | None = None
    signed_for: tuple[str, ...] = ()


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer for one claim. `rests_on` are the claims directly below it.

    `given_base` is the answer if what it rests on is right, where that makes a difference or was not asked; `note` says
    what else is on record of it.
    """

    claim: str
    answer: Answer
    rests_on: tuple[str, ...] = ()
    given_base: Answer | None = None
    why: str | None = None
    note: str | None = None


class Right(msgspec.Struct, frozen=True):
    """Whether all claims in question are right: `no` if one is false, `unknown` if one could not be made again."""

    answer: Answer
    claims: tuple[ClaimAnswer, ...] = ()


class Lies(msgspec.Struct, frozen=True):
    """Who lied; `answer` is the worst state of all."""

    answer: Literal["none", "caught", "pending", "standing"]
    list: tuple[Lie, ...] = ()


class OpenMatters(msgspec.Struct, frozen=True):
    """What is open."""

    answer: Literal["nothing", "something"]
    list: tuple[Open, ...] = ()


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chain node says of the history's block: `same` hash or not, null where it could not say.

    `block` is its own latest. The first one is where the history was read.
    """

    url: str
    same: bool | None
    block: int | None = None
    trouble: str | None = None


class Signed(msgspec.Struct, frozen=True, rename={"as_of": "asOf"}):
    """Up to which block the members, of so many, signed the history: its last signed head."""

    as_of: int
    anchor: str
    members: tuple[int, ...]
    of: int


class HistoryRead(msgspec.Struct, frozen=True, kw_only=True):
    """The history that was judged: its last block, that block's hash and time (seconds since 1970), its age in seconds.

    `after` counts the events that no signed head covers: all, where `signed` is null. `storage` says how it is known
    what the contracts kept after that block, `receipts` how far the events after the last signed head are proved to be
    those of their blocks, `seals` how far validators are shown to have sealed the blocks.
    """

    block: int
    hash: str
    time: int
    age: int
    events: int
    after: int
    signed: Signed | None = None
    endpoints: tuple[Endpoint, ...] = ()
    storage: StorageRead = "on the node's word"
    receipts: str = "not looked at"
    seals: str = "not looked at"


Squares = Annotated[str, msgspec.Meta(pattern="^(0|[1-9][0-9]{0,29})$")]
MemberIndex = Annotated[int, msgspec.Meta(ge=0, le=254)]
Ordinal = Annotated[int, msgspec.Meta(ge=1, le=(1 << 32) - 1)]


class MeasuredRound(msgspec.Struct, frozen=True):
    """The sum of squares of each update of a round that was read, in the ledger's integers, by member index.

    A decimal number, as it may be greater than a JSON reader's integers.
    """

    job: Ordinal
    round: Ordinal
    squares: dict[MemberIndex, Squares]


class PlatformNote(msgspec.Struct, frozen=True, kw_only=True):
    """A platform document that the header of an update names by its SHA-256 (hexadecimal), and what the auditor's own
    roots say of it: a notice, which changes no answer. `tx` opened the update in `block`.
    """

    job: Ordinal
    round: Ordinal
    party: str
    key: str
    block: int
    tx: str
    sha256: str
    sort: str = "not at hand"
    answer: Literal["right", "wrong", "not looked at"] = "not looked at"
    why: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit was asked, and its answers.

    `rests_on` are others' signed statements from which lies were computed: the updates of a round. `passed` counts what
    held, by check; `skipped` are the checks left out. `measured` are the rounds that were looked at, by job and number.
    `platforms` are documents in which trusted hardware speaks for the machines that updates were made on.
    """

    asked: dict[str, Any]
    network: str
    chain: int
    consortium: str
    ledger: str
    history: HistoryRead
    right: Right
    lies: Lies
    open: OpenMatters
    rests_on: tuple[SignedStatement, ...] = ()
    passed: dict[int, int] = {}
    skipped: tuple[int, ...] = ()
    measured: tuple[MeasuredRound, ...] = ()
    platforms: tuple[PlatformNote, ...] = ()

    @property
    def exit(self) -> int:
        """0 yes, 1 no, 3 unknown."""
        return EXIT[self.right.answer]

    def to_json(self) -> bytes:
        """The report as one JSON document."""
        document = msgspec.to_builtins(self, str_keys=True)
        if not self.platforms:
            del document["platforms"]
        document["passed"] = {str(check): self.passed[check] for check in sorted(self.passed)}
        return msgspec.json.encode(
            {"fedledger": "report/2", "asked": document.pop("asked"), "exit": self.exit, **document}
        )
