"""Documents of rounds: updates with their verdicts, aggregates with their attestations."""

from ledger.events.records import Reason, Role
from ledger.history.state import Aggregate, JobState, Round
from ledger.rounds.admission import Verdict
from web.documents.ledger import (
    AggregateDocument,
    AttestationDocument,
    Judgement,
    RoundDocument,
    RoundLine,
    UpdateDocument,
)
from web.reading.counting import verdicts
from web.reading.ledger import Reading
from web.reading.models import file_cid


def round_line(round_: Round) -> RoundLine:
    final = round_.final
    return RoundLine(
        job=round_.job,
        round=round_.number,
        phase=round_.phase.value,
        reason=_reason(round_.reason),
        updates=len(round_.updates),
        attempts=round_.attempt,
        members=round_.members,
        deadline=round_.deadline,
        root=final.root.hex() if final else None,
    )


def round_document(now: Reading, state: JobState, round_: Round) -> RoundDocument:
    finals = (number for number in range(round_.number - 1, 0, -1) if state.rounds[number].final is not None)
    present = round_.updates.keys()
    absent = [m for m in now.snapshot.members.values() if m.index not in present and m.has(Role.PARTICIPANT)]
    return RoundDocument(
        job=round_.job,
        round=round_.number,
        phase=round_.phase.value,
        reason=_reason(round_.reason),
        opener=now.owner(round_.opener),
        epoch=round_.epoch,
        members=round_.members,
        majority=round_.majority,
        base=next(finals, 0),
        update_deadline=round_.update_deadline,
        deadline=round_.deadline,
        updates=_updates(now, state, round_),
        missing=tuple(now.party(m.index, m.key) for m in absent if m.since <= round_.epoch),
        aggregates=tuple(_aggregate(now, state, aggregate) for aggregate in round_.aggregates),
    )


def _updates(now: Reading, state: JobState, round_: Round) -> tuple[UpdateDocument, ...]:
    judged = [None if byte is None else judgement(byte) for byte in verdicts(round_)]
    return tuple(
        UpdateDocument(
            party=now.party(update.index, update.party),
            weight=update.weight,
            root=update.root.hex(),
            cid=file_cid(now, state, update.cid),
            tx=update.tx.hex(),
            verdict=verdict,
        )
        for update, verdict in zip(round_.sorted_updates(), judged, strict=True)
    )


def _aggregate(now: Reading, state: JobState, aggregate: Aggregate) -> AggregateDocument:
    return AggregateDocument(
        attempt=aggregate.attempt,
        party=now.party(aggregate.index, aggregate.aggregator),
        outcome=aggregate.outcome.value if aggregate.outcome else None,
        root=None if aggregate.empty else aggregate.root.hex(),
        cid=None if aggregate.empty else file_cid(now, state, aggregate.cid),
        claim=aggregate.claim.hex(),
        deadline=aggregate.deadline,
        agreeing=aggregate.agreeing,
        disagreeing=aggregate.against,
        attestations=tuple(
            AttestationDocument(
                party=now.party(one.index, one.member), agrees=one.agrees, claim=one.claim.hex(), tx=one.tx.hex()
            )
            for one in aggregate.attestations
        ),
        tx=aggregate.tx.hex(),
    )


def judgement(byte: int) -> Judgement:
    """An admission's verdict by the byte on the ledger, which an aggregator may have made up."""
    try:
        verdict = Verdict(byte)
    except ValueError:
        return Judgement(code=byte, name="", meaning=f"no such verdict: {byte}")
    return Judgement(code=byte, name=verdict.name, meaning=verdict.meaning)


def _reason(reason: Reason) -> str:
    return "" if reason is Reason.NONE else reason.name
