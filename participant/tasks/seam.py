"""The seam around a task's own code: every call into it goes through here, and leaves as an error of fedledger's.

A task may raise anything, even ask the interpreter to end, and may print. Here that becomes a UsageError that names
task, method and line; what it prints goes to the error stream, so that no answer on standard output is spoilt.
"""

import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from traceback import extract_tb
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Preparation
from ledger.releases.counts import Counts
from ledger.releases.sums import Sums
from participant.tasks.protocol import RoundContext, Task, TrainResult

if TYPE_CHECKING:
    import torch

    from ledger.jobs.analysis import Analysis
    from ledger.jobs.layers import Layer
    from participant.tasks.data.columns import Cell
    from participant.tasks.data.preparing.prepared_table import PreparedTable

T = TypeVar("T")
HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
"""Signals that ask a process of fedledger's to end (`ledger.party.interrupts`)."""
SHOWN = 500
"""Characters of a task's own error that are shown."""


class TaskFailed(UsageError):
    """A task's own code raised; the fact `method` says where."""


def call(task: str, method: str, function: Callable[[], T], **facts: object) -> T:
    """What `function`, a task's own code, returns. Its errors are UsageErrors, a KeyboardInterrupt of its own among
    them; where a signal asked this process to end meanwhile, that is what is raised, whatever the task made of it.

    Raises TaskFailed with `facts` besides task, method and the last line of the traceback; a FedledgerError as it is.
    """
    with _asked() as asked:
        try:
            with _quiet():
                returned = function()
        except FedledgerError:
            if not asked:
                raise
        except BaseException as error:  # the edge to a task's own code, which may raise anything
            if not asked:
                said = f"{type(error).__name__}: {text_of(error)}"
                known = {"task": task, "method": method, **facts, "line": line_of(error)}
                raise TaskFailed(f"task {task} failed in {method}: {said}", advice="", **known) from error
    if asked:
        raise KeyboardInterrupt
    return returned


def load_data(task: Task, path: Path, device: str) -> Any:
    """A task's data on a device. Raises as `call`: how they get there is the task's code too."""
    from participant.tasks.devices import place

    with located(path):
        return call(task.name, "load_data", lambda: place(task.load_data(path), device))


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Add the data's file to what is known of a failure."""
    try:
        yield
    except TaskFailed as error:
        error.facts = MappingProxyType({"file": str(path), **error.facts})
        raise


