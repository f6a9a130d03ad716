"""A report under its auditor's signature, `signed-report/1` (docs/spec/audit.md): who says so, and that it is whole.

What is signed is typed data (EIP-712) for the ledger: the question, the answers, the block, and the report's digest. So
a wallet shows what it vouches for.
"""

import re
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.audit.report import EXIT, Report
from ledger.errors import FedledgerError, Malformed
from ledger.formats.digest import sha256
from ledger.formats.signatures import signer
from ledger.formats.strict import Strict
from ledger.formats.typed import TypedData, Types, domain, typed_digest

MAX_SIZE = 16 << 20
TYPES: Types = {
    "AuditReport": [
        {"name": "asked", "type": "string"},
        {"name": "right", "type": "string"},
        {"name": "lies", "type": "string"},
        {"name": "blockNumber", "type": "uint256"},
        {"name": "blockHash", "type": "bytes32"},
        {"name": "sha256", "type": "bytes32"},
    ]
}

_PLACE = re.compile(r"0x[0-9a-fA-F]{40} 0x[0-9a-f]{64} [0-9]{1,18} [0-9]{1,18}")


class NotSigned(FedledgerError):
    """A report that is not under the signature that it names, or is of another ledger."""

    exit_code = 1


ASKED = frozenset({"all", "job", "round", "model", "release"})
LONGEST_ASKED = 200


class SignedReport(Strict, frozen=True):
    """`report` is a report's JSON as it was signed, `signature` 65 bytes of the key `signer`, in hexadecimal."""

    fedledger: Literal["signed-report/1"]
    signer: str
    signature: str
    report: str

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


class CheckedReport(NamedTuple):
    """A report, and the key that signed it."""

    report: Report
    signer: str


class _Stated(msgspec.Struct, frozen=True):
    """What a report says beside its answers, of itself."""

    fedledger: Literal["report/2"]
    exit: int


def to_sign(report: Report, text: bytes) -> TypedData:
    """What an auditor signs of a report; `text` is its JSON. Raises Malformed where it says no place."""
    return domain(report.chain, report.ledger), dict(TYPES), _said(report, text)


def parse(data: bytes) -> CheckedReport:
    """Read a signed report. Raises Malformed for another form, NotSigned where the signature is not that key's."""
    if len(data) > MAX_SIZE:
        raise Malformed("the signed report is too large", size=len(data), maximum=MAX_SIZE)
    try:
        found = msgspec.json.decode(data, type=SignedReport)
        text = found.report.encode()
        stated = msgspec.json.decode(text, type=_Stated)
        report = msgspec.json.decode(text, type=Report)
        signature = bytes.fromhex(found.signature.removeprefix("0x"))
    except (msgspec.DecodeError, UnicodeError, ValueError, RecursionError) as error:
        raise Malformed(f"this is not a signed report: {error}") from error
    if stated.exit != EXIT[report.right.answer]:
        raise Malformed("the exit code is not that of the answer", expected=report.exit, actual=stated.exit)
    actual = signer(typed_digest(report.chain, report.ledger, TYPES, _said(report, text)), signature)
    if actual != found.signer:
        raise NotSigned("the report is not under the signature that it names", expected=found.signer, actual=actual)
    return CheckedReport(report, actual)


def require_ledger(report: Report, chain: int, ledger: str) -> None:
    """Raises NotSigned where a report is of another ledger: nobody signed it for this one."""
    here, there = f"{chain}, {ledger}", f"{report.chain}, {report.ledger}"
    if (report.chain, report.ledger) != (chain, ledger):
        raise NotSigned("the report is of another ledger", expected=here, actual=there)


def _said(report: Report, text: bytes) -> dict[str, Any]:
    read, place = report.history, f"{report.ledger} {report.history.hash} {report.chain} {report.history.block}"
    if len(report.asked) != 1 or not _PLACE.fullmatch(place):
        raise Malformed(
            "the report does not say what it is about: question, chain, contract, block", actual=place[:200]
        )
    ((what, which),) = report.asked.items()
    if what not in ASKED or len(str(which)) > LONGEST_ASKED:
        raise Malformed("the report is about no question that audits answer", actual=f"{what} {which}"[:200])
    return {
        "asked": "everything that stands" if what == "all" else f"{what} {which}",
        "right": report.right.answer,
        "lies": report.lies.answer,
        "blockNumber": read.block,
        "blockHash": bytes.fromhex(read.hash.removeprefix("0x")),
        "sha256": sha256(text),
    }
