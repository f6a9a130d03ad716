"""A report's verdict follows from its findings, and nothing unchecked is ever VERIFIED."""

import json
from itertools import product

import pytest
from support.worlds.world import blank_report

from ledger.audit.report import OPTIONAL, AuditVerdict, Check, Finding, Report, Status
from ledger.errors import Corrupt, FedledgerError, Malformed, Refuted, Rejected, Unavailable, UsageError

REQUIRED = sorted(set(Check) - OPTIONAL)


def full() -> Report:
    report = blank_report()
    for check in REQUIRED:
        report.verify(check)
    return report


def finding(status: Status, check: Check = Check.BYTES) -> Finding:
    return Finding(check=check, status=status, message="x")


def test_numbers_and_optional_checks_are_fixed_for_ever() -> None:
    assert [(check.value, check.name) for check in Check] == [
        (1, "CODE"),
        (2, "SOURCE"),
        (3, "LOG"),
        (4, "HEADS"),
        (5, "JOB"),
        (6, "INITIAL"),
        (7, "BYTES"),
        (8, "ADMISSION"),
        (9, "AGGREGATE"),
        (10, "ATTESTATION"),
        (11, "COPIES"),
        (12, "SCORES"),
    ]
    assert {Check.SOURCE, Check.COPIES} == OPTIONAL
    assert {verdict.value: verdict.exit_code for verdict in AuditVerdict} == {"VERIFIED": 0, "REFUTED": 1, "UNKNOWN": 3}
    assert all(check.title for check in Check)


@pytest.mark.parametrize("left_out", [None, *REQUIRED])
def test_every_required_check_must_have_been_made(left_out: Check | None) -> None:
    report = blank_report()
    report.skipped = [left_out] if left_out else []
    for check in REQUIRED:
        if check is not left_out:
            report.verify(check)
    assert report.verdict is (AuditVerdict.UNKNOWN if left_out else AuditVerdict.VERIFIED)


def test_an_empty_report_is_unknown() -> None:
    assert blank_report().verdict is AuditVerdict.UNKNOWN


@pytest.mark.parametrize("statuses", list(product(["verified", "refuted", "unknown", "notice"], repeat=2)))
def test_the_worst_finding_decides(statuses: tuple[Status, Status]) -> None:
    report = full()
    for status in statuses:
        report.add(finding(status))
    expected = AuditVerdict.VERIFIED
    if "unknown" in statuses:
        expected = AuditVerdict.UNKNOWN
    if "refuted" in statuses:
        expected = AuditVerdict.REFUTED
    assert report.verdict is expected


def test_json_has_everything_and_names_only_what_is_known() -> None:
    report = full()
    report.add(Finding(check=Check.AGGREGATE, status="refuted", message="m", round=2, chunk=0, culprit="east"))
    document = json.loads(report.to_json())
    assert (document["fedledger"], document["verdict"]) == ("report/2", "REFUTED")
    assert document["findings"] == [
        {"check": 9, "status": "refuted", "message": "m", "round": 2, "chunk": 0, "culprit": "east"}
    ]
    assert document["passed"] == {str(int(check)): 1 for check in REQUIRED}


def test_counts_add_up() -> None:
    report = blank_report()
    report.verify(Check.BYTES, 0)
    report.verify(Check.BYTES, 3)
    report.verify(Check.BYTES)
    assert report.passed == {Check.BYTES: 4}
    assert blank_report().passed == {}


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FedledgerError, 3), (Refuted, 1), (UsageError, 2), (Malformed, 2), (Unavailable, 3), (Corrupt, 3), (Rejected, 4)],
)
def test_exit_codes_are_never_reused(kind: type[FedledgerError], code: int) -> None:
    error = kind("it is so", advice="do this", expected=1, two_words="x")
    assert error.exit_code == code
    assert str(error) == "it is so\n  expected: 1\n  two words: x"
    assert error.advice == "do this"
    with pytest.raises(TypeError):
        error.facts["expected"] = 2  # type: ignore[index]


def test_foreign_text_steers_no_terminal() -> None:
    error = Malformed("unknown field \x1b[2J\ud800", name="a\x07b", other="é €\u202e")
    assert str(error) == "unknown field \\x1b[2J\\ud800\n  name: a\\x07b\n  other: é €\\u202e"
    assert error.message == "unknown field \\x1b[2J\\ud800"
