"""Two rounds of a task's training without a ledger, measured, in a process of their own.

The second round builds on the first one's model and scratch folder, as on a ledger with one participant. A process that
a task ends, or that it prints in, is not the one that judges it: `ask` starts it, `answer` is what it runs.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ledger.errors import FedledgerError, UsageError
from ledger.formats.artifact import Layout
from ledger.formats.digest import encode, sha256
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Preparation
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of, table
from participant.tasks import answers
from participant.tasks.devices import choose, place
from participant.tasks.discovery import Installed, find, in_package
from participant.tasks.protocol import Task, TrainResult
from participant.tasks.scratch import Scratch, contents
from participant.tasks.seam import load_data, located
from participant.tasks.sharing import context_of, load_shared, shared_state
from participant.tasks.split import check_parts

ROUNDS = 2
BUILD, TWICE, SECOND = "build", "twice", "second"
"""What is asked of a process: a model alone; both rounds, two times over; or the second round on what is left of the
first."""


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried: the task, installed by name or a package's folder, its settings, and a file of data."""

    task: str
    settings: dict[str, Setting] = {}
    preparation: Preparation | None = None
    seed: int = 1
    fraction_bits: int = 24
    bits_by_pattern: dict[str, int] = {}
    data: str = ""
    device: str = "auto"

    def installed(self) -> Installed:
        """The task. Raises UsageError where there is none, or it does not load."""
        folder = Path(self.task)
        return in_package(folder) if (folder / "pyproject.toml").is_file() else find(self.task)

    def layout(self, task: Task, model: Any) -> Layout:
        """The tensor table that a job of this task would have. Raises Malformed for a tensor with no place in it."""
        return Layout(table(shared_state(task, model), self.fraction_bits, self.bits_by_pattern))


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came out. `digests` are of each round's update and of what it left in the scratch folder; `seconds` is the
    second round's, `peak_bytes` the process's largest resident memory, `largest` and `norm` the first update's, in
    units of the model; `bytes_each` is the size of an update's file. `complaints` say, by rule, why a result of
    training or an evaluation is impossible; what they are about is None or empty."""

    digests: list[str]
    seconds: float
    peak_bytes: int
    bytes_each: int
    values: int
    largest: float
    norm: float
    samples: int | None
    loss: float | None
    device: str
    figures: dict[str, float]
    complaints: dict[str, str]


class TrialOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a process that tried says: the results, or the second round's digest, or `why` there is neither."""

    results: list[TrialResult] = []
    digest: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Round:
    """One round as it went: the model's integers before and after, and how it was."""

    base: Stream
    trained: Stream
    digest: str
    seconds: float
    model: Any
    returned: TrainResult


class _Trial:
    """A task with its data, in this process."""

    def __init__(self, request: TrialRequest, folder: Path) -> None:
        self.request, self.scratch, self._folder = request, Scratch(folder / "scratch"), folder
        self.path, self.device = Path(request.data), choose(request.device)
        self.task = request.installed().create(request.settings, request.preparation)
        model = self._built()
        self.layout = request.layout(self.task, model)
        self.data = load_data(self.task, self.path, self.device)
        self.initial = stream_of(shared_state(self.task, model), self.layout)

    def round(self, number: int, base: Stream) -> _Round:
        """Train a round. Raises what the task raises."""
        began, model = time.perf_counter(), self._built()
        load_shared(self.task, model, self.layout, base)
        seed, settings = self.request.seed + number, self.request.settings
        with self.scratch.training(number) as working, located(self.path):
            context = context_of(self.task, model, number, seed, self.device, working, settings)
            returned = self.task.train(model, self.data, context)
        trained = stream_of(shared_state(self.task, model), self.layout)
        left = _contents(self._folder / "scratch" / str(number))
        digest = sha256(encode([root_of(difference(self.layout, trained, base)).hex(), left])).hex()
        return _Round(base, trained, digest, time.perf_counter() - began, model, returned)

    def _built(self) -> Any:
        return place(self.task.build_model(self.request.seed), self.device)


