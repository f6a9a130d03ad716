"""One small consortium, written out as the documents of every page: the examples of the interface's description."""

from typing import Any

import msgspec

from ledger.audit.report import Check, Report
from ledger.events.actions import ReleaseModel
from ledger.events.records import Rules, Terms
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures
from ledger.rounds.trace import ModelTrace, UpdateTrace
from web.documents import decisions as g
from web.documents import ledger as d
from web.examples import scores

_ROOT, _BASE, _CLAIM, _TX = "5d" * 32, "1e" * 32, "c1" * 32, "7a" * 32
_CID = "bafkreiexxbm5tmybtxy4h4nnyspb5i7bpncsv2hv23aezog75v67poqrmy"
_NORTH = d.PartyDocument(index=0, name="North", key="0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045")
_SOUTH = d.PartyDocument(index=1, name="South", key="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
_WEST = d.PartyDocument(index=2, name="West", key="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")
_CHAIN = d.ChainDocument(id=31337, block=42, read_at=1_800_000_000, up=True, trouble="")
_CONSORTIUM, _LEDGER = "0x733Da32CDfaAee76E40059C87bAC5132c4f98d2A", "0x3D278501cD8320Fae2c771f0536E440F913e9d01"

_MEMBERS = tuple(
    d.MemberDocument(
        index=party.index,
        name=party.name,
        key=party.key,
        roles=("participant", "aggregator"),
        since=1,
        keys=(party.key,),
        gateway=f"http://{party.name.lower()}.example:8080",
    )
    for party in (_NORTH, _SOUTH, _WEST)
)
_LINE = d.RoundLine(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    updates=2,
    attempts=1,
    members=3,
    deadline=1_800_000_600,
    root=_ROOT,
)
_MODEL = d.Model(job=1, round=1, root=_ROOT, cid=_CID, aggregator=_NORTH, agreeing=2, members=3)
_JOB = d.JobLine(
    job=1,
    name="Cardiology",
    digest="0b" * 32,
    cid=_CID,
    open=True,
    closed=False,
    approvals=2,
    rounds=1,
    rounds_planned=10,
    current=_LINE,
    latest=_MODEL,
)
_ADMITTED = d.Judgement(code=0, name="ADMITTED", meaning="admitted")
_HEAVY = d.Judgement(code=6, name="WEIGHT", meaning="weight outside the job's limits")
_ROUND = d.RoundDocument(
    job=1,
    round=1,
    phase="Finalised",
    reason="",
    opener=_NORTH,
    epoch=1,
    members=3,
    majority=2,
    base=0,
    update_deadline=1_800_000_300,
    deadline=1_800_000_600,
    updates=(
        d.UpdateDocument(party=_NORTH, weight=120, root=_BASE, cid=_CID, tx=_TX, verdict=_ADMITTED),
        d.UpdateDocument(party=_SOUTH, weight=1 << 23, root=_CLAIM, cid=_CID, tx=_TX, verdict=_HEAVY),
    ),
    missing=(_WEST,),
    aggregates=(
        d.AggregateDocument(
            attempt=1,
            party=_NORTH,
            outcome="Finalised",
            root=_ROOT,
            cid=_CID,
            claim=_CLAIM,
            deadline=1_800_000_600,
            agreeing=2,
            disagreeing=0,
            attestations=(d.AttestationDocument(party=_SOUTH, agrees=True, claim=_CLAIM, tx=_TX),),
            tx=_TX,
        ),
    ),
)
_TRACED = ModelTrace(
    round=1,
    root=_ROOT,
    cid=_CID,
    aggregator="North",
    key=_NORTH.key,
    attempt=1,
    attested=("South",),
    updates=(
        UpdateTrace(
            party="North", key=_NORTH.key, weight=120, root=_BASE, cid=_CID, verdict="admitted", tx=_TX, score=12_345
        ),
    ),
    tx=_TX,
)
_SCORING = scores.whole(_NORTH, _SOUTH, _WEST)
_TERMS = Terms(10, 300, 300, 300, 3, score_seconds=300, reveal_seconds=300, scorers=2)
_RULES = Rules(5_000, 5_000, 86_400, 3_600, 86_400, 604_800)
_FIGURES = {"accuracy": "0.982456", "loss": "0.057612"}
_EVALUATION = Evaluation(
    fedledger="evaluation/1",
    chain=31337,
    ledger=_LEDGER,
    job=1,
    round=1,
    root=_ROOT,
    parties=(PartyFigures(party="North", key=_NORTH.key, samples=114, metrics=_FIGURES),),
    rounds=(RoundFigures(round=1, metrics=_FIGURES),),
)
_EVALUATED = g.Evaluated(
    status="read",
    digest=_EVALUATION.digest.hex(),
    cid=str(_EVALUATION.cid),
    trouble="",
    samples=114,
    mean=_FIGURES,
    members={_NORTH.key: _NORTH},
    report=_EVALUATION,
)
_PROPOSED = ReleaseModel(name="cardio", version="1.0", job=1, round=1, root=_ROOT, report=_EVALUATION.digest.hex())
_PROPOSAL = g.ProposalLine(
    number=1,
    id="de" * 32,
    kind="release",
    action=_PROPOSED,
    subject=g.Subject(job="Cardiology", name="cardio", version="1.0"),
    state="Executed",
    proposer=_NORTH,
    tally=g.VoteTally(in_favour=2, against=0, abstained=0, voted=2, members=3, quorum=2, passes=True, certain=True),
    deadline=1_800_000_900,
)
_VOTE = g.Vote(
    epoch=1,
    rules=_RULES,
    executable_from=1_800_087_301,
    executable_until=1_800_692_100,
    ballots=(g.Ballot(party=_NORTH, choice="FOR"), g.Ballot(party=_SOUTH, choice="FOR")),
    silent=(_WEST,),
    gone=0,
    tx=_TX,
)
_RELEASE = g.ReleaseLine(
    name="cardio",
    version="1.0",
    id="2b" * 32,
    job=1,
    round=1,
    root=_ROOT,
    scores=None,
    report=_EVALUATION.digest.hex(),
    current=True,
    revoked=False,
    reason=None,
    reason_text="",
    tx=_TX,
)
_EVIDENCE = g.Evidence(
    job=1,
    job_name="Cardiology",
    round=1,
    root=_ROOT,
    cid=_CID,
    models=1,
    lineage=(_TRACED, ModelTrace(round=0, root=_BASE, cid=_CID)),
    contributors=(g.Contributor(party=_NORTH, updates=1),),
    scoring=_SCORING,
    evaluation=_EVALUATED,
    verdict="VERIFIED",
    verdict_at=1_800_000_700,
    findings=0,
)
_CHECKS = tuple(
    d.CheckLine(number=int(c), code=c.name, title=c.title, status="verified", held=1)
    for c in Check
    if c is not Check.COPIES
)
_REPORT = Report(
    network="Three hospitals",
    chain=31337,
    consortium=_CONSORTIUM,
    ledger=_LEDGER,
    block=42,
    scope="all jobs, all rounds",
    passed={int(check): 1 for check in Check if check is not Check.COPIES},
)

_PAGES: tuple[d.Page, ...] = (
    d.ConsortiumPage(
        chain=_CHAIN,
        network="Three hospitals",
        consortium=_CONSORTIUM,
        ledger=_LEDGER,
        epoch=1,
        members=_MEMBERS,
        jobs=(_JOB,),
        proposals=(),
        releases=(_RELEASE,),
        verdict="VERIFIED",
        verdict_at=1_800_000_700,
        scored=(1,),
    ),
    d.MembersPage(chain=_CHAIN, epoch=1, members=_MEMBERS),
    d.MemberPage(
        chain=_CHAIN,
        member=_MEMBERS[0],
        job=_JOB,
        jobs=(1,),
        rounds=(
            g.MemberRound(
                round=1,
                phase="Finalised",
                update=g.MemberUpdate(weight=120, root=_BASE, verdict="ADMITTED"),
                attested=(),
                aggregated="Finalised",
                score=scores.line().scores[0],
            ),
        ),
        next=None,
        standing=scores.standing(_NORTH),
        votes=(g.MemberVote(proposal=_PROPOSAL, choice="FOR"),),
        releases=(g.MemberRelease(release=_RELEASE, updates=1),),
    ),
    d.JobsPage(chain=_CHAIN, jobs=(_JOB,)),
    d.JobPage(
        chain=_CHAIN,
        job=_JOB,
        proposer=_NORTH,
        approvals=(_NORTH, _SOUTH),
        approval=None,
        terms=_TERMS,
        document=None,
        rounds=(_LINE,),
        activity=(d.Activity(round=1, admitted=1, refused=1, open=0),),
        evaluation=_EVALUATED,
        scores=scores.glance(_NORTH),
    ),
    d.RoundsPage(chain=_CHAIN, job=_JOB, rounds=(_LINE,), next=None),
    d.RoundPage(
        chain=_CHAIN,
        job=_JOB,
        round=_ROUND,
        scoring=_SCORING,
        metrics=g.RoundMetrics(model=1, digest=_EVALUATION.digest.hex(), rounds=_EVALUATION.rounds),
    ),
    d.ScoresPage(
        chain=_CHAIN,
        job=_JOB,
        unit="points",
        made=scores.made(),
        terms=_TERMS,
        parties=(_NORTH, _SOUTH, _WEST),
        sums=scores.sums(_NORTH),
        rounds=(scores.line(),),
        next=None,
        command="fedledger scores 1 --void",
    ),
    d.ModelsPage(chain=_CHAIN, job=_JOB, models=(_MODEL,), next=None),
    d.ModelPage(
        chain=_CHAIN,
        job=_JOB,
        unit="points",
        models=(_TRACED, ModelTrace(round=0, root=_BASE, cid=_CID)),
        next=None,
        releases=(_RELEASE,),
        evaluation=_EVALUATED,
    ),
    d.ProposalsPage(chain=_CHAIN, rules=_RULES, proposals=(_PROPOSAL,), next=None),
    d.ProposalPage(
        chain=_CHAIN,
        proposal=_PROPOSAL,
        vote=_VOTE,
        evidence=_EVIDENCE,
        release=_RELEASE,
        current=_RELEASE,
        rules=_RULES,
        command="fedledger release vote 1 for",
    ),
    d.ReleasesPage(chain=_CHAIN, current=(_RELEASE,), releases=(_RELEASE,), next=None),
    d.NamedReleasesPage(
        chain=_CHAIN, name="cardio", current=_RELEASE, releases=(_RELEASE,), command="fedledger release fetch cardio"
    ),
    d.ReleasePage(
        chain=_CHAIN,
        release=_RELEASE,
        evidence=_EVIDENCE,
        decided_by=(g.DecisionDocument(proposal=_PROPOSAL, vote=_VOTE),),
        file="/releases/cardio/1.0/model.safetensors",
        card="/releases/cardio/1.0/README.md",
        command="fedledger release fetch cardio@1.0",
    ),
    d.AuditPage(
        chain=_CHAIN,
        audit=d.AuditDocument(
            verdict="VERIFIED",
            at=1_800_000_700,
            seconds=1.2,
            block=42,
            rounds=1,
            trouble="",
            checks=_CHECKS,
            report=_REPORT,
        ),
        running=False,
        behind=0,
        command="fedledger audit --network NETWORK.toml --rpc YOUR-OWN-NODE",
    ),
)
EXAMPLES: dict[type[d.Page], Any] = {type(page): msgspec.json.decode(msgspec.json.encode(page)) for page in _PAGES}
PROBLEM = d.Problem(
    error="NotFound", status=404, message="job 1 has no round 9", advice="/jobs/1/rounds lists them all"
)
