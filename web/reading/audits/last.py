"""The document of the last audit that this server made, and what it says of one claim."""

from ledger.audit.claims import CODE
from ledger.audit.report import Answer, Check, Report
from web.documents.ledger import AuditDocument, CheckLine, CheckpointLine, CheckStatus
from web.reading.ledger import Reading


def audit_document(now: Reading) -> AuditDocument | None:
    """The last audit; None before the first."""
    audited = now.state.audited
    if audited is None:
        return None
    report = audited.report
    return AuditDocument(
        right=report.right.answer if report else None,
        lies=report.lies.answer if report else None,
        at=audited.at,
        seconds=audited.seconds,
        block=report.history.block if report else 0,
        rounds=audited.rounds,
        trouble=audited.trouble,
        signed=_signed(now, report) if report else None,
        checks=check_lines(report) if report else (),
        report=report,
    )


def answer_for(now: Reading, claim: str) -> Answer | None:
    """What the last audit says of a claim; None where it said nothing."""
    index = now.state.audited.index if now.state.audited else None
    found = index.claims.get(claim) if index else None
    return found.answer if found else None


def check_lines(report: Report) -> tuple[CheckLine, ...]:
    """Every check of an audit, made or not, with the worst that was found."""
    return tuple(_check(report, check) for check in Check)


def _signed(now: Reading, report: Report) -> CheckpointLine | None:
    """How much of the history that was judged a majority signed for."""
    signed = report.history.signed
    if signed is None:
        return None
    parties = tuple(map(now.member_party, signed.members))
    return CheckpointLine(block=signed.as_of, parties=parties, of=signed.of, after=report.history.after)


def _check(report: Report, check: Check) -> CheckLine:
    """A check with the worst that was found."""
    states = {lie.state for lie in report.lies.list if lie.check is check}
    open_ = [one for one in report.open.list if one.check is check]
    status: CheckStatus = "held" if check in report.passed else "skipped"
    if states - {"caught"} or (check is Check.SOURCE and _code_is_false(report)):
        status = "false"
    elif any(one.touches for one in open_):
        status = "unknown"
    elif states:
        status = "caught"
    elif open_ and check not in report.skipped:
        status = "open"
    return CheckLine(
        number=int(check), code=check.name, title=check.title, status=status, held=report.passed.get(check, 0)
    )


def _code_is_false(report: Report) -> bool:
    return any(one.claim == CODE and one.answer == "no" for one in report.right.claims)