def run(request: TrialRequest, folder: Path) -> TrialResult:
    """Train two rounds and evaluate, all that is kept in `folder`. Raises what the task raises."""
    trial = _Trial(request, folder)
    first = trial.round(1, trial.initial)
    np.save(_model(folder), first.trained)
    second = trial.round(ROUNDS, first.trained)
    complaints = dict[str, str]()
    result, figures = None, dict[str, float]()
    with _noted(complaints, "result"):
        result = [answers.trained(trial.task.name, one.returned) for one in (first, second)][-1]
    with _noted(complaints, "evaluation"), located(trial.path):
        figures = answers.finite_figures(trial.task.name, trial.task.evaluate(second.model, trial.data))
    with _noted(complaints, "rows"), located(trial.path):
        check_parts(trial.task, trial.data, trial.path)
        answers.counts(trial.task.name, trial.task.counts(second.model, trial.data))
        answers.sums(trial.task.name, trial.task.sums(second.model, trial.data))
    return TrialResult(
        digests=[first.digest, second.digest],
        seconds=second.seconds,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        device=trial.device,
        figures=figures,
        complaints=complaints,
        **_size(trial.layout, difference(trial.layout, first.trained, first.base)),
        samples=result.samples if result else None,
        loss=result.loss if result else None,
    )


def build(request: TrialRequest) -> None:
    """Go through all that needs no data. Raises what the task raises."""
    task = request.installed().create(request.settings, request.preparation)
    model = task.build_model(request.seed)
    layout = request.layout(task, model)
    load_shared(task, model, layout, stream_of(shared_state(task, model), layout))


def second_round(request: TrialRequest, folder: Path) -> str:
    """The digest of the second round, on what `run` left of the first one in `folder`. Raises what the task raises."""
    return _Trial(request, folder).round(ROUNDS, np.load(_model(folder))).digest


def ask(request: TrialRequest, folder: Path, what: str) -> TrialOutcome:
    """Have another process try. Raises UsageError where the task ended it, or kept it from answering."""
    said, status = in_a_process(what, folder, msgspec.json.encode(request))
    try:
        return msgspec.json.decode(said, type=TrialOutcome)
    except msgspec.DecodeError as error:
        raise UsageError(
            "building a model ended the process" if what == BUILD else "training ended the process",
            advice="let the task raise an error instead; its own output says more",
            expected="that the task returns",
            actual=f"exit status {status}",
        ) from error


def in_a_process(what: str, folder: Path, request: bytes) -> tuple[bytes, int]:
    """What a new process wrote to its standard output, the answer to an encoded request, and its exit status."""
    command = [sys.executable, "-m", "participant.tasks.trial", what, str(folder)]
    done = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=False)
    return done.stdout, done.returncode


def answer(request: TrialRequest, folder: Path, what: str) -> TrialOutcome:
    """Try as `ask` asks."""
    try:
        if what == BUILD:
            build(request)
            return TrialOutcome()
        if what == SECOND:
            return TrialOutcome(digest=second_round(request, folder))
        return TrialOutcome(results=[run(request, folder), run(request, folder.with_name("again"))])
    except FedledgerError as error:
        return TrialOutcome(why=str(error))
    except Exception as error:  # noqa: BLE001 - the edge to a task's own code, whose errors are what is looked for
        return TrialOutcome(why=f"{type(error).__name__}: {str(error)[:500]}")


@contextmanager
def _noted(complaints: dict[str, str], rule: str) -> Iterator[None]:
    try:
        yield
    except FedledgerError as error:
        complaints[rule] = str(error)


def _model(folder: Path) -> Path:
    """Where the first round's model is kept for another process."""
    return folder / "first.npy"


def _size(layout: Layout, update: Stream) -> dict[str, Any]:
    """How large an update is: in bytes, and in units of the finest tensor, as a job's limits are counted."""
    unit = 2.0 ** -max(tensor.fraction_bits for tensor in layout.tensors)
    wide = update.astype(np.float64)
    largest, norm = float(np.abs(wide).max()) * unit, float(np.sqrt(np.square(wide).sum())) * unit
    return {"bytes_each": layout.size, "values": layout.values, "largest": largest, "norm": norm}


def _contents(folder: Path) -> dict[str, str]:
    """What is in a round's scratch folder, by name: digests of files, links with their targets, folders. Nothing where
    the round left none.
    """
    found = contents(folder) if folder.exists() else ()
    return {str(path.relative_to(folder)): _content(path) for path in found}


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return "folder" if path.is_dir() else sha256(path.read_bytes()).hex()


def main(what: str, folder: Path) -> None:
    """Answer on standard output, which the task itself cannot reach: what it prints goes to the error stream."""
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=TrialRequest)
    said = msgspec.json.encode(answer(request, folder, what))
    with os.fdopen(output, "wb") as stream:
        stream.write(said)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
