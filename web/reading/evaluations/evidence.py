"""Documents of what speaks for a model: its lineage, its contributors, what parties measured."""

from collections.abc import Iterator

from ledger.errors import Malformed
from ledger.events.actions import ReleaseModel
from ledger.history.state import JobState, Round
from ledger.releases.report import cid_of, require_model
from ledger.rounds.trace import ModelTrace, trace
from web.documents.common import NamedBy
from web.documents.decisions import (
    Contributor,
    Evaluated,
    EvaluationStatus,
    Evidence,
    KnownReport,
    Releasable,
    RoundMetrics,
)
from web.reading.audits.answers import model_answers
from web.reading.evaluations.spreads import around, parties_around, spread_of, unmeasured
from web.reading.latest import FetchedReport, Lineage, MissingFile
from web.reading.ledger import Reading
from web.reading.models import model_line
from web.reading.proposals import newest_proposals
from web.reading.releases import newest_releases
from web.reading.scorings import round_scoring

SHORT_LINEAGE = 3
AROUND = 30
"""So many rounds before and after one are shown beside it."""


def evidence_for(now: Reading, job: int, number: int, root: bytes, report: bytes) -> Evidence:
    """What speaks for the model of a round: as much as is known of it, which may be nothing."""
    state = now.snapshot.jobs.get(job)
    round_ = state.rounds.get(number) if state else None
    document = now.document(state) if state else None
    model = model_line(now, state, round_) if state and round_ and round_.final else None
    counted = now.state.lineages.get((job, number, root))
    return Evidence(
        job=job,
        job_name=document.name if document else None,
        round=number,
        root=model.root if model else None,
        cid=model.cid if model else None,
        models=counted.models if counted else None,
        lineage=_short_lineage(now, state, number) if state and model else (),
        contributors=_contributors(now, counted) if counted else None,
        scoring=round_scoring(now, state, round_) if state and round_ else None,
        evaluation=evaluation_of(now, job, number, root, report),
    )


def _short_lineage(now: Reading, state: JobState, number: int) -> tuple[ModelTrace, ...]:
    document = now.document(state)
    return trace(state, document, number, now.name, SHORT_LINEAGE).models if document else ()


def _contributors(now: Reading, counted: Lineage) -> tuple[Contributor, ...]:
    updates = sorted(counted.updates.items())
    return tuple(Contributor(party=now.member_party(index), updates=count) for index, count in updates)


def evaluation_of(now: Reading, job: int, number: int, root: bytes, digest: bytes) -> Evaluated:
    """A report as it was read in the background, compared with the model that it should be on."""
    if not any(digest):
        return _unread(now, "none", digest, "")
    found = now.state.evaluations.get(digest)
    if found is None:
        return _unread(now, "unread", digest, "")
    if isinstance(found, MissingFile):
        return _unread(now, "malformed" if found.final else "unread", digest, found.trouble)
    here, report = now.network, found.report
    place = {"chain": here.chain.id, "ledger": here.contracts.ledger.address}
    try:
        require_model(report, **place, job=job, round=number, root=root.hex())
    except Malformed as error:
        return _unread(now, "contradicts", digest, error.message)
    owners = now.snapshot.owners
    keys = [*(party.key for party in report.parties), *(one.key for one in report.comparisons)]
    return Evaluated(
        status="read",
        named_by=named_by(now, digest),
        digest=digest.hex(),
        cid=str(cid_of(digest)),
        trouble="",
        samples=report.samples,
        mean=dict(found.mean),
        pooled=dict(report.pooled),
        spread=spread_of(report),
        unmeasured=unmeasured(now, job, number, report),
        members={key: now.owner(key) for key in keys if key in owners},
        classes=now.classes(now.snapshot.jobs[job]) if job in now.snapshot.jobs else (),
        report=report,
    )


def latest_evaluation(now: Reading, job: int, number: int | None = None) -> Evaluated | None:
    """The newest report that was read on a model of a job, or on that of one round."""
    return next(evaluations(now, job, number), None)


def releasable(now: Reading, job: int, number: int) -> Releasable | None:
    """What a release of a round's model may name; None of a model that no round made."""
    state = now.job(job)
    round_ = state.rounds.get(number)
    if round_ is None or round_.final is None or state.is_convicted(number):
        return None
    scoring = state.scorings.get(number)
    known = {one.digest: one.report for one in evaluations(now, job, number) if one.digest and one.report}
    return Releasable(
        scores=scoring.root.hex() if scoring and scoring.medians is not None else None,
        reports=tuple(
            KnownReport(digest=digest, parties=len(report.parties), samples=report.samples, license=report.license)
            for digest, report in known.items()
        ),
        right=model_answers(now, job, number).right,
    )


def metrics_around(now: Reading, job: int, round_: Round) -> RoundMetrics | None:
    """The figures of a round's model and of its neighbours', from the newest report that measures it."""
    found = (one.report for one in evaluations(now, job) if one.report) if round_.final else iter(())
    for report in found:
        rounds = around(report.rounds, round_.number, AROUND)
        if rounds:
            parties = parties_around(now, report, round_.number, AROUND)
            return RoundMetrics(
                model=report.round,
                digest=report.digest.hex(),
                named_by=named_by(now, report.digest),
                rounds=rounds,
                parties=parties,
            )
    return None


def evaluations(now: Reading, job: int, number: int | None = None) -> Iterator[Evaluated]:
    """The reports that were read on a job's models, or on that of one round; newest first."""
    for one in newest_proposals(now):
        action = one.action
        if not isinstance(action, ReleaseModel) or action.job != job or number not in {None, action.round}:
            continue
        root, digest = bytes.fromhex(action.root), bytes.fromhex(action.report)
        known = now.state.evaluations.get(digest)
        if isinstance(known, FetchedReport) and known.report.root == action.root and _names_model(now, action):
            found = evaluation_of(now, job, action.round, root, digest)
            if found.status == "read":
                yield found


def _names_model(now: Reading, action: ReleaseModel) -> bool:
    """Whether a proposal's root is that of the model which the round finalised."""
    state = now.snapshot.jobs.get(action.job)
    round_ = state.rounds.get(action.round) if state else None
    return round_ is not None and round_.final is not None and round_.final.root.hex() == action.root


def named_by(now: Reading, digest: bytes) -> NamedBy:
    """By whose decision a report is shown: a report that a proposal names is its proposer's word alone."""
    found = [one.revoked for one in newest_releases(now) if one.report == digest]
    return "proposal" if not found else "revoked" if all(found) else "release"


def _unread(now: Reading, status: EvaluationStatus, digest: bytes, trouble: str) -> Evaluated:
    named = any(digest)
    return Evaluated(
        status=status,
        named_by=named_by(now, digest),
        digest=digest.hex() if named else None,
        cid=str(cid_of(digest)) if named else None,
        trouble=trouble,
        samples=0,
        mean={},
        pooled={},
        spread=None,
        members={},
        unmeasured=(),
        classes=(),
        report=None,
    )
