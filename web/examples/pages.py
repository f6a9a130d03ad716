"""The documents of every page of the consortium: the examples of the interface's description."""

from typing import Any

import msgspec

from ledger.audit.report import Check, ClaimAnswer, HistoryRead, Lies, OpenMatters, Report, Right, Signed
from ledger.events.contents import shown
from ledger.rounds.trace import ModelTrace
from web.documents.about import About
from web.documents.activity import ActivityPage, Match, SearchPage
from web.documents.common import Page, Problem
from web.documents.decisions import (
    DecisionDocument,
    KnownReport,
    MemberRelease,
    MemberRound,
    MemberUpdate,
    MemberVote,
    Releasable,
    RoundMetrics,
)
from web.documents.front import Front, Headline, TrainedJob
from web.documents.ledger import AuditDocument, CheckLine
from web.documents.pages import (
    AuditPage,
    ConsortiumPage,
    JobPage,
    JobsPage,
    MemberPage,
    MembersPage,
    ModelPage,
    ModelsPage,
    NamedReleasesPage,
    ProposalPage,
    ProposalsPage,
    ReleasePage,
    ReleasesPage,
    RoundPage,
    RoundsPage,
    ScoresPage,
)
from web.documents.platforms import PlatformLine
from web.documents.rounds import Activity
from web.examples import answers, masks, noise, scores
from web.examples.comparison import COMPARED, NORMS, ROUND_WEIGHTS, WEIGHTS
from web.examples.consortium import ANCHOR, BASE, CHAIN, CID, CONSORTIUM, LEDGER, MEMBERS, NORTH, SIGNED, SOUTH, WEST
from web.examples.decisions import EVALUATED, EVALUATION, EVIDENCE, PARTY_ROUNDS, PROPOSAL, RELEASE, RULES, VOTE
from web.examples.rounds import EVENT, JOB, LINE, MODEL, MODEL_TERMS, ROUND, SCORING, TERMS, TRACED
from web.examples.statistics import STATISTICS
from web.examples.verify import VERIFY

_CHECKS = tuple(
    CheckLine(number=int(c), code=c.name, title=c.title, status="held", held=1) for c in Check if c is not Check.COPIES
)

_MODEL = ClaimAnswer(claim="model 1/1", answer="yes", rests_on=("job 1",))
_REPORT = Report(
    asked={"all": True},
    network="Three hospitals",
    chain=31337,
    consortium=CONSORTIUM,
    ledger=LEDGER,
    history=HistoryRead(
        block=42,
        hash="0x" + BASE,
        time=1_800_000_600,
        age=100,
        events=61,
        after=9,
        signed=Signed(31, "0x" + ANCHOR, (0, 1), 3),
    ),
    right=Right("yes", (ClaimAnswer(claim="job 1", answer="yes"), _MODEL)),
    lies=Lies("none"),
    open=OpenMatters("nothing"),
    passed={int(check): 1 for check in Check if check is not Check.COPIES},
)

_FRONT = Front(
    trained=TrainedJob(
        job=1, name="Cardiology", task="tabular", classes=("healthy", "ill"), hold_out=20, open_rows=0, masked=False
    ),
    participants=3,
    headline=Headline(
        metric="accuracy",
        value=EVALUATION.parties[0].metrics["accuracy"],
        samples=114,
        rows="own_file",
        parties=(NORTH,),
        job=1,
        round=1,
        release=RELEASE,
    ),
    recent=(EVENT,),
)

