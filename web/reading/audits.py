"""The document of the last audit that this server made."""

from ledger.audit.report import Check, Finding, Report
from web.documents.ledger import AuditDocument, CheckLine, CheckStatus
from web.reading.ledger import Reading


def audit_document(now: Reading) -> AuditDocument | None:
    """The last audit; None before the first."""
    audited = now.state.audited
    if audited is None:
        return None
    report = audited.report
    return AuditDocument(
        verdict=report.verdict.value if report else None,
        at=audited.at,
        seconds=audited.seconds,
        block=report.block if report else 0,
        rounds=audited.rounds,
        trouble=audited.trouble,
        checks=tuple(_check(report, check) for check in Check) if report else (),
        report=report,
    )


def findings(now: Reading, job: int) -> list[Finding]:
    """What the last audit found on the job's rounds."""
    audited = now.state.audited
    found = audited.report.findings if audited and audited.report else []
    return [one for one in found if one.job == job and one.round is not None]


def _check(report: Report, check: Check) -> CheckLine:
    """A check with the worst that was found."""
    statuses = {finding.status for finding in report.findings if finding.check is check}
    made = check in report.passed or bool(statuses)
    worst: CheckStatus = "verified" if made else "skipped"
    if "refuted" in statuses:
        worst = "refuted"
    elif "unknown" in statuses:
        worst = "unknown"
    elif "notice" in statuses:
        worst = "notice"
    return CheckLine(
        number=int(check), code=check.name, title=check.title, status=worst, held=report.passed.get(check, 0)
    )
