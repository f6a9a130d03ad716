"""What a job would do at this home, before anybody approves it: what runs, what it reads, trains and sends.

Nothing of the job is run for it: the task's files are hashed, its class is not made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from ledger.errors import FedledgerError
from ledger.formats.digest import sha256
from ledger.formats.text import listed, plural
from ledger.jobs.analysis import describe as describe_analysis
from ledger.jobs.document import Job
from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.preparation import describe as describe_preparation
from ledger.jobs.privacy import describe as describe_privacy
from ledger.jobs.private import describe as describe_private
from ledger.jobs.schedule import describe_schedule
from ledger.scores.tables import describe_method
from participant.tasks.code import canonical, covered
from participant.tasks.data.files import DataFiles
from participant.tasks.discovery import find, require

COLUMNS = ("columns", "label", "tasks", "target", "targets", "time", "event", "text", "image")
"""Settings by which the ready tasks name columns."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file that the task's digest covers: its name in its package, its SHA-256 as the digest has it, its place."""

    name: str
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Review:
    """`code` is every file that the digest covers here; `differs` says why the job's code is not what is installed,
    empty where it is. `says` are sentences for people, by what they are about.
    """

    job: int
    name: str
    digest: str
    differs: str
    code: tuple[CodeFile, ...]
    data: str
    columns: tuple[str, ...]
    says: dict[str, str]

    @property
    def facts(self) -> dict[str, Any]:
        """For programs."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


def review(number: int, job: Job, files: DataFiles, warned: Mapping[str, str] = MappingProxyType({})) -> Review:
    """`warned` is what the ledger says against the job, first of all. Raises Malformed or Unavailable for the home's
    settings.
    """
    differs, code = _code(job)
    path, columns = files.of(number, job.task.name), _columns(job)
    data = str(path) if path else f"none yet: fedledger node data {number} FILE"
    return Review(
        job=number,
        name=job.name,
        digest=job.digest.hex(),
        differs=differs,
        code=code,
        data=data,
        columns=columns,
        says={
            **warned,
            "runs": _runs(job, differs, len(code)),
            "reads": f"{data}; {_read(job, columns)}",
            "holds out": f"{job.hold_out} % of the rows, which no round trains on",
            "trains": _trains(job),
            "stays at home": f"the rows; of the model {describe_private(job.private)}",
            "sends, each round": f"{job.update_size:,} bytes of an update, and how many rows are behind it; "
            "on the chain a commitment of 28 bytes",
            "readers": describe_privacy(job.privacy),
            "noise": job.dp.words if job.dp else "none: what an update tells of rows is bounded by nothing",
            "scores": describe_method(job),
            "may be used": _use(job.permitted_use),
        },
    )


def _trains(job: Job) -> str:
    if job.analysis is not None:
        return f"nothing; it asks for {describe_analysis(job.analysis)}"
    size = f"{plural(job.layout.values, 'value')} in {plural(len(job.tensors), 'tensor')}"
    return f"{size}, for {plural(job.terms.rounds, 'round')}; {describe_schedule(job.schedule, job.terms.buffer)}"


def _code(job: Job) -> tuple[str, tuple[CodeFile, ...]]:
    """Why the installed task is not the job's, and the installed one's files; none where it is not installed."""
    if find_spec("torch") is None:
        return "this machine has no PyTorch, so that no task was looked at", ()
    try:
        found = covered(find(job.task.name).modules(job.task.settings))
    except FedledgerError as error:
        return error.message, ()
    code = tuple(
        CodeFile(name, sha256(canonical(path.read_bytes())).hex(), str(Path(path))) for name, path in found.items()
    )
    try:
        require(job.task)
    except FedledgerError as error:
        return error.message, code
    return "", code


def _columns(job: Job) -> tuple[str, ...]:
    """The columns that the job says are read, labels last; none where its task reads something else than a table."""
    if job.analysis is not None:
        return tuple(column.name for column in job.analysis.columns)
    said = job.task.settings
    prepared = job.preparation
    inputs = [one.column for one in prepared.inputs] if prepared else []
    for name in COLUMNS if not prepared else COLUMNS[1:]:
        value = said.get(name)
        inputs += value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return tuple(dict.fromkeys(inputs))


def _runs(job: Job, differs: str, count: int) -> str:
    task = f"{job.task.name} {job.task.version}, {plural(count, 'file')}, code {job.task.code}"
    return f"{task}: {differs}" if differs else f"{task}: installed here as the job names it"


def _read(job: Job, columns: tuple[str, ...]) -> str:
    what = f"columns {listed(columns)}, as the settings name them" if columns else "what its task says"
    prepared = describe_preparation(job.preparation) if job.preparation else []
    return "; ".join([what, *(f"{column}: {words}" for column, words in prepared)])


def _use(use: PermittedUse | None) -> str:
    if use is None:
        return "for anything: the job names no purpose"
    return "; ".join(f"{name}: {value}" for name, value in use.words)
