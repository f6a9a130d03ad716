"""Carrying out an order: the one place where a task's code runs for a node, and where all that it raises ends."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.jobs.document import Job, parse
from participant.tasks.data.version import file_version
from participant.tasks.machine import Machine
from participant.tasks.protocol import Personal
from participant.tasks.seam import line_of, text_of
from participant.trainer import messages
from participant.trainer.messages import (
    Answer,
    Compare,
    Create,
    DataRead,
    Failed,
    MakeSet,
    Measure,
    Order,
    Personalise,
    Progress,
    ReadData,
    Train,
    TrainedUpdate,
)
from participant.trainer.steps import StepsFile, compared, created, measured, set_made

if TYPE_CHECKING:
    from participant.private.tensors import Sections
    from participant.tasks.split import Split
    from participant.tasks.training import Local, Trained

PAUSE = 0.2
"""Seconds between two reports of progress, at least."""


@dataclass
class Labour:
    """Carries orders out. The task of a job is made once, and its data are read once while they do not change."""

    _locals: "dict[bytes, Local]" = field(default_factory=dict)
    _head: tuple[int, int] = (0, 0)

    def carry_out(self, folder: Path) -> int:
        """Do what the folder's order says, and answer there; the process's exit code."""
        answer = self._attempt(folder)
        rank = int(os.environ.get("RANK") or 0)
        if rank == 0:
            messages.write(folder / messages.ANSWER, answer)
        elif isinstance(answer, Failed):
            sys.stderr.write(f"rank {rank}: {answer.error()}\n")
        return 1 if isinstance(answer, Failed) else 0

    def _attempt(self, folder: Path) -> Answer:
        try:
            return self._answer(folder)
        except FedledgerError as error:
            return Failed.of(error)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                return Failed(message=f"a module is missing: {error.name}", advice="", facts={"line": line_of(error)})
            return Failed(message="training needs PyTorch", advice='install "fedledger[node]"', facts={})
        except BaseException as error:  # noqa: BLE001  (the edge: what a task's objects do outside of its methods)
            said = f"{type(error).__name__}: {text_of(error)}"
            return Failed(message=f"the task's code failed: {said}", advice="", facts={"line": line_of(error)})

    def _answer(self, folder: Path) -> Answer:
        order = messages.read(folder / messages.ORDER, Order)
        if order is None:
            raise Malformed("an order is missing", folder=str(folder))
        if isinstance(order.do, Compare):
            return compared(order.do, order, StepsFile(folder / messages.PROGRESS))
        if isinstance(order.do, Create):
            return created(order.do, folder, StepsFile(folder / messages.PROGRESS))
        job = parse((folder / messages.JOB).read_bytes())
        local = self._local(job, order)
        path = Path(order.data)
        if isinstance(order.do, ReadData):
            if order.do.leaves:
                messages.write_leaves(folder / messages.LEAVES, local.leaves(path))
            divided = local.split(path) if order.do.rows != "own_file" else None
            return checked(local.rows(path, order.do.rows), divided)
        if isinstance(order.do, MakeSet):
            return set_made(local.task, job, path, folder)
        return self._of_model(job, local, order, folder)

    def _of_model(self, job: Job, local: "Local", order: Order, folder: Path) -> Answer:
        """Do what begins with a model: measure it, or train on from it."""
        path, model = Path(order.data), messages.read_stream(folder / messages.MODEL, job.layout.values)
        own = own_of(folder)
        if isinstance(order.do, Measure):
            figures = local.evaluate(model, path, order.do.rows, own)
            if not order.do.counts:
                return measured(figures)
            at = model, path, order.do.rows, own
            return measured(figures, local.counts(*at), local.sums(*at))
        if isinstance(order.do, Personalise):
            personal = Personal(order.do.steps, messages.number(order.do.pull))
            made = local.personalise(model, path, order.do.round, order.do.seed, personal, own)
            return self._trained(job, order.do.round, made, folder)
        if not isinstance(order.do, Train):
            raise Malformed("this order needs no model", order=type(order.do).__name__)
        report = ProgressFile(folder / messages.PROGRESS, order.job, order.do.round)
        report.write()
        again = messages.read_leaves(folder / messages.WANTED) if order.do.again else ()
        drift = messages.read_stream(folder / messages.DRIFT, job.layout.values) if job.server.corrects else None
        chosen: dict[str, Any] = {"keep": order.do.keep, "again": again, "drift": drift, "report": report, "own": own}
        trained = local.train(model, path, order.do.round, order.do.seed, **chosen)
        return self._trained(job, order.do.round, trained, folder)

    @staticmethod
    def _trained(job: Job, round_: int, trained: "Trained", folder: Path) -> TrainedUpdate:
        """Put what was trained into the order's folder; the answer."""
        messages.write_stream(folder / messages.UPDATE, trained.update)
        messages.write_leaves(folder / messages.LEAVES, trained.leaves)
        if trained.own and int(os.environ.get("RANK") or 0) == 0:
            from participant.private.tensors import encode

            messages.place(folder / messages.LEFT, encode(trained.own, job.digest, round_))
        result = trained.result
        metrics = {name: repr(value) for name, value in result.metrics.items()}
        return TrainedUpdate(
            weight=trained.weight,
            samples=result.samples,
            loss=repr(result.loss),
            metrics=metrics,
            device=trained.device,
            asked={name: digest.hex() for name, digest in trained.asked.items()},
        )

    def _local(self, job: Job, order: Order) -> "Local":
        machine = Machine(order.device, Path(order.scratch))
        head = file_version(machine.head)
        if job.digest not in self._locals or head != self._head:
            from participant.tasks.training import Local

            self._head = head
            self._locals = {job.digest: Local.of(job, machine, int(os.environ.get("RANK") or 0))}
        local = self._locals[job.digest]
        local.salt = bytes.fromhex(order.salt) or local.salt
        return local


