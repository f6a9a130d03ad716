"""A job's data are read once before any clock runs: when the node sees the job, and whenever their file changes."""

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import FedledgerError
from ledger.formats.text import plural
from ledger.jobs.document import Job
from participant.tasks.data.files import DataFiles
from participant.tasks.data.version import file_version
from participant.trainer.errand import Errand
from participant.trainer.messages import DataRead, ReadData
from participant.trainer.trainers import PROMPT, Trainers

DIVIDED = ReadData(rows="trained_on")
SECONDS = 3600.0
"""How long reading may take."""
Seen = tuple[Path | None, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What reading a job's data came to: in words, or the error."""

    text: str
    error: FedledgerError | None = None


class Inspection:
    """Reads each job's data by the job's task, in a process of its own."""

    def __init__(self, trainers: Trainers, files: DataFiles) -> None:
        self._trainers, self.files = trainers, files
        self._seen: dict[int, Seen] = {}
        self._errands: dict[int, Errand] = {}

    def busy(self, job: int) -> bool:
        """Whether the job's data are being read."""
        return job in self._errands and not self._errands[job].done

    def look(self, number: int, job: Job) -> tuple[bool, Finding | None]:
        """Whether the job's file is another than at the last look, and what reading it came to, once that is known.

        Raises Malformed or Unavailable for the home's settings, Unavailable for a full disk.
        """
        path = self.files.of(number, job.task.name)
        now = (path, file_version(path) if path else (0, 0))
        changed = self._seen.get(number) != now
        if changed:
            self._close(number)
            if path is not None and path.is_file():
                self._errands[number] = self._trainers.begin(job, number, DIVIDED, path, seconds=SECONDS)
                self._errands[number].wait(PROMPT)
            self._seen[number] = now
        return changed, self._finding(number, job)

    def _finding(self, number: int, job: Job) -> Finding | None:
        """What reading came to, once; None while it goes on, and where there is nothing to say any more."""
        errand = self._errands.get(number)
        if errand is not None and not errand.done:
            return None
        try:
            if errand is not None:
                return Finding(described(errand))
            path, version = self._seen[number]
            if path is None or not any(version):
                self.files.found(number, job.task.name)
            return None
        except FedledgerError as error:
            return Finding(f"its data cannot be trained on: {error.message}", error)
        finally:
            self._close(number)

    def _close(self, number: int) -> None:
        if number in self._errands:
            self._trainers.close_errand(self._errands.pop(number))


def described(errand: Errand) -> str:
    """What was read, in words. Raises what the errand's answer raises."""
    answer = errand.expect(DataRead)
    if answer.rows is None:
        return "the data can be read"
    held_out = f" to train on, {answer.held_out} held out" if answer.held_out else ""
    return f"the data can be read: {plural(answer.rows, 'row')}{held_out}"


def check(trainers: Trainers, files: DataFiles, number: int, job: Job) -> str:
    """Read a job's data now; what was read, in words. Raises UsageError where they cannot be trained on."""
    errand = trainers.begin(job, number, DIVIDED, files.found(number, job.task.name), seconds=SECONDS)
    try:
        errand.wait(SECONDS)
        return described(errand)
    finally:
        trainers.close_errand(errand)
