"""Documents of rounds: who committed and who opened, updates with their verdicts, attempts at an outcome."""

from ledger.events.records import Reason, Role
from ledger.history.state import JobState, Round
from ledger.rounds.admission import Verdict
from ledger.rounds.awaited import awaited
from ledger.rounds.receipts import signers_needed
from ledger.rounds.scaled import Scalars
from web.documents.rounds import (
    AwaitedDocument,
    CommitmentDocument,
    Judgement,
    RoundDocument,
    RoundLine,
    UpdateDocument,
)
from web.reading.attempts import aggregate_document, fetched_receipts
from web.reading.counting import verdicts
from web.reading.ledger import Reading
from web.reading.models import update_cid
from web.reading.updates.children import of_update
from web.reading.updates.weights import counted_of


def round_line(now: Reading, state: JobState, round_: Round) -> RoundLine:
    final, stage = round_.final, now.stage(state, round_)
    return RoundLine(
        job=round_.job,
        round=round_.number,
        phase=stage.phase.value,
        reason=_reason(round_.reason),
        committed=len(round_.commitments),
        updates=len(round_.updates),
        attempts=round_.attempt,
        members=round_.members,
        deadline=None if stage.phase.terminal else stage.deadline,
        ended=now.moment(round_.ended_in),
        **now.dated(round_.block),
        root=final.root.hex() if final else None,
        convicted=final is not None and state.is_convicted(round_.number),
    )


def awaited_document(now: Reading, state: JobState, round_: Round | None) -> AwaitedDocument | None:
    """Whom a round waits for; None without one, or where it waits for nobody."""
    if round_ is None or state.closed:
        return None
    snapshot = now.snapshot
    found = awaited(snapshot.members, state, round_, now.state.time, masked=state.number in snapshot.masks)
    if found is None:
        return None
    parties, withdrawn = (tuple(map(now.member_party, some)) for some in (found.members, found.withdrawn))
    return AwaitedDocument(
        phase=found.phase.value, parties=parties, withdrawn=withdrawn, needed=found.needed, until=found.until
    )


def round_document(now: Reading, state: JobState, round_: Round) -> RoundDocument:
    members, stage = now.snapshot.members.values(), now.stage(state, round_)
    awaited = [] if round_.full else members
    absent = [m for m in awaited if m.index not in round_.commitments and m.acts(Role.PARTICIPANT, round_.epoch)]
    return RoundDocument(
        job=round_.job,
        round=round_.number,
        phase=stage.phase.value,
        reason=_reason(round_.reason),
        opener=now.owner(round_.opener),
        epoch=round_.epoch,
        members=round_.members,
        participants=round_.participants,
        target=round_.target,
        aggregators=round_.aggregators,
        majority=round_.majority,
        signers_needed=signers_needed(round_.members),
        base=state.built_on(round_.number),
        convicted=round_.final is not None and state.is_convicted(round_.number),
        update_deadline=round_.update_deadline,
        deadline=None if stage.phase.terminal else stage.deadline,
        awaited=awaited_document(now, state, round_),
        ended=now.moment(round_.ended_in),
        tx=round_.tx.hex(),
        **now.dated(round_.block),
        commitments=_commitments(now, round_),
        updates=_updates(now, state, round_),
        unopened=tuple(now.party(made.index, made.party) for made in round_.unopened),
        missing=tuple(now.party(m.index, m.key) for m in absent),
        aggregates=tuple(aggregate_document(now, state, round_, aggregate) for aggregate in round_.aggregates),
    )


def _commitments(now: Reading, round_: Round) -> tuple[CommitmentDocument, ...]:
    return tuple(
        CommitmentDocument(
            party=now.party(index, made.party),
            commitment=made.digest.hex(),
            opened=index in round_.updates,
            tx=made.tx.hex(),
            **now.dated(made.block),
        )
        for index, made in sorted(round_.commitments.items())
    )


def _updates(now: Reading, state: JobState, round_: Round) -> tuple[UpdateDocument, ...]:
    judged = [None if byte is None else judgement(byte) for byte in verdicts(round_)]
    receipts = fetched_receipts(now, round_.aggregates[-1]) if round_.aggregates else None
    counted, whole = counted_of(now, state, round_)
    none = Scalars(None, None)
    return tuple(
        UpdateDocument(
            party=now.party(update.index, update.party),
            weight=update.weight,
            root=update.root.hex(),
            cid=update_cid(now, state, update),
            tx=update.tx.hex(),
            opening=update.opening.hex(),
            children=of_update(now, state, update),
            **now.dated(update.block),
            verdict=verdict,
            factor=counted.get(update.index, none).factor,
            share=counted.get(update.index, none).share,
            whole=whole if update.index in counted else None,
            staleness=counted.get(update.index, none).staleness,
            signers=tuple(now.party(one, round_.keys[one]) for one in receipts.signers(update.index))
            if receipts
            else None,
            certified=update.index in receipts.certified if receipts else None,
        )
        for update, verdict in zip(round_.sorted_updates(), judged, strict=True)
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
