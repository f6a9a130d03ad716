"""Documents of jobs."""

from ledger.formats.cid import RAW, Cid
from ledger.history.agreement import contradiction
from ledger.history.convicted import false_start, start_of
from ledger.history.jobs import approvals_needed, approving
from ledger.history.state import JobState
from ledger.history.withdrawal import address_of
from ledger.jobs.rules import RULE_NUMBERS
from web.documents.common import PartyDocument
from web.documents.ledger import Approval, BegunFalsely, JobLine, ModelTermsDocument, Strikes, WithdrawnDocument
from web.reading.ledger import Reading
from web.reading.models import model_line
from web.reading.rounds import round_line

RULES = {number: str(rule.__struct_config__.tag) for rule, number in RULE_NUMBERS.items()}


def job_lines(now: Reading) -> tuple[JobLine, ...]:
    """Every job, newest first."""
    return tuple(job_line(now, state) for state in reversed(list(now.snapshot.jobs.values())))


def job_line(now: Reading, state: JobState) -> JobLine:
    document, current = now.document(state), state.current
    latest = state.rounds.get(state.latest)
    return JobLine(
        job=state.number,
        name=document.name if document else None,
        digest=state.digest.hex(),
        cid=str(Cid(RAW, state.digest)),
        stage=state.stage,
        open=state.open,
        closed=state.closed,
        approvals=len(approving(state, now.snapshot.members)),
        rounds=len(state.rounds),
        finalised=state.finalised,
        rounds_planned=state.terms.rounds,
        convicted=state.convicted or None,
        sound=state.sound if state.convicted else None,
        **now.dated(state.block),
        current=round_line(now, state, current) if current else None,
        latest=model_line(now, state, latest) if latest else None,
    )


def approval_of(now: Reading, state: JobState) -> Approval | None:
    """How far a proposed job is from being opened; None once it was opened or closed."""
    if state.open or state.closed:
        return None
    members = now.snapshot.members
    return Approval(
        counted=len(approving(state, members)),
        needed=approvals_needed(members),
        command=f"fedledger job approve {state.number}",
    )


def model_terms(now: Reading, state: JobState) -> ModelTermsDocument:
    """What the ledger says of the job's models."""
    document, model = now.document(state), state.model
    return ModelTermsDocument(
        initial=model.initial.hex(),
        values=model.values,
        rule=RULES.get(model.rule, str(model.rule)),
        trim=model.trim,
        min_updates=model.min_updates,
        max_weight=model.max_weight,
        max_value=model.max_value,
        max_norm=model.max_norm,
        by_value=model.by_value,
        agrees=document.model_terms == model if document else None,
    )


def differs(now: Reading, state: JobState) -> str | None:
    """What the contracts keep of the job otherwise than its document says, in words."""
    document = now.document(state)
    found = contradiction(document, state, now.snapshot.masks.get(state.number)) if document else None
    return str(found) if found else None


def begins(now: Reading, initial: bytes, state: JobState | None = None) -> BegunFalsely | None:
    """The false model that a job begins from, by the root of its initial one; `state` is that of one on the ledger."""
    jobs = now.snapshot.jobs.values()
    found = false_start(jobs, initial) if state is None else start_of(jobs, state)
    return BegunFalsely(**found._asdict()) if found else None


def edges(now: Reading, state: JobState) -> tuple[PartyDocument, ...]:
    """The members that bring sums of their children's updates."""
    document = now.document(state)
    hierarchy = document.hierarchy if document else None
    return tuple(map(now.member_party, hierarchy.indices)) if hierarchy else ()


def strikes(now: Reading, state: JobState) -> tuple[Strikes, ...]:
    """The aggregators with strikes, by index."""
    struck = sorted((index, count) for index, count in state.strikes.items() if count)
    return tuple(Strikes(party=now.member_party(index), count=count) for index, count in struck)


def withdrawn(now: Reading, state: JobState) -> tuple[WithdrawnDocument, ...]:
    """The members that withdrew their data, by index."""
    return tuple(
        WithdrawnDocument(
            party=now.member_party(index),
            after_round=said.last_round,
            statement=str(address_of(said)),
            broken_in=state.broken_by(index),
            **now.dated(said.block),
        )
        for index, said in sorted(state.withdrawn.items())
    )
