"""Documents of jobs."""

from ledger.formats.cid import RAW, Cid
from ledger.history.jobs import approving
from ledger.history.state import JobState
from web.documents.ledger import Approval, JobLine
from web.reading.ledger import Reading
from web.reading.models import model_line
from web.reading.rounds import round_line


def job_lines(now: Reading) -> tuple[JobLine, ...]:
    """Every job, newest first."""
    return tuple(job_line(now, state) for state in reversed(list(now.snapshot.jobs.values())))


def job_line(now: Reading, state: JobState) -> JobLine:
    document, current = now.document(state), state.current
    latest = next((one for one in reversed(state.rounds.values()) if one.final is not None), None)
    return JobLine(
        job=state.number,
        name=document.name if document else None,
        digest=state.digest.hex(),
        cid=str(Cid(RAW, state.digest)),
        open=state.open,
        closed=state.closed,
        approvals=len(approving(state, now.snapshot.members)),
        rounds=len(state.rounds),
        finalised=state.finalised,
        rounds_planned=state.terms.rounds,
        current=round_line(current) if current else None,
        latest=model_line(now, state, latest) if latest else None,
    )


def approval_of(now: Reading, state: JobState) -> Approval | None:
    """How far a proposed job is from being opened; None once it was opened or closed."""
    if state.open or state.closed:
        return None
    members = now.snapshot.members
    return Approval(
        counted=len(approving(state, members)),
        needed=sum(member.active for member in members.values()) // 2 + 1,
        command=f"fedledger job approve {state.number}",
    )
