"""The document of the front page's first lines. Pure: all of it is in the last reading."""

from collections.abc import Sequence
from itertools import islice

import msgspec

from ledger.events.records import Role
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.scores import committed_set
from ledger.releases.report import Evaluation, Rows
from web.documents.common import PartyDocument
from web.documents.decisions import Evaluated, ReleaseLine
from web.documents.front import Front, Headline, TrainedJob
from web.reading.activity import activity_line, newest
from web.reading.evaluations.evidence import evaluation_of
from web.reading.ledger import Reading
from web.reading.releases import newest_releases, release_line

KINDS: Sequence[Rows] = ("held_out", "own_file")
"""The rows whose figures are an evaluation, the better evidence first."""
RECENT = 5
METRICS = ("accuracy", "balanced_accuracy", "auc", "f1")
"""The figures that a headline can be, in the order of preference."""


def front(now: Reading) -> Front:
    """What is trained, by how many, and the headline figure."""
    state = _job(now)
    document = now.document(state) if state else None
    members = now.snapshot.members.values()
    return Front(
        trained=_trained(now, state, document) if state and document else None,
        participants=sum(member.active and Role.PARTICIPANT in member.roles for member in members),
        headline=_headline(now, state) if state else None,
        recent=tuple(activity_line(now, one) for one in islice(newest(now, now.snapshot.applied + 1), RECENT)),
    )


def _job(now: Reading) -> JobState | None:
    """The newest open job whose document was read, else the newest of any state."""
    read = [state for state in now.snapshot.jobs.values() if now.document(state)]
    return next((state for state in reversed(read) if state.open), read[-1] if read else None)


def _trained(now: Reading, state: JobState, document: Job) -> TrainedJob:
    committed = committed_set(document.scoring)
    return TrainedJob(
        job=state.number,
        name=document.name,
        task=document.task.name,
        classes=now.classes(state),
        hold_out=document.hold_out,
        open_rows=committed.samples if committed else 0,
        masked=document.masked is not None,
    )


def _headline(now: Reading, state: JobState) -> Headline | None:
    """From the report of the job's newest current release: what members voted for. A report that a proposal names is
    its proposer's word alone.
    """
    release, found = _released(now, state.number)
    if found is None or found.report is None:
        return None
    for kind in KINDS:
        measured = [one for one in found.report.parties if one.rows == kind and one.key in found.members]
        if measured:
            part = msgspec.structs.replace(found.report, parties=tuple(measured))
            return _figure(part, kind, tuple(found.members[one.key] for one in measured), release)
    return None


def _released(now: Reading, job: int) -> tuple[ReleaseLine | None, Evaluated | None]:
    for one in newest_releases(now):
        line = release_line(now, one)
        if one.job == job and line.current:
            found = evaluation_of(now, one.job, one.round, one.root, one.report)
            if found.report is not None:
                return line, found
    return None, None


def _figure(
    report: Evaluation, kind: Rows, parties: tuple[PartyDocument, ...], release: ReleaseLine | None
) -> Headline | None:
    """A figure of these parties' rows together; None where they report none that can be."""
    known = report.mean | report.pooled
    metric = next((one for one in METRICS if one in known), None)
    if metric is None:
        return None
    return Headline(
        metric=metric,
        value=known[metric],
        samples=report.samples,
        rows=kind,
        parties=parties,
        job=report.job,
        round=report.round,
        release=release,
    )
