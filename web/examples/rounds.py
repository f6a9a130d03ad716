"""The consortium's job, and the one round of it."""

from ledger.events.records import Terms
from ledger.rounds.trace import ModelTrace, UpdateTrace
from web.documents.ledger import (
    AggregateDocument,
    AttestationDocument,
    JobLine,
    Judgement,
    ModelLine,
    RoundDocument,
    RoundLine,
    UpdateDocument,
)
from web.examples import scores
from web.examples.consortium import BASE, CID, CLAIM, NORTH, ROOT, SOUTH, TX, WEST

LINE = RoundLine(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    updates=2,
    attempts=1,
    members=3,
    deadline=1_800_000_600,
    root=ROOT,
)

MODEL = ModelLine(job=1, round=1, root=ROOT, cid=CID, aggregator=NORTH, agreeing=2, members=3)

JOB = JobLine(
    job=1,
    name="Cardiology",
    digest="0b" * 32,
    cid=CID,
    open=True,
    closed=False,
    approvals=2,
    rounds=1,
    finalised=1,
    rounds_planned=10,
    current=LINE,
    latest=MODEL,
)

ADMITTED = Judgement(code=0, name="ADMITTED", meaning="admitted")

HEAVY = Judgement(code=6, name="WEIGHT", meaning="weight outside the job's limits")

ROUND = RoundDocument(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    opener=NORTH,
    epoch=1,
    members=3,
    majority=2,
    base=0,
    update_deadline=1_800_000_300,
    deadline=1_800_000_600,
    updates=(
        UpdateDocument(party=NORTH, weight=120, root=BASE, cid=CID, tx=TX, verdict=ADMITTED),
        UpdateDocument(party=SOUTH, weight=1 << 23, root=CLAIM, cid=CID, tx=TX, verdict=HEAVY),
    ),
    missing=(WEST,),
    aggregates=(
        AggregateDocument(
            attempt=1,
            party=NORTH,
            outcome="Finalised",
            root=ROOT,
            cid=CID,
            claim=CLAIM,
            deadline=1_800_000_600,
            agreeing=2,
            disagreeing=0,
            attestations=(AttestationDocument(party=SOUTH, agrees=True, claim=CLAIM, tx=TX),),
            tx=TX,
        ),
    ),
)

TRACED = ModelTrace(
    round=1,
    root=ROOT,
    cid=CID,
    aggregator="North",
    key=NORTH.key,
    attempt=1,
    attested=("South",),
    updates=(
        UpdateTrace(
            party="North", key=NORTH.key, weight=120, root=BASE, cid=CID, verdict="admitted", tx=TX, score=12_345
        ),
    ),
    tx=TX,
)

SCORING = scores.whole(NORTH, SOUTH, WEST)

TERMS = Terms(10, 300, 300, 300, 300, 3, score_seconds=300, reveal_seconds=300, scorers=2)
