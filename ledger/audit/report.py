"""The audit's report: findings with evidence, and the verdict that follows from them.

VERIFIED: every check was made and held. REFUTED: evidence contradicts a claim. UNKNOWN: nothing contradicts, but
something could not be checked. A notice changes no verdict: a damaged copy, bytes that no standing claim depends on.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Literal

import msgspec

from ledger.events.evidence import SignedStatement


class AuditVerdict(Enum):
    """The verdict; its exit code is documented in docs/spec/audit.md."""

    VERIFIED = "VERIFIED"
    REFUTED = "REFUTED"
    UNKNOWN = "UNKNOWN"

    @property
    def exit_code(self) -> int:
        return {"VERIFIED": 0, "REFUTED": 1, "UNKNOWN": 3}[self.value]


class Check(IntEnum):
    """The numbered checks, in the order in which they are made. Numbers are never reused."""

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

    @property
    def title(self) -> str:
        return _TITLES[self]


_TITLES = {
    Check.CODE: "the code on chain is the code pinned in the network file",
    Check.SOURCE: "the code on chain is these sources compiled",
    Check.LOG: "the ledger's events follow from one another",
    Check.HEADS: "hash chains and models equal those on chain: no update is missing or altered",
    Check.JOB: "the job's document is the one approved, and its terms are the contract's",
    Check.INITIAL: "the initial model is the one in the job's document",
    Check.BYTES: "the bytes of every update are at hand and match their CID",
    Check.ADMISSION: "every update's verdict recomputes",
    Check.AGGREGATE: "every aggregate recomputes to the same root and CID",
    Check.ATTESTATION: "every attestation says what recomputes",
    Check.COPIES: "the copies that were read are whole",
    Check.SCORES: "every score recomputes, or follows from what was revealed where data are private",
}

Status = Literal["verified", "refuted", "unknown", "notice"]
OPTIONAL = frozenset({Check.SOURCE, Check.COPIES})
"""Checks that a verdict does not need; leaving out any other makes it UNKNOWN."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the audit found, and the evidence.

    `culprit` is the party that signed what is refuted, as `evidence` proves; `holder` keeps a damaged copy. `chunk`
    counts 1 KiB leaves of the artifact's integers from 0, `value` the integers of `tensor`.
    """

    check: Check
    status: Status
    message: str
    job: int | None = None
    round: int | None = None
    attempt: int | None = None
    culprit: str | None = None
    party: str | None = None
    holder: str | None = None
    cid: str | None = None
    tensor: str | None = None
    chunk: int | None = None
    value: int | None = None
    expected: str | None = None
    actual: str | None = None
    tx: str | None = None
    evidence: SignedStatement | None = None


class Report(msgspec.Struct, kw_only=True):
    """What an audit did and found.

    `rests_on` are others' signed statements from which what is refuted was computed: the updates of its round.
    """

    network: str
    chain: int
    consortium: str
    ledger: str
    block: int
    scope: str
    findings: list[Finding] = []
    rests_on: list[SignedStatement] = []
    passed: dict[int, int] = {}
    skipped: list[int] = []

    def verify(self, check: Check, count: int = 1) -> None:
        """Count checks that held; 0 says that there was nothing to check."""
        self.passed[check] = self.passed.get(check, 0) + count

    def add(self, finding: Finding) -> None:
        self.findings.append(finding)

    def rest_on(self, statements: Iterable[SignedStatement]) -> None:
        """Take these statements in, each once."""
        known = {(one.raw, one.signer) for one in self.rests_on}
        self.rests_on.extend(one for one in statements if (one.raw, one.signer) not in known)

    @property
    def verdict(self) -> AuditVerdict:
        """What follows from findings and checks: see the head of this file."""
        statuses = {finding.status for finding in self.findings}
        if "refuted" in statuses:
            return AuditVerdict.REFUTED
        required = set(Check) - OPTIONAL
        if "unknown" in statuses or not self.passed or not required <= self.passed.keys():
            return AuditVerdict.UNKNOWN
        return AuditVerdict.VERIFIED

    def counts(self) -> Counter[str]:
        return Counter(finding.status for finding in self.findings)

    def to_json(self) -> bytes:
        """The report as one JSON document."""
        document = msgspec.to_builtins(self, str_keys=True)
        document["passed"] = {str(check): self.passed[check] for check in sorted(self.passed)}
        return msgspec.json.encode({"fedledger": "report/2", "verdict": self.verdict.value, **document})