def own_of(folder: Path) -> "Sections":
    """The party's own tensors that an order comes with. Raises Malformed for a file that is damaged."""
    from participant.private.tensors import NOTHING, decode

    data = messages.read_own(folder / messages.OWN)
    return decode(data) if data else NOTHING


def checked(data: object, divided: "Split | None" = None) -> DataRead:
    """What data show of themselves: rows and classes, where they have `targets` as those of the built-in tasks do;
    `divided` is what they are a part of.
    """
    targets = getattr(data, "targets", None)
    try:
        rows = len(targets if targets is not None else data)  # type: ignore[arg-type]
        held_out = len(divided.leaves) - rows if divided is not None and divided.held_out is not None else 0
        one_class = targets is not None and bool((targets == targets[0]).all())
        return DataRead(rows=rows, one_class=one_class, held_out=max(held_out, 0))
    except Exception:  # noqa: BLE001  (data of a task of one's own may be anything)
        return DataRead(rows=None, one_class=False)


@dataclass
class ProgressFile:
    """Writes down how far training is, not too often; a disk that refuses it stops nothing."""

    path: Path
    job: int
    round: int
    began: float = field(default_factory=time.time)
    _written: float = 0.0

    def __call__(self, done: float, epochs: float, loss: float | None = None) -> None:
        """So many epochs are done, of so many; the latest loss."""
        if time.monotonic() - self._written >= PAUSE:
            self.write(float(done), float(epochs), "" if loss is None else repr(float(loss)))

    def write(self, done: float = 0.0, epochs: float = 0.0, loss: str = "") -> None:
        """Write it now."""
        if int(os.environ.get("RANK") or 0):
            return
        self._written = time.monotonic()
        try:
            said = Progress(job=self.job, round=self.round, began=self.began, done=done, epochs=epochs, loss=loss)
            messages.write(self.path, said)
        except Unavailable:
            return
