"""Orders that call several of a task's methods in a row: the trainer tells of each before it is called."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ledger.errors import Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import encode, sha256
from ledger.formats.rows import Draw
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job, JobTask
from ledger.jobs.scores import committed_set
from ledger.releases.counts import Counts
from ledger.releases.sums import Sums
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
    task = (require(wanted) if do.code else find(do.task)).create(do.settings, do.preparation)
    (scratch := Path(order.scratch)).mkdir(mode=0o700, parents=True, exist_ok=True)
    if do.tests or do.hold_out:
        return Compared(rows=tuple(_methods(task, do, scratch, step, order.device)))
    files, test = [Path(file) for file in do.files], Path(do.test)
    rows = compare(task, do.settings, files, test, do.rounds, do.seed, scratch, report=step, device=order.device)
    return Compared(
        rows=tuple(ComparedModel(name=row.name, samples=row.samples, measured=measured(row.merit)) for row in rows)
    )


def _methods(task: "Task", do: Compare, scratch: Path, step: StepsFile, device: str) -> Iterator[ComparedModel]:
    """What each method is worth to each party, on rows of its own. Raises what a task raises."""
    from participant.comparing.federation import Federation, Methods, Party
    from participant.tasks.devices import choose, place
    from participant.tasks.split import split

    def loaded(file: str) -> Any:
        step("load_data", file)
        return task.load_data(Path(file))

    def divided(file: str) -> tuple[Any, Any]:
        found = split(task, loaded(file), Path(file), Draw(sha256(b"comparison"), sha256(encode(do.seed)), do.hold_out))
        return found.trained, found.held_out

    chosen = choose(device)
    if do.tests:
        sides = [(loaded(file), loaded(test)) for file, test in zip(do.files, do.tests, strict=True)]
    else:
        sides = [divided(file) for file in do.files]
    names = party_names(do.files)
    parties = [Party(name, *(place(side, chosen) for side in two)) for name, two in zip(names, sides, strict=True)]
    by = Methods(do.rounds, do.seed, do.private, do.personal_steps, messages.number(do.pull))
    for row in Federation(task, do.settings, parties, scratch, chosen, step).compared(by):
        yield ComparedModel(name=row.method, samples=row.samples, measured=measured(row.merit), party=row.party)


def party_names(files: Sequence[str]) -> list[str]:
    """What parties are called by their files: the names without folder and ending, or all of it where two are alike."""
    names = [Path(file).stem for file in files]
    return names if len(set(names)) == len(names) else list(files)


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


def measured(figures: Mapping[str, float], counts: Counts | None = None, sums: Sums | None = None) -> Measured:
    """A task's figures as a message has them, and its counts or sums."""
    return Measured(figures={name: repr(value) for name, value in figures.items()}, counts=counts, sums=sums)


def _kept(pieces: Iterable[Buffer], file: BinaryIO) -> Iterator[Buffer]:
    for piece in pieces:
        file.write(piece)
        yield piece
