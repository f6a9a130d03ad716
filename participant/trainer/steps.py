"""Orders that call several of a task's methods in a row: the trainer tells of each before it is called."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ledger.errors import Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job, JobTask, committed_set
from ledger.releases.counts import Counts
from ledger.store.disk import translated
from participant.trainer import messages
from participant.trainer.messages import (
    Compare,
    Compared,
    ComparedModel,
    Create,
    Created,
    Measured,
    Order,
    Progress,
    SetMade,
    StoredFile,
)

if TYPE_CHECKING:
    from participant.tasks.protocol import Task


@dataclass
class StepsFile:
    """Writes down which method is called next, and how many rounds are trained; where the disk refuses it, nothing."""

    path: Path
    began: float = field(default_factory=time.time)
    _rounds: int = 0

    def __call__(self, method: str, file: str, round_: int = 0) -> None:
        """A method is called next, on a file, in a round."""
        done = float(self._rounds)
        said = Progress(job=0, round=round_, began=self.began, done=done, method=method, file=file)
        self._rounds += method == "train"
        with suppress(Unavailable):
            messages.write(self.path, said)


def compared(do: Compare, order: Order, step: StepsFile) -> Compared:
    """Make a comparison. Raises what a task raises."""
    from participant.tasks.comparison import compare
    from participant.tasks.discovery import find, require

    wanted = JobTask(name=do.task, version=do.version, code=do.code, settings=do.settings)
    task = (require(wanted) if do.code else find(do.task)).create(do.settings)
    (scratch := Path(order.scratch)).mkdir(mode=0o700, parents=True, exist_ok=True)
    files, test = [Path(file) for file in do.files], Path(do.test)
    rows = compare(task, do.settings, files, test, do.rounds, do.seed, scratch, report=step, device=order.device)
    return Compared(
        rows=tuple(ComparedModel(name=row.name, samples=row.samples, measured=measured(row.merit)) for row in rows)
    )


def created(do: Create, folder: Path, step: StepsFile) -> Created:
    """Make a job; what is to be stored lies in the order's folder. Raises as `participant.jobs.creation.create`."""
    from participant.jobs.creation import create, tensors_at_home
    from participant.jobs.draft import read

    files = list[StoredFile]()

    def put(pieces: Iterable[Buffer], pin: str) -> Cid:
        path = folder / f"{messages.FILE}{len(files)}"
        with translated(path), path.open("wb") as file:
            cid = cid_of(_kept(pieces, file))[0]
        files.append(StoredFile(pin=pin, cid=str(cid)))
        return cid

    made = create(
        read(Path(do.draft), masked=do.masked), put, electorate=do.electorate, open_set=do.open_set, step=step
    )
    return Created(files=tuple(files), at_home=tensors_at_home(made))


def set_made(task: "Task", job: Job, path: Path, folder: Path) -> SetMade:
    """Make the file of the set that a job commits to; it lies in the order's folder. Raises as
    `participant.jobs.committed_set`, and UsageError where the job commits to none.
    """
    from participant.jobs.committed_set import file_of, set_of

    evidence = committed_set(job.scoring)
    if evidence is None:
        raise UsageError("this job commits to no evaluation set", method=job.scoring.method)
    content, _, root = file_of(set_of(task, path), evidence.classes)
    messages.place(folder / f"{messages.FILE}0", content)
    return SetMade(root=root.hex())


def measured(figures: Mapping[str, float], counts: Counts | None = None) -> Measured:
    """A task's figures as a message has them, and its counts."""
    return Measured(figures={name: repr(value) for name, value in figures.items()}, counts=counts)


def _kept(pieces: Iterable[Buffer], file: BinaryIO) -> Iterator[Buffer]:
    for piece in pieces:
        file.write(piece)
        yield piece
