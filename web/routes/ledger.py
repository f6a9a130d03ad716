"""What each page needs, once for people and for programs: FastAPI calls these with the checked parts of the address."""

from itertools import islice
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from web.documents.ledger import JobLine
from web.documents.pages import (
    AuditPage,
    ConsortiumPage,
    JobPage,
    JobsPage,
    MembersPage,
    ModelPage,
    ModelsPage,
    RoundPage,
    RoundsPage,
    ScoresPage,
)
from web.reading.counting import activity
from web.reading.decisions import DecisionReading
from web.reading.ledger import Reading
from web.reading.scores import ScoreReading
from web.view import View

LAST = (1 << 32) - 1
ROWS, MOST_ROWS = 50, 500
MODELS, MOST_MODELS = 12, 200
OVERVIEW = 8
ACTIVITY = 60

JobNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the job", examples=[1])]
RoundNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the round", examples=[1])]
ModelNumber = Annotated[int, Path(ge=0, le=LAST, description="Round of the model; 0 is the initial one", examples=[1])]
Before = Annotated[int | None, Query(ge=1, le=LAST, description="Only rounds before this one")]
Rows = Annotated[int, Query(ge=1, le=MOST_ROWS, description="At most so many")]
Models = Annotated[int, Query(ge=1, le=MOST_MODELS, description="At most so many models of the lineage")]


def reading(request: Request) -> Reading:
    """The last reading: one for the whole answer, whatever the threads post meanwhile."""
    known: Reading | None = getattr(request.state, "reading", None)
    if known is None:
        view: View = request.app.state.view
        known = request.state.reading = Reading(view.network, view.latest.state)
    return known


async def _reading(request: Request) -> Reading:
    return reading(request)


Now = Annotated[Reading, Depends(_reading)]


async def consortium(now: Now) -> ConsortiumPage:
    """The consortium at a glance: contracts, members, jobs with their rounds under way, the last verdict."""
    audit = now.audit()
    return ConsortiumPage(
        chain=now.chain,
        network=now.network.name,
        consortium=now.network.contracts.consortium.address,
        ledger=now.network.contracts.ledger.address,
        epoch=now.snapshot.epoch,
        members=now.members(),
        jobs=_jobs(now),
        proposals=DecisionReading(now).open(OVERVIEW),
        releases=DecisionReading(now).current()[:OVERVIEW],
        verdict=audit.verdict if audit else None,
        verdict_at=audit.at if audit else 0,
        scored=tuple(number for number, state in now.snapshot.jobs.items() if state.terms.scored),
    )


async def members(now: Now) -> MembersPage:
    """Who belongs to the consortium, with which keys and roles."""
    return MembersPage(chain=now.chain, epoch=now.snapshot.epoch, members=now.members())


async def jobs(now: Now) -> JobsPage:
    """Every job, newest first."""
    return JobsPage(chain=now.chain, jobs=_jobs(now))


async def job(now: Now, job: JobNumber) -> JobPage:
    """A job: who approved it, its terms, its document, its latest rounds."""
    state = now.job_state(job)
    latest = islice(reversed(state.rounds.values()), MODELS)
    return JobPage(
        chain=now.chain,
        job=now.job(state),
        proposer=now.owner(state.proposer),
        approvals=tuple(now.owner(key) for key in sorted(state.approvals, key=now.snapshot.owners.__getitem__)),
        approval=now.approval(state),
        terms=state.terms,
        document=now.document(state),
        rounds=tuple(now.round_line(round_) for round_ in latest),
        activity=tuple(activity(one) for one in reversed(list(islice(reversed(state.rounds.values()), ACTIVITY)))),
        evaluation=DecisionReading(now).latest_evaluation(job),
        scores=ScoreReading(now).glance(state),
    )


async def rounds(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> RoundsPage:
    """The rounds of a job, newest first."""
    state = now.job_state(job)
    first = min(len(state.rounds), (before or LAST) - 1)
    chosen = [state.rounds[number] for number in range(first, max(first - limit, 0), -1)]
    last = first - len(chosen) + 1
    return RoundsPage(
        chain=now.chain,
        job=now.job(state),
        rounds=tuple(now.round_line(round_) for round_ in chosen),
        next=f"/jobs/{job}/rounds.json?before={last}&limit={limit}" if last > 1 else None,
    )


async def round_(now: Now, job: JobNumber, round: RoundNumber) -> RoundPage:
    """A round: updates with verdicts and reasons, every aggregate, refuted ones too, who attested what; its scoring;
    what was measured of its model and of those around it."""
    state, chosen = now.job_state(job), now.round_state(job, round)
    return RoundPage(
        chain=now.chain,
        job=now.job(state),
        round=now.round(state, chosen),
        scoring=ScoreReading(now).whole(state, chosen),
        metrics=DecisionReading(now).metrics_around(job, chosen),
    )


async def scores(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> ScoresPage:
    """What each party's updates scored: cumulated, best first, and round by round, newest first."""
    state, making = now.job_state(job), ScoreReading(now)
    made = making.rounds(state, before or LAST) if state.terms.scored else iter(())
    chosen = list(islice(made, limit))
    more = next(made, None) is not None
    sums, lines = making.sums(state), making.lines(state, chosen)
    parties = {one.party.index for one in sums} | {one.index for line in lines for one in line.scores}
    return ScoresPage(
        chain=now.chain,
        job=now.job(state),
        unit=making.unit(state),
        made=making.made(state),
        terms=state.terms,
        parties=tuple(now.anyone(index) for index in sorted(parties | {k for line in lines for k in line.withheld})),
        sums=sums,
        rounds=lines,
        next=f"/jobs/{job}/scores.json?before={chosen[-1].number}&limit={limit}" if more else None,
        command=f"fedledger scores {job} --void",
    )


async def models(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> ModelsPage:
    """The finalised global models of a job, newest first."""
    state = now.job_state(job)
    first = min(len(state.rounds), (before or LAST) - 1)
    made = (state.rounds[number] for number in range(first, 0, -1) if state.rounds[number].final is not None)
    chosen = list(islice(made, limit))
    more = next(made, None) is not None
    return ModelsPage(
        chain=now.chain,
        job=now.job(state),
        models=tuple(now.model(state, one) for one in chosen),
        next=f"/jobs/{job}/models.json?before={chosen[-1].number}&limit={limit}" if more else None,
    )


async def model(now: Now, job: JobNumber, round: ModelNumber, limit: Models = MODELS) -> ModelPage:
    """A global model and its trace: what it was made of, what that was built on, back to the initial model."""
    state = now.job_state(job)
    lineage, rest = now.lineage(state, round, limit)
    deciding = DecisionReading(now)
    return ModelPage(
        chain=now.chain,
        job=now.job(state),
        unit=ScoreReading(now).unit(state),
        models=lineage.models,
        next=None if rest is None else f"/jobs/{job}/models/{rest}.json?limit={limit}",
        releases=deciding.releases_of(job, round),
        evaluation=deciding.latest_evaluation(job, round),
    )


async def audit(now: Now) -> AuditPage:
    """The last audit that this server made, and the command that makes it without this server."""
    made, ended = now.audit(), now.snapshot.ended
    return AuditPage(
        chain=now.chain,
        audit=made,
        running=now.state.auditing,
        behind=ended - made.rounds if made else ended,
        command="fedledger audit --network NETWORK.toml --rpc YOUR-OWN-NODE",
    )


def _jobs(now: Reading) -> tuple[JobLine, ...]:
    return tuple(now.job(state) for state in reversed(list(now.snapshot.jobs.values())))
