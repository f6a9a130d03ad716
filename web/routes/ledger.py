"""The documents of the pages of jobs, rounds, scores and models, and of the audit, one function a page.

FastAPI calls them with the checked parts of the address.
"""

from itertools import islice

from ledger.history.jobs import approving
from ledger.rounds.awaited import counted_still, way_out
from web.documents.pages import (
    AuditPage,
    ConsortiumPage,
    JobPage,
    JobsPage,
    ModelPage,
    ModelsPage,
    RoundPage,
    RoundsPage,
    ScoresPage,
)
from web.reading.activity import timeline
from web.reading.audits.answers import consortium_answers, job_answers, lies_now, model_answers, round_answers
from web.reading.audits.auditors import auditor_lines
from web.reading.audits.last import audit_document
from web.reading.counting import activity
from web.reading.evaluations.evidence import latest_evaluation, metrics_around, releasable
from web.reading.front import front
from web.reading.jobs import approval_of, begins, differs, edges, job_line, job_lines, model_terms, strikes, withdrawn
from web.reading.members import member_documents
from web.reading.models import finalised_rounds, lineage, model_line
from web.reading.privacy.masks import round_masking, segments
from web.reading.privacy.noise import job_noise, round_noise
from web.reading.proposals import open_proposals
from web.reading.releases import current_releases, model_releases
from web.reading.rounds import awaited_document, round_document, round_line
from web.reading.scores import job_scores, score_sums, scoring_method
from web.reading.scorings import job_unit, round_scoring, scoring_lines
from web.reading.statistics import job_statistics
from web.reading.updates.norms import round_norms
from web.reading.updates.platforms import round_platforms
from web.reading.updates.weights import round_weights
from web.routes.parameters import (
    LAST,
    LATEST,
    MODELS,
    ROWS,
    Before,
    JobNumber,
    ModelNumber,
    Models,
    Now,
    RoundNumber,
    Rows,
)

OVERVIEW = 8
ACTIVITY = 60


async def consortium(now: Now) -> ConsortiumPage:
    """The consortium at a glance: contracts, members, jobs with their rounds under way, the last audit's answers."""
    audit = audit_document(now)
    return ConsortiumPage(
        chain=now.chain,
        network=now.network.name,
        front=front(now),
        consortium=now.network.contracts.consortium.address,
        ledger=now.network.contracts.ledger.address,
        epoch=now.snapshot.epoch,
        members=member_documents(now),
        jobs=job_lines(now),
        proposals=open_proposals(now, OVERVIEW),
        releases=current_releases(now)[:OVERVIEW],
        answers=consortium_answers(now),
        signed=audit.signed if audit else None,
        scored=tuple(number for number, state in now.snapshot.jobs.items() if state.terms.scored),
    )


async def jobs(now: Now) -> JobsPage:
    """Every job, newest first."""
    return JobsPage(chain=now.chain, jobs=job_lines(now))


async def job(now: Now, job: JobNumber) -> JobPage:
    """A job: its approvals, its terms, its document, its latest rounds."""
    state = now.job(job)
    latest = islice(reversed(state.rounds.values()), LATEST)
    return JobPage(
        chain=now.chain,
        job=job_line(now, state),
        answers=job_answers(now, state),
        proposer=now.owner(state.proposer),
        approvals=tuple(map(now.member_party, approving(state, now.snapshot.members))),
        approval=approval_of(now, state),
        terms=state.terms,
        model=model_terms(now, state),
        strikes=strikes(now, state),
        withdrawn=withdrawn(now, state),
        awaited=awaited_document(now, state, state.current),
        way_out=tuple(map(way_out, counted_still(now.snapshot.members, state))),
        document=now.document(state),
        differs=differs(now, state),
        begins=begins(now, state.model.initial, state),
        rounds=tuple(round_line(now, state, round_) for round_ in latest),
        activity=tuple(activity(one) for one in reversed(list(islice(reversed(state.rounds.values()), ACTIVITY)))),
        evaluation=latest_evaluation(now, job),
        scores=job_scores(now, state),
        segments=segments(now, state),
        noise=job_noise(now, state),
        edges=edges(now, state),
        statistics=job_statistics(now, state),
    )


