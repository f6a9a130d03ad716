"""A home's trainers: started when there is work, kept for the next order of the same job, ended soon after the last."""

import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

from ledger.errors import Malformed, Unavailable
from ledger.jobs.document import Job
from ledger.store import disk
from participant.integers.fixed_point import Stream
from participant.rows.records import RowRecords
from participant.tasks.machine import Machine
from participant.trainer import messages
from participant.trainer.errand import Errand
from participant.trainer.launch import begin
from participant.trainer.memory import plenty
from participant.trainer.messages import (
    Compare,
    Create,
    Do,
    ForJob,
    MakeSet,
    Measure,
    Order,
    Personalise,
    Progress,
    ReadData,
    Train,
)
from participant.trainer.running import Start
from participant.trainer.trainer import Launched, Trainer

T = TypeVar("T")
IDLE = 30.0
"""Seconds without an order after which a process ends, and gives its memory back: rounds that follow on each other
share one."""
LONGEST_IDLE = 600.0
"""The same where a job's last order came later than that, and before this time was over, and where the machine has
memory to spare: to start a process costs seconds of the processor. A process that is ready for a first order waits so
long, too."""
PROMPT = 0.5
"""Seconds that a look waits for what it began: what is short is over in the same look."""
WHOLE_DAY = 86_400.0
LOCK = "lock"
"""The file in a process's folder that it holds locked while it lives."""


def under_way(work: Path) -> list[Progress]:
    """How far the trainings of a home are, of whichever of its processes."""
    found: list[Progress] = []
    for path in sorted(work.glob(f"*/*/*/{messages.PROGRESS}")):
        with suppress(Malformed):
            said = messages.read(path, Progress)
            if said is not None and not disk.abandoned(path.parents[2] / LOCK):
                found.append(said)
    return found


