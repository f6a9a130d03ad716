"""Two rounds of a task's training without a ledger, measured; `python -m participant.tasks.trial` in a fresh process.

The second round builds on the first one's model and scratch folder, as on a ledger with one participant.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ledger.formats.artifact import Layout
from ledger.formats.digest import encode, sha256
from ledger.jobs.document import Setting
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of, table
from participant.tasks.devices import choose, place
from participant.tasks.discovery import Installed, find, in_package
from participant.tasks.protocol import Task
from participant.tasks.scratch import Scratch
from participant.tasks.sharing import context_of, load_shared, shared_state

ROUNDS = 2


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried: the task, installed by name or a package's folder, its settings, and a file of data."""

    task: str
    settings: dict[str, Setting] = {}
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
    """What came out. `digest` is over the updates of both rounds and the files in the scratch folder; `seconds` is the
    second round's, `peak_bytes` the process's largest resident memory, `largest` and `norm` the first update's, in
    units of the model; `bytes_each` is the size of an update's file."""

    digest: str
    seconds: float
    peak_bytes: int
    bytes_each: int
    values: int
    largest: float
    norm: float
    samples: Any
    loss: float | None
    device: str
    figures: dict[str, Any]


def run(request: TrialRequest, folder: Path) -> TrialResult:
    """Train two rounds, with the scratch folder in `folder`, and evaluate. Raises what the task raises."""
    task, device = request.installed().create(request.settings), choose(request.device)
    model = place(task.build_model(request.seed), device)
    layout, data = request.layout(task, model), place(task.load_data(Path(request.data)), device)
    base = stream_of(shared_state(task, model), layout)
    scratch, updates, seconds = Scratch(folder), list[Stream](), 0.0
    for number in range(1, ROUNDS + 1):
        began = time.perf_counter()
        fresh = place(task.build_model(request.seed), device)
        load_shared(task, fresh, layout, base)
        with scratch.training(number) as working:
            context = context_of(task, fresh, number, request.seed + number, device, working, request.settings)
            result = task.train(fresh, data, context)
        trained = stream_of(shared_state(task, fresh), layout)
        updates.append(difference(layout, trained, base))
        base, model, seconds = trained, fresh, time.perf_counter() - began
    kept = _files(folder / str(ROUNDS))
    return TrialResult(
        digest=sha256(encode([[root_of(update).hex() for update in updates], kept])).hex(),
        seconds=seconds,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        device=device,
        figures=dict(task.evaluate(model, data)),
        **_size(layout, updates[0]),
        samples=result.samples,
        loss=result.loss,
    )


def _size(layout: Layout, update: Stream) -> dict[str, Any]:
    """How large an update is: in bytes, and in units of the finest tensor, as a job's limits are counted."""
    unit = 2.0 ** -max(tensor.fraction_bits for tensor in layout.tensors)
    wide = update.astype(np.float64)
    largest, norm = float(np.abs(wide).max()) * unit, float(np.sqrt(np.square(wide).sum())) * unit
    return {"bytes_each": layout.size, "values": layout.values, "largest": largest, "norm": norm}


def _files(folder: Path) -> dict[str, str]:
    """Digests of the files in a folder, by name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hex() for path in files}


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=TrialRequest)
    sys.stdout.buffer.write(msgspec.json.encode(run(asked, Path(sys.argv[1]))))
