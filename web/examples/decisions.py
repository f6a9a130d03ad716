"""What the consortium's members decided: one proposal, and the release that came of it."""

from ledger.events.actions import ReleaseModel
from ledger.events.records import Rules
from ledger.releases.counts import Counts
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures
from ledger.rounds.trace import ModelTrace
from web.documents.decisions import (
    Ballot,
    Contributor,
    Evaluated,
    Evidence,
    ProposalLine,
    ReleaseLine,
    Subject,
    Vote,
    VoteTally,
)
from web.documents.spreads import PartyRounds
from web.examples.consortium import BASE, CID, LEDGER, NORTH, ROOT, SOUTH, TX, WEST, dated, moment
from web.examples.rounds import SCORING, TRACED

RULES = Rules(5_000, 86_400, 86_400, 604_800)

FIGURES = {"accuracy": "0.982456", "loss": "0.057612"}

COUNTS = Counts(
    confusion=((41, 1), (1, 71)),
    scores=((38, *[0] * 9, 3, *[0] * 69, 1, *[0] * 19), (1, *[0] * 69, 2, *[0] * 28, 69)),
)

EVALUATION = Evaluation(
    fedledger="evaluation/1",
    chain=31337,
    ledger=LEDGER,
    job=1,
    round=1,
    root=ROOT,
    parties=(
        PartyFigures(
            party="North",
            key=NORTH.key,
            samples=114,
            rows="own_file",
            metrics=FIGURES,
            counts=COUNTS,
            rounds=(RoundFigures(round=1, metrics=FIGURES),),
        ),
    ),
)

EVALUATED = Evaluated(
    status="read",
    named_by="release",
    digest=EVALUATION.digest.hex(),
    cid=str(EVALUATION.cid),
    trouble="",
    samples=114,
    mean=FIGURES,
    pooled=dict(EVALUATION.pooled),
    spread=None,
    unmeasured=(SOUTH,),
    members={NORTH.key: NORTH},
    classes=("benign", "malignant"),
    report=EVALUATION,
)

PARTY_ROUNDS = (PartyRounds(party="North", key=NORTH.key, member=True, samples=114, rounds=EVALUATION.rounds),)

PROPOSED = ReleaseModel(
    name="cardio", version="1.0", job=1, round=1, root=ROOT, scores="00" * 32, report=EVALUATION.digest.hex()
)

PROPOSAL = ProposalLine(
    number=1,
    id="de" * 32,
    kind="release",
    action=PROPOSED,
    subject=Subject(job="Cardiology", name="cardio", version="1.0"),
    state="Executed",
    proposer=NORTH,
    tally=VoteTally(in_favour=2, against=0, abstained=0, voted=2, members=3, needed=2, passes=True),
    deadline=1_800_000_900,
    ended=moment(41),
    **dated(35),
)

VOTE = Vote(
    epoch=1,
    rules=RULES,
    executable_from=1_800_087_301,
    executable_until=1_800_692_100,
    ballots=(Ballot(party=NORTH, choice="FOR", **dated(36)), Ballot(party=SOUTH, choice="FOR", **dated(37))),
    silent=(WEST,),
    gone=0,
    members_now=3,
    tx=TX,
)

RELEASE = ReleaseLine(
    name="cardio",
    version="1.0",
    id="2b" * 32,
    job=1,
    round=1,
    root=ROOT,
    scores=None,
    report=EVALUATION.digest.hex(),
    current=True,
    revoked=False,
    revoked_at=None,
    reason=None,
    reason_text="",
    convicted=False,
    tx=TX,
    **dated(41),
)

EVIDENCE = Evidence(
    job=1,
    job_name="Cardiology",
    round=1,
    root=ROOT,
    cid=CID,
    models=1,
    lineage=(TRACED, ModelTrace(round=0, root=BASE, cid=CID)),
    contributors=(Contributor(party=NORTH, updates=1),),
    scoring=SCORING,
    evaluation=EVALUATED,
)