class Trainers:
    """Carries out orders in processes of their own, on a home's machine. Close it in the end: nothing is left running.

    Each job has processes of its own, so that its data are read once, and the training of one job never waits for
    another's.
    """

    def __init__(self, machine: Machine, start: Start = begin) -> None:
        self.machine, self._start = machine, start
        self._folder, self._lock = machine.work / token_hex(8), -1
        self._trainers: list[Trainer] = []
        self._errands: list[Errand] = []
        self._rested: dict[bytes, float] = {}
        self._started = 0
        self._clean()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prepare(self) -> None:
        """Start a process ahead, while a passphrase is asked for or the chain is read: to load torch takes seconds."""
        if find_spec("torch") is None:
            return
        with suppress(Unavailable):  # the first order says so
            self._begin(self._start)

    def begin(
        self,
        job: Job,
        number: int,
        do: ForJob,
        data: Path,
        *,
        seconds: float = WHOLE_DAY,
        model: Stream | None = None,
        drift: Stream | None = None,
        wanted: Sequence[bytes] = (),
        own: bytes = b"",
    ) -> Errand:
        """Give an order; it is ended after `seconds`. `wanted` are the leaves of a training that is made again, `drift`
        is what corrects a training's steps, `own` the file of the party's own tensors.

        Raises Unavailable for a full disk, UsageError where the home's launcher cannot be started.
        """
        launcher = self.machine.launcher
        trainer = self._launched() if launcher and isinstance(do, Train) else self._free(job.digest)
        folder = trainer.order()
        messages.place(folder / messages.JOB, job.encode())
        if model is not None:
            messages.write_stream(folder / messages.MODEL, model)
        if drift is not None:
            messages.write_stream(folder / messages.DRIFT, drift)
        if wanted:
            messages.write_leaves(folder / messages.WANTED, wanted)
        if own:
            messages.place(folder / messages.OWN, own)
        trainer.job = job.digest
        facts: dict[str, object] = {"task": job.task.name, "job": number, "file": str(data)}
        if isinstance(do, Train | Personalise):
            facts["round"] = do.round
        order = self._order(do, number, str(data.absolute()), self._salt(job, do))
        return self._given(trainer, folder, order, seconds, facts)

    def ask(
        self,
        job: Job,
        number: int,
        do: ReadData | Measure,
        data: Path,
        kind: type[T],
        *,
        model: Stream | None = None,
        own: bytes = b"",
        **facts: object,
    ) -> T:
        """Give an order and wait for its answer, with nothing else to do meanwhile. Raises as `begin`, and as
        `participant.trainer.errand.Errand.expect`, with `facts` besides.
        """
        with self.carried_out(job, number, do, data, model=model, own=own, facts=facts) as errand:
            return errand.expect(kind)

    @contextmanager
    def carried_out(
        self,
        job: Job,
        number: int,
        do: ForJob,
        data: Path,
        *,
        model: Stream | None = None,
        drift: Stream | None = None,
        wanted: Sequence[bytes] = (),
        own: bytes = b"",
        facts: Mapping[str, object] = MappingProxyType({}),
    ) -> Iterator[Errand]:
        """Give an order and wait until it is done; its files are there as long as the context. Raises as `begin`."""
        errand = self.begin(job, number, do, data, model=model, drift=drift, wanted=wanted, own=own)
        errand.facts.update(facts)
        try:
            while not errand.wait(PROMPT):
                pass
            yield errand
        finally:
            self.close_errand(errand)

    def begin_without_job(self, do: Compare | Create, **facts: object) -> Errand:
        """Give an order that names its files itself; `facts` are told with a failure. Raises Unavailable for a full
        disk.
        """
        trainer = self._free(b"")
        return self._given(trainer, trainer.order(), self._order(do, 0, ""), WHOLE_DAY, facts)

    def close_errand(self, errand: Errand) -> None:
        """An order's answer was taken, or nobody wants it any more."""
        errand.close()
        if errand in self._errands:
            self._errands.remove(errand)
        if errand.unfit:
            self._trainers = [one for one in self._trainers if one is not errand.trainer]

    def tend(self) -> None:
        """End the processes that have had no order for a while."""
        now, rest = time.monotonic(), IDLE
        for trainer in list(self._trainers):
            rested = 0.0 if trainer.rests_since is None else now - trainer.rests_since
            if rested > IDLE and plenty():
                rest = LONGEST_IDLE
            if trainer.rests_since is not None and rested > max(rest, trainer.patience):
                self._rested[trainer.job] = trainer.rests_since
                trainer.end()
                self._trainers.remove(trainer)

    def settle(self, seconds: float) -> bool:
        """Wait until every order is done, no longer than `seconds`; whether any was given since, or was under way."""
        open_ = [errand for errand in self._errands if not errand.settled]
        until = time.monotonic() + seconds
        for errand in open_:
            errand.settled = errand.wait(until - time.monotonic())
        return bool(open_)

    def due_in(self) -> list[float]:
        """Seconds until the next look: soon after an order began, later where it takes long."""
        now = time.time()
        open_ = [errand for errand in self._errands if not errand.done]
        return [min(1.0, max(0.05, 0.05 * (now - errand.began))) for errand in open_]

    def close(self) -> None:
        """End every process."""
        for trainer in self._trainers:
            trainer.end()
        for errand in self._errands:
            errand.close()
        self._trainers, self._errands = [], []
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _order(self, do: Do, job: int, data: str, salt: str = "") -> Order:
        scratch = str(self.machine.scratch.absolute())
        return Order(do=do, job=job, data=data, device=self.machine.device, scratch=scratch, salt=salt)

    def _salt(self, job: Job, do: ForJob) -> str:
        """The home's salt of the job, for what divides the data by it."""
        whole = isinstance(do, MakeSet) or (not isinstance(do, Train | Personalise) and do.rows == "own_file")
        return "" if whole else RowRecords(self.machine.rows).draw(job).salt.hex()

    def _given(self, trainer: Trainer, folder: Path, order: Order, seconds: float, facts: dict[str, object]) -> Errand:
        messages.write(folder / messages.ORDER, order)
        trainer.give(folder)
        errand = Errand(trainer, folder, order, seconds, facts)
        self._errands.append(errand)
        return errand

    def _free(self, job: bytes) -> Trainer:
        """A process without an order that works for the job, or for none yet; else a new one."""
        free = [one for one in self._trainers if one.rests_since is not None and one.process.poll() is None]
        for wanted in (job, b""):
            for trainer in free:
                if trainer.job == wanted:
                    trainer.patience = _patience(trainer.rests_since if wanted else None)
                    return trainer
        trainer = self._begin(self._start)
        trainer.patience = _patience(self._rested.pop(job, None))
        return trainer

    def _begin(self, start: Start) -> Trainer:
        trainer = Trainer(self._next(), start)
        trainer.patience = LONGEST_IDLE
        self._trainers.append(trainer)
        return trainer

    def _launched(self) -> Trainer:
        trainer = Launched(self._next(), self.machine.launcher)
        self._trainers.append(trainer)
        return trainer

    def _next(self) -> Path:
        """A folder in this process's own, which it locks first. Raises Unavailable for a full disk."""
        if self._lock < 0:
            with disk.translated(self._folder):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # a full disk may take no lock yet
            self._lock = disk.create(self._folder / LOCK)
        self._started += 1
        return self._folder / str(self._started)

    def _clean(self) -> None:
        """Remove what killed processes left behind. A lock tells them from living ones, in other containers, too, where
        the id of a process says nothing.
        """
        with suppress(OSError):
            for folder in self.machine.work.iterdir():
                if disk.abandoned(folder / LOCK):
                    shutil.rmtree(folder, ignore_errors=True)


def _patience(since: float | None) -> float:
    """Seconds to rest after an order that came now, where the one before was over at `since`; 0 where that tells
    nothing.
    """
    pause = math.inf if since is None else 2 * (time.monotonic() - since)
    return pause if pause <= LONGEST_IDLE else 0.0
