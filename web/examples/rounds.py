"""The consortium's job, and the one round of it."""

from ledger.events.records import Terms
from ledger.rounds.trace import ModelTrace, UpdateTrace
from web.documents.activity import ActivityLine
from web.documents.ledger import JobLine, ModelLine, ModelTermsDocument
from web.documents.rounds import (
    AggregateDocument,
    AttestationDocument,
    CarriedDocument,
    ChildDocument,
    ChildrenDocument,
    CommitmentDocument,
    Judgement,
    ReceiptsDocument,
    RoundDocument,
    RoundLine,
    StreamDocument,
    UpdateDocument,
)
from web.examples import scores
from web.examples.consortium import ANCHOR, BASE, CID, CLAIM, DIGEST, HEAD, NORTH, ROOT, SOUTH, TX, WEST, dated, moment

LINE = RoundLine(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    committed=2,
    updates=2,
    attempts=1,
    members=3,
    deadline=None,
    ended=moment(33),
    root=ROOT,
    convicted=False,
    **dated(20),
)

MODEL = ModelLine(
    job=1, round=1, root=ROOT, cid=CID, aggregator=NORTH, agreeing=2, members=3, convicted=False, **dated(33)
)

JOB = JobLine(
    job=1,
    name="Cardiology",
    digest="0b" * 32,
    cid=CID,
    stage="open",
    open=True,
    closed=False,
    approvals=2,
    rounds=1,
    finalised=1,
    rounds_planned=10,
    convicted=None,
    sound=None,
    **dated(15),
    current=LINE,
    latest=MODEL,
)

ADMITTED = Judgement(code=0, name="ADMITTED", meaning="admitted")

HEAVY = Judgement(code=6, name="WEIGHT", meaning="weight above the member's cap")

RECEIPTS = ReceiptsDocument(digest=DIGEST, cid=CID, status="read", trouble="", entries=3, certified=2)
CARRIED = CarriedDocument(
    digest=DIGEST,
    cid=CID,
    status="read",
    trouble="",
    streams=(StreamDocument(name="m", root=ROOT, cid=CID), StreamDocument(name="v", root=BASE, cid=CID)),
    scalars=0,
)

ROUND = RoundDocument(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    opener=NORTH,
    epoch=1,
    members=3,
    participants=3,
    target=3,
    aggregators=3,
    majority=2,
    signers_needed=2,
    base=0,
    convicted=False,
    update_deadline=1_800_000_300,
    deadline=None,
    awaited=None,
    ended=moment(33),
    tx=TX,
    **dated(20),
    commitments=tuple(
        CommitmentDocument(party=party, commitment="3f" * 28, opened=True, tx=TX, **dated(25))
        for party in (NORTH, SOUTH)
    ),
    updates=(
        UpdateDocument(
            party=NORTH,
            weight=120,
            root=BASE,
            cid=CID,
            tx=TX,
            opening=TX,
            children=None,
            **dated(30),
            verdict=ADMITTED,
            factor=None,
            share=None,
            whole=None,
            staleness=None,
            signers=(NORTH, SOUTH),
            certified=True,
        ),
        UpdateDocument(
            party=SOUTH,
            weight=1 << 23,
            root=CLAIM,
            cid=CID,
            tx=TX,
            opening=TX,
            children=ChildrenDocument(
                count=40, cid=CID, children=(ChildDocument(party=NORTH.key, weight=1 << 16, root=ROOT, cid=CLAIM),)
            ),
            **dated(30),
            verdict=HEAVY,
            factor=None,
            share=None,
            whole=None,
            staleness=None,
            signers=(NORTH, SOUTH),
            certified=True,
        ),
    ),
    unopened=(),
    missing=(WEST,),
    aggregates=(
        AggregateDocument(
            attempt=1,
            party=NORTH,
            outcome="Finalised",
            end="finalised",
            ended=moment(33),
            base=BASE,
            root=ROOT,
            cid=CID,
            as_of=31,
            anchor=ANCHOR,
            head=HEAD,
            receipts=RECEIPTS,
            carried=CARRIED,
            claim=CLAIM,
            deadline=1_800_000_600,
            agreeing=2,
            other=0,
            missing=0,
            attestations=(
                AttestationDocument(
                    party=SOUTH,
                    form="agree",
                    claim=CLAIM,
                    detail=DIGEST,
                    lacks=(),
                    lacks_receipts=False,
                    tx=TX,
                    **dated(33),
                ),
            ),
            tx=TX,
            **dated(32),
        ),
    ),
)

EVENT = ActivityLine(
    number=40,
    log=0,
    tx=TX,
    kind="aggregate_published",
    party=NORTH,
    job=1,
    round=1,
    attempt=1,
    proposal=None,
    release=None,
    path="/jobs/1/rounds/1#event-40",
    facts={},
    time_back=False,
    **dated(32),
)

TRACED = ModelTrace(
    round=1,
    root=ROOT,
    cid=CID,
    aggregator="North",
    key=NORTH.key,
    attempt=1,
    base=BASE,
    as_of=31,
    head=HEAD,
    receipts=DIGEST,
    carried=DIGEST,
    attested=("South",),
    updates=(
        UpdateTrace(
            party="North",
            key=NORTH.key,
            weight=120,
            root=BASE,
            cid=CID,
            verdict="admitted",
            tx=TX,
            opening=TX,
            score=12_345,
        ),
    ),
    tx=TX,
)

SCORING = scores.whole(NORTH, SOUTH, WEST)

TERMS = Terms(10, 300, 300, 300, 300, 3, score_seconds=300, reveal_seconds=300, scorers=2)

MODEL_TERMS = ModelTermsDocument(
    initial=BASE,
    values=610,
    rule="weighted_mean",
    trim=0,
    min_updates=2,
    max_weight=1_000,
    max_value=1 << 20,
    max_norm=1 << 28,
    by_value=True,
    agrees=True,
)