async def rounds(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> RoundsPage:
    """The rounds of a job, newest first."""
    state = now.job(job)
    first = min(len(state.rounds), (before or LAST) - 1)
    chosen = [state.rounds[number] for number in range(first, max(first - limit, 0), -1)]
    last = first - len(chosen) + 1
    return RoundsPage(
        chain=now.chain,
        job=job_line(now, state),
        rounds=tuple(round_line(now, state, round_) for round_ in chosen),
        next=f"/jobs/{job}/rounds.json?before={last}&limit={limit}" if last > 1 else None,
    )


async def round_(now: Now, job: JobNumber, round: RoundNumber) -> RoundPage:
    """A round: commitments, updates with verdicts and receipts, every aggregate, failed ones too, and attestations; its
    scoring; what was measured of its model and of those around it."""
    state, chosen = now.job(job), now.round(job, round)
    return RoundPage(
        chain=now.chain,
        job=job_line(now, state),
        answers=round_answers(now, state, chosen),
        round=round_document(now, state, chosen),
        scoring=round_scoring(now, state, chosen),
        metrics=metrics_around(now, job, chosen),
        weights=round_weights(now, state, chosen) if chosen.final else None,
        norms=round_norms(now, job, round),
        masking=round_masking(now, state, chosen),
        noise=round_noise(now, state, chosen),
        platforms=round_platforms(now, job, round),
        timeline=timeline(now, job, round),
    )


async def scores(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> ScoresPage:
    """What each party's updates scored: cumulated, best first, and round by round, newest first."""
    state = now.job(job)
    made = finalised_rounds(state, before or LAST) if state.terms.scored else iter(())
    chosen = list(islice(made, limit))
    more = next(made, None) is not None
    sums, lines = score_sums(now, state), scoring_lines(now, state, chosen)
    parties = {one.party.index for one in sums} | {one.index for line in lines for one in line.scores}
    parties |= {index for line in lines for index in line.withheld}
    return ScoresPage(
        chain=now.chain,
        job=job_line(now, state),
        unit=job_unit(now, state),
        made=scoring_method(now, state),
        terms=state.terms,
        parties=tuple(now.member_party(index) for index in sorted(parties)),
        sums=sums,
        rounds=lines,
        next=f"/jobs/{job}/scores.json?before={chosen[-1].number}&limit={limit}" if more else None,
        command=f"fedledger scores --network NETWORK.toml {job} --void",
    )


async def models(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> ModelsPage:
    """The finalised global models of a job, newest first."""
    state = now.job(job)
    made = finalised_rounds(state, before or LAST)
    chosen = list(islice(made, limit))
    more = next(made, None) is not None
    return ModelsPage(
        chain=now.chain,
        job=job_line(now, state),
        models=tuple(model_line(now, state, one) for one in chosen),
        next=f"/jobs/{job}/models.json?before={chosen[-1].number}&limit={limit}" if more else None,
    )


async def model(now: Now, job: JobNumber, round: ModelNumber, limit: Models = MODELS) -> ModelPage:
    """A global model and its trace: what it was made of, what that was built on, back to the initial model."""
    state = now.job(job)
    traced, rest = lineage(now, state, round, limit)
    return ModelPage(
        chain=now.chain,
        job=job_line(now, state),
        answers=model_answers(now, job, round),
        unit=job_unit(now, state),
        models=traced.models,
        next=None if rest is None else f"/jobs/{job}/models/{rest}.json?limit={limit}",
        releases=model_releases(now, job, round),
        evaluation=latest_evaluation(now, job, round),
        releasable=releasable(now, job, round),
    )


async def audit(now: Now) -> AuditPage:
    """The last audit that this server made, and the command that makes it without this server."""
    made, ended = audit_document(now), now.snapshot.ended
    return AuditPage(
        chain=now.chain,
        answers=consortium_answers(now),
        audit=made,
        lies=tuple(lies_now(now)),
        audits=now.state.audits,
        reports=tuple(auditor_lines(now)),
        running=now.state.auditing,
        behind=max(0, ended - made.rounds) if made else ended,
        command="fedledger audit --network NETWORK.toml --rpc YOUR-OWN-NODE",
    )