class GuardedTask(Task):
    """A task behind the seam: the same methods, each called through `call`. With a `preparation` it reads a table by
    that, and the task takes what comes of it.
    """

    def __init__(
        self, kind: type[Task], settings: Mapping[str, Setting], preparation: Preparation | None = None
    ) -> None:
        self.name, self.version, self.sources = kind.name, kind.version, kind.sources  # type: ignore[misc]
        self.noisy = kind.noisy is True  # type: ignore[misc]
        self.corrects = kind.corrects is True  # type: ignore[misc]
        if preparation is not None and kind.labels is Task.labels:
            raise Malformed(
                f"task {kind.name!r} takes no prepared tables",
                advice="leave [preparation] out, or let the task have `labels` and `take` (docs/tasks.md)",
                task=kind.name,
            )
        self.inner = call(kind.name, "__init__", lambda: kind(settings))
        self.preparation = preparation
        self._reads_tables = kind.load_prepared is Task.load_prepared
        if preparation is not None:
            from participant.tasks.data.preparing.agreement import check_goes_with

            self._call("labels", lambda: check_goes_with(self.inner.labels() or {}, settings, preparation))

    def build_model(self, seed: int) -> "torch.nn.Module":
        return self._call("build_model", lambda: self.inner.build_model(seed))

    def load_data(self, path: Path) -> Any:
        with located(path):
            if self.preparation is None:
                return self._call("load_data", lambda: self.inner.load_data(path))
            from participant.tasks.data.preparing.table import prepared

            said = self.preparation
            if not self._reads_tables:
                return self.load_prepared(path, said)
            table = self._call("labels", lambda: prepared(said, path, self.inner.labels() or {}))
            table.refuse()
            return self.take(table)

    def labels(self) -> "Mapping[str, Cell] | None":
        return self._call("labels", self.inner.labels)

    def take(self, table: "PreparedTable") -> Any:
        return self._call("take", lambda: self.inner.take(table))

    def load_prepared(self, path: Path, preparation: Preparation) -> Any:
        return self._call("load_prepared", lambda: self.inner.load_prepared(path, preparation))

    def train(self, model: "torch.nn.Module", data: Any, round: RoundContext) -> TrainResult:
        return call(self.name, "train", lambda: self.inner.train(model, data, round), round=round.number)

    def evaluate(self, model: "torch.nn.Module", data: Any) -> dict[str, float]:
        return self._call("evaluate", lambda: self.inner.evaluate(model, data))

    def adapt(self, own: Mapping[str, Setting]) -> None:
        self._call("adapt", lambda: self.inner.adapt(own))

    def analyse(self, analysis: "Analysis") -> None:
        self._call("analyse", lambda: self.inner.analyse(analysis))

    def asked(self, data: Any) -> Mapping[str, bytes]:
        return self._call("asked", lambda: self.inner.asked(data))

    def counts(self, model: "torch.nn.Module", data: Any) -> Counts | None:
        return self._call("counts", lambda: self.inner.counts(model, data))

    def sums(self, model: "torch.nn.Module", data: Any) -> Sums | None:
        return self._call("sums", lambda: self.inner.sums(model, data))

    def state(self, model: "torch.nn.Module") -> "Mapping[str, torch.Tensor]":
        return self._call("state", lambda: self.inner.state(model))

    def shared(self, model: "torch.nn.Module") -> Collection[str]:
        return self._call("shared", lambda: self.inner.shared(model))

    def load(self, model: "torch.nn.Module", tensors: "Mapping[str, torch.Tensor]") -> None:
        self._call("load", lambda: self.inner.load(model, tensors))

    def layers(self, model: "torch.nn.Module") -> "Sequence[Layer]":
        return self._call("layers", lambda: self.inner.layers(model))

    def leaves(self, data: Any) -> Sequence[bytes] | None:
        return self._call("leaves", lambda: self.inner.leaves(data))

    def part(self, data: Any, places: Sequence[int]) -> Any:
        return self._call("part", lambda: self.inner.part(data, places))

    def join(self, parts: Sequence[Any]) -> Any | None:
        return self._call("join", lambda: self.inner.join(parts))

    def _call(self, method: str, function: Callable[[], T]) -> T:
        return call(self.name, method, function)


def _quiet() -> AbstractContextManager[object]:
    """Prints go to the error stream. Standard output belongs to the process, so only its main thread may do that."""
    main = threading.current_thread() is threading.main_thread()
    return redirect_stdout(sys.stderr) if main else nullcontext()


@contextmanager
def _asked() -> Iterator[list[int]]:
    """The signals that ask this process to end meanwhile; each has its effect, too. Only the main thread hears them."""
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = {number: handler for number in HEARD if callable(handler := signal.getsignal(number))}
    for number, handler in before.items():
        signal.signal(number, _heard(heard, handler))
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heard(heard: list[int], handler: Callable[..., Any]) -> Callable[..., Any]:
    def hear(number: int, frame: FrameType | None) -> Any:
        heard.append(number)
        return handler(number, frame)

    return hear


def text_of(error: BaseException) -> str:
    """An error's own text, cut to a bound; that too is the task's code."""
    try:
        return str(error)[:SHOWN]
    except Exception:  # noqa: BLE001 - the edge to a task's own code
        return "its text cannot be read"


def line_of(error: BaseException) -> str:
    """The last line of the traceback: where it was raised."""
    last = extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}, in {last.name}: {(last.line or '')[:SHOWN]}"