_PAGES: tuple[Page, ...] = (
    ConsortiumPage(
        chain=CHAIN,
        network="Three hospitals",
        front=_FRONT,
        consortium=CONSORTIUM,
        ledger=LEDGER,
        epoch=1,
        members=MEMBERS,
        jobs=(JOB,),
        proposals=(),
        releases=(RELEASE,),
        answers=answers.of_all(),
        signed=SIGNED,
        scored=(1,),
    ),
    MembersPage(chain=CHAIN, epoch=1, members=MEMBERS),
    MemberPage(
        chain=CHAIN,
        member=MEMBERS[0],
        told=answers.TOLD,
        job=JOB,
        jobs=(1,),
        rounds=(
            MemberRound(
                round=1,
                phase="Finalised",
                committed=True,
                update=MemberUpdate(weight=120, root=BASE, verdict="ADMITTED", share=1_000_000, norm="1414213.562"),
                attested=(),
                aggregated="Finalised",
                score=scores.line().scores[0],
            ),
        ),
        next=None,
        standing=scores.standing(NORTH),
        votes=(MemberVote(proposal=PROPOSAL, choice="FOR"),),
        releases=(MemberRelease(release=RELEASE, updates=1),),
    ),
    JobsPage(chain=CHAIN, jobs=(JOB,)),
    JobPage(
        chain=CHAIN,
        job=JOB,
        answers=answers.of(job=1),
        proposer=NORTH,
        approvals=(NORTH, SOUTH),
        approval=None,
        terms=TERMS,
        model=MODEL_TERMS,
        strikes=(),
        withdrawn=(),
        awaited=None,
        way_out=(),
        document=None,
        differs=None,
        begins=None,
        rounds=(LINE,),
        activity=(Activity(round=1, admitted=1, refused=1, open=0),),
        evaluation=EVALUATED,
        scores=scores.glance(NORTH),
        segments=(masks.SEGMENT,),
        noise=noise.JOB,
        edges=(),
        statistics=STATISTICS,
    ),
    RoundsPage(chain=CHAIN, job=JOB, rounds=(LINE,), next=None),
    RoundPage(
        chain=CHAIN,
        job=JOB,
        answers=answers.of(round="1/1"),
        round=ROUND,
        scoring=SCORING,
        metrics=RoundMetrics(
            model=1, digest=EVALUATION.digest.hex(), named_by="release", rounds=EVALUATION.rounds, parties=PARTY_ROUNDS
        ),
        weights=ROUND_WEIGHTS,
        norms=NORMS,
        masking=masks.ROUND,
        noise=noise.ROUND,
        platforms=(PlatformLine(party=NORTH, document="8f" * 32, sort="jwt"),),
        timeline=(EVENT,),
    ),
    ScoresPage(
        chain=CHAIN,
        job=JOB,
        unit="points",
        made=scores.made(),
        terms=TERMS,
        parties=(NORTH, SOUTH, WEST),
        sums=scores.sums(NORTH),
        rounds=(scores.line(),),
        next=None,
        command="fedledger scores --network NETWORK.toml 1 --void",
    ),
    ModelsPage(chain=CHAIN, job=JOB, models=(MODEL,), next=None),
    ModelPage(
        chain=CHAIN,
        job=JOB,
        answers=answers.of(model="1/1"),
        unit="points",
        models=(TRACED, ModelTrace(round=0, root=BASE, cid=CID)),
        next=None,
        releases=(RELEASE,),
        evaluation=EVALUATED,
        releasable=Releasable(
            scores=None,
            reports=(KnownReport(digest=EVALUATED.digest or "", parties=1, samples=1_689, license="cc-by-4.0"),),
            right="yes",
        ),
    ),
    ProposalsPage(chain=CHAIN, state=None, rules=RULES, proposals=(PROPOSAL,), next=None),
    ProposalPage(
        chain=CHAIN,
        proposal=PROPOSAL,
        vote=VOTE,
        answers=answers.of(release="cardio@1.0"),
        evidence=EVIDENCE,
        release=RELEASE,
        current=RELEASE,
        rules=RULES,
        command="fedledger proposal vote 1 for",
        shown=shown(PROPOSAL.proposer.key, 1, PROPOSAL.action),
    ),
    ReleasesPage(chain=CHAIN, current=(RELEASE,), releases=(RELEASE,), next=None),
    NamedReleasesPage(
        chain=CHAIN,
        name="cardio",
        current=RELEASE,
        releases=(RELEASE,),
        command="fedledger release fetch --network NETWORK.toml cardio",
    ),
    ReleasePage(
        chain=CHAIN,
        release=RELEASE,
        answers=answers.of(release="cardio@1.0"),
        evidence=EVIDENCE,
        decided_by=(DecisionDocument(proposal=PROPOSAL, vote=VOTE),),
        file="/releases/cardio/1.0/model.safetensors",
        card="/releases/cardio/1.0/README.md",
        about=About(
            size=4_096,
            sha256="8d" * 32,
            license="apache-2.0",
            samples=455,
            parties=3,
            hold_out=20,
            card="---\nlibrary_name: fedledger\n---\n\n# cardio 1.0\n",
        ),
        command="fedledger release fetch --network NETWORK.toml cardio@1.0",
    ),
    WEIGHTS,
    COMPARED,
    ActivityPage(
        chain=CHAIN,
        total=61,
        first=1,
        member=0,
        job=1,
        kind="aggregate_published",
        members=(NORTH, SOUTH, WEST),
        jobs=(1,),
        events=(EVENT,),
        next=None,
    ),
    SearchPage(
        chain=CHAIN,
        query=CID,
        taken_for=("cid",),
        matches=(Match(what="model_file", name="", path=EVENT.path),),
        explorer=None,
    ),
    AuditPage(
        chain=CHAIN,
        answers=answers.of_all(),
        lies=(answers.LIE,),
        audits=(answers.AUDIT,),
        reports=(answers.AUDITOR,),
        audit=AuditDocument(
            right="yes",
            lies="none",
            at=1_800_000_700,
            seconds=1.2,
            block=42,
            rounds=1,
            trouble="",
            signed=SIGNED,
            checks=_CHECKS,
            report=_REPORT,
        ),
        running=False,
        behind=0,
        command="fedledger audit --network NETWORK.toml --rpc YOUR-OWN-NODE",
    ),
    VERIFY,
)

EXAMPLES: dict[type[Page], Any] = {type(page): msgspec.json.decode(msgspec.json.encode(page)) for page in _PAGES}

PROBLEM = Problem(
    type="tag:fedledger,2026:NotFound",
    title="Not Found",
    status=404,
    detail="job 1 has no round 9",
    instance="/jobs/1/rounds/9.json",
    error="NotFound",
    advice="/jobs/1/rounds lists them all",
)
