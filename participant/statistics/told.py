"""The home's record of what it told of its rows, and the gate in front of an answer.

    told.json     every question that was answered, and those that the owner has forgotten, with the reason; mode 0600

Only digests of rows are in it. It is written before an answer is stored: a node that is killed in between has told
nothing yet, and answers the same question alike.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from filelock import Timeout

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.locks import SharedLock
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict
from ledger.jobs.analysis import Analysis
from ledger.statistics.answers import check_answer
from ledger.store import disk
from participant.statistics.questions import AnsweredQuestion, lost_question, question_of, require_compatible, without

FILE = "told.json"
PATIENCE = 10.0


class Forgotten(Strict, frozen=True):
    """A question that no later one is held against any more: the owner's decision, and why."""

    question: AnsweredQuestion
    reason: str


class Record(Strict, frozen=True):
    """The file."""

    told: tuple[AnsweredQuestion, ...] = ()
    forgotten: tuple[Forgotten, ...] = ()


class ToldFile:
    """The record of the home in `folder`; its processes may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = SharedLock(folder / f"{FILE}.lock", PATIENCE)

    def read(self) -> Record:
        """What is on record. Raises Malformed for a file that is damaged, Unavailable."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Record)
        except FileNotFoundError:
            return Record()
        except OSError as error:
            raise Unavailable(
                f"cannot read the record of statistics: {error.strerror}", file=str(self._path)
            ) from error
        except (ValueError, RecursionError) as error:
            raise Malformed(
                f"the record of statistics is damaged: {error}",
                advice="restore it from a backup of the home: without it nobody knows what was told",
                file=str(self._path),
            ) from error

    def tell(
        self,
        job: bytes,
        analysis: Analysis,
        answer: dict[str, list[int]],
        rows: Mapping[str, str],
        noise: str = "",
    ) -> None:
        """Put an answer on record; after that it may be stored. `noise` is the job's.

        Raises UsageError where it, or it together with an earlier one, would tell a small number; Malformed and
        Unavailable where that cannot be known.
        """
        check_answer(analysis, answer)
        now = question_of(job, analysis, rows, noise)
        with self._alone():
            record = self.read()
            require_compatible(record.told, now)
            if now not in record.told:
                self._write(msgspec.structs.replace(record, told=(*record.told, now)))

    def rebuild(self, answered: Iterable[tuple[bytes, Analysis]]) -> tuple[AnsweredQuestion, ...]:
        """Put on record what the ledger says that this home answered, by the jobs' digests, and the file does not: it
        was lost, or restored from a backup. Of which rows, nobody knows any more, so later questions about these
        columns wait for the owner. Returns what was added. Raises as `read`.
        """
        with self._alone():
            record = self.read()
            known = {one.job for one in record.told} | {one.question.job for one in record.forgotten}
            lost = tuple(lost_question(job, analysis) for job, analysis in answered if job.hex() not in known)
            if lost:
                self._write(msgspec.structs.replace(record, told=(*record.told, *lost)))
        return lost

    def forget(self, column: str, reason: str) -> int:
        """Take a column off the questions that later ones are held against; off how many. As they were they stay on
        record, with the reason; what they say of other columns still counts. Raises UsageError where there are none.
        """
        check_text(reason, "the reason")
        with self._alone():
            record = self.read()
            off = [one for one in record.told if column in one.names]
            if not off:
                known = sorted({name for one in record.told for name in one.names})
                raise UsageError("nothing was told of this column", column=column, told=", ".join(known)[:300])
            left = (one if column not in one.names else without(one, column) for one in record.told)
            kept = tuple(one for one in left if one is not None)
            forgotten = (*record.forgotten, *(Forgotten(question=one, reason=reason) for one in off))
            self._write(Record(told=kept, forgotten=forgotten))
        return len(off)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the record. Raises Unavailable where another process keeps it, or the folder takes no lock."""
        with ExitStack() as stack:
            with disk.translated(self._path):
                try:
                    stack.enter_context(self._lock.held())
                except Timeout as error:
                    raise Unavailable(
                        "another process keeps the record of statistics locked",
                        advice="see which process holds the file, and end it",
                        lock=f"{self._path}.lock",
                        waited_seconds=PATIENCE,
                    ) from error
            yield

    def _write(self, record: Record) -> None:
        disk.write_private(self._path, [msgspec.json.encode(record)], replace=True)
