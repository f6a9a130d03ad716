"""The job that is simulated: a document, or a draft made into one for as many members as there are clients."""

from pathlib import Path

from ledger.errors import Malformed, UsageError
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.rounds.rules import MAX_UPDATES
from ledger.rounds.weights import weighs
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream
from participant.integers.tensors import stream_of
from participant.jobs.creation import Put, create, started_from
from participant.jobs.draft import read
from participant.jobs.proposals import Electorate
from participant.tasks.sharing import shared_state
from participant.tasks.training import Local


def job_of(path: Path, clients: int, put: Put) -> Job:
    """The job in a file: a document (.json), or a draft (.toml), whose open fields are proposed for the clients.

    Raises UsageError where there is none, its task is not installed, or its updates are weighed by past scores, which
    no simulation makes; Malformed where it breaks its form.
    """
    if path.suffix.lower() == ".json":
        job = _document(path)
    else:
        members = min(clients, MAX_UPDATES)
        job = create(read(path), put, electorate=Electorate(members, members), open_set=False)
    if weighs(job):
        raise UsageError(
            "this job's updates are weighed by past scores, and a simulation makes no scores",
            advice='simulate it with scoring.weighting = "none"',
            job=job.name,
        )
    return job


def initial_stream(local: Local, draft: Path) -> Stream:
    """The job's initial model, as the task builds it, or a draft names it. Raises Malformed where the job names another
    one.
    """
    task, job = local.task, local.job
    if draft.suffix.lower() != ".json" and (start := read(draft).start):
        return started_from(Path(start), job.layout)
    stream = stream_of(shared_state(task, task.build_model(job.initial_model.seed), job.private.tensors), job.layout)
    if root_of(stream) != job.initial_root:
        raise Malformed(
            "the task does not build the job's initial model here",
            advice="simulate on a machine like that on which the job was made, or simulate its draft",
            expected=job.initial_model.root,
            actual=root_of(stream).hex(),
        )
    return stream


def _document(path: Path) -> Job:
    try:
        with path.open("rb") as file:
            return parse(file.read(MAX_SIZE + 1))
    except OSError as error:
        raise UsageError(f"cannot read the job's document: {error.strerror}", file=str(path)) from error
