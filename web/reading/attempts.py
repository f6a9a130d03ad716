"""Documents of attempts at a round's outcome: what each claims, the receipts that it names, what members said of it."""

from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import NOTHING
from ledger.history.state import Aggregate, Attestation, JobState, Phase, Round
from ledger.jobs.document import Job
from ledger.rounds.carried import Carried, StateStream
from ledger.rounds.receipts import RECEIPTS_BIT, marks
from ledger.rounds.server_state import layout_of
from web.documents.rounds import (
    AggregateDocument,
    AttemptEnd,
    AttestationDocument,
    CarriedDocument,
    FormName,
    ReceiptsDocument,
    StreamDocument,
)
from web.reading.latest import FetchedReceipts, MissingFile
from web.reading.ledger import Reading
from web.reading.models import file_cid

_FORMS: dict[Form, FormName] = {Form.AGREE: "agree", Form.OTHER: "other", Form.MISSING: "missing"}


def aggregate_document(now: Reading, state: JobState, round_: Round, aggregate: Aggregate) -> AggregateDocument:
    forms = [one.form for one in aggregate.attestations]
    return AggregateDocument(
        attempt=aggregate.attempt,
        party=now.party(aggregate.index, aggregate.aggregator),
        outcome=aggregate.outcome.value if aggregate.outcome else None,
        end=attempt_end(round_, aggregate),
        ended=now.moment(aggregate.ended_in),
        base=aggregate.base.hex(),
        root=None if aggregate.empty else aggregate.root.hex(),
        cid=None if aggregate.empty else file_cid(now, state, aggregate.cid),
        as_of=aggregate.as_of,
        anchor=aggregate.anchor.hex(),
        head=aggregate.head.hex(),
        receipts=_receipts(now, aggregate),
        carried=_carried(now, state, aggregate),
        claim=aggregate.claim.hex(),
        deadline=aggregate.deadline,
        agreeing=aggregate.agreeing,
        other=forms.count(Form.OTHER),
        missing=forms.count(Form.MISSING),
        attestations=tuple(_attestation(now, one) for one in aggregate.attestations),
        tx=aggregate.tx.hex(),
        **now.dated(aggregate.block),
    )


def attempt_end(round_: Round, aggregate: Aggregate) -> AttemptEnd | None:
    """How an attempt ended; None while members attest it."""
    if aggregate.outcome is None:
        return None
    if aggregate.outcome is Phase.FINALISED:
        return "finalised"
    if aggregate.empty and aggregate.agreeing >= round_.majority:
        return "no_model"
    return "outvoted" if aggregate.outcome is Phase.REFUTED else "unheard"


def fetched_receipts(now: Reading, aggregate: Aggregate) -> FetchedReceipts | None:
    """What the receipts file that an aggregate names says; None where it was not read."""
    found = now.state.receipts.get(aggregate.claim)
    return found if isinstance(found, FetchedReceipts) else None


def form_name(attestation: Attestation) -> FormName:
    return _FORMS[attestation.form]


def _receipts(now: Reading, aggregate: Aggregate) -> ReceiptsDocument:
    found = now.state.receipts.get(aggregate.claim)
    read = fetched_receipts(now, aggregate)
    missing = found if isinstance(found, MissingFile) else None
    return ReceiptsDocument(
        digest=aggregate.receipts.hex(),
        cid=str(Cid(RAW, aggregate.receipts)),
        status="read" if read else "malformed" if missing and missing.final else "unread",
        trouble=missing.trouble if missing else "",
        entries=read.entries if read else 0,
        certified=len(read.certified) if read else 0,
    )


def _carried(now: Reading, state: JobState, aggregate: Aggregate) -> CarriedDocument | None:
    if aggregate.carried == NOTHING:
        return None
    found, job = now.state.carried.get(aggregate.carried), now.state.documents.get(state.digest)
    read, missing = (found, None) if isinstance(found, Carried) else (None, found)
    return CarriedDocument(
        digest=aggregate.carried.hex(),
        cid=str(Cid(RAW, aggregate.carried)),
        status="read" if read else "malformed" if missing and missing.final else "unread",
        trouble=missing.trouble if missing else "",
        streams=tuple(_stream(job, one) for one in read.streams) if read else (),
        scalars=len(read.scalars) if read else 0,
    )


def _stream(job: Job | None, said: StateStream) -> StreamDocument:
    cid = None if job is None else str(said.file(layout_of(job.layout, said.name).size))
    return StreamDocument(name=said.name, root=said.root.hex(), cid=cid)


def _attestation(now: Reading, said: Attestation) -> AttestationDocument:
    bitmap, members = int.from_bytes(said.detail, "big"), now.snapshot.members
    lacks = marks(bitmap) if said.form is Form.MISSING else []
    return AttestationDocument(
        party=now.party(said.index, said.member),
        form=form_name(said),
        claim=said.claim.hex(),
        detail=said.detail.hex(),
        lacks=tuple(now.member_party(index) for index in lacks if index in members),
        lacks_receipts=RECEIPTS_BIT in lacks,
        tx=said.tx.hex(),
        **now.dated(said.block),
    )
