"""What joining is worth: each party alone, and all data pooled, with the task and optimiser of the job.

Each gets as many local epochs as it would in all of the job's rounds, in portions of one round, the optimiser starting
again in each, as it does on the ledger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256
from ledger.jobs.document import Setting
from participant.tasks import answers
from participant.tasks.devices import AUTO, choose, place
from participant.tasks.protocol import Task
from participant.tasks.scratch import Scratch
from participant.tasks.sharing import context_of

if TYPE_CHECKING:
    from torch.nn import Module

Report = Callable[[str, str, int], None]
"""Hears of each step as it begins: the task's method, the data's file, and the round, 0 outside of training."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One trained model: the name of its party, samples, and the task's figures on the test data."""

    name: str
    samples: int
    merit: dict[str, float]


def compare(
    task: Task,
    settings: Mapping[str, Setting],
    files: Sequence[Path],
    test: Path,
    rounds: int,
    seed: int,
    scratch: Path,
    report: Report = lambda *_: None,
    device: str = AUTO,
) -> Iterator[ComparisonRow]:
    """A row for each file, then one for all of them where the task can join data. `scratch` is a folder to work in.

    Raises UsageError for data that cannot be read, all of it before anything is trained.
    """
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        names = [str(path) for path in files]
    chosen = choose(device)
    parts, held = [_loaded(task, path, report) for path in files], place(_loaded(task, test, report), chosen)
    candidates = [(f"{name} alone", str(path), part) for name, path, part in zip(names, files, parts, strict=True)]
    pooled = _joined(task, files, parts, report)
    for name, file, data in [*candidates, *pooled]:
        with TemporaryDirectory(dir=scratch) as folder:
            trainee = _Trainee(task, settings, chosen, Scratch(Path(folder) / "scratch"))
            rows = place(data, chosen)
            model, samples = trainee.train(name, rows, rounds, seed, partial(report, "train", file))
        report("evaluate", str(test), 0)
        yield ComparisonRow(name, samples, _figures(task, model, held))


def _loaded(task: Task, path: Path, report: Report) -> Any:
    report("load_data", str(path), 0)
    return task.load_data(path)


def _joined(task: Task, files: Sequence[Path], parts: Sequence[Any], report: Report) -> list[tuple[str, str, Any]]:
    """The candidate that has all data; none where the task cannot join them, or there is nothing to join."""
    if len(parts) < 2:
        return []
    named = ", ".join(map(str, files))
    report("join", named, 0)
    pooled = task.join(parts)
    return [] if pooled is None else [("pooled", named, pooled)]


@dataclass(frozen=True, slots=True)
class _Trainee:
    """One party, or all of them as one: it keeps its whole model from round to round, being alone."""

    task: Task
    settings: Mapping[str, Setting]
    device: str
    scratch: Scratch

    def train(
        self, name: str, data: Any, rounds: int, seed: int, report: Callable[[int], None]
    ) -> tuple["Module", int]:
        model, samples = place(self.task.build_model(seed), self.device), 0
        for number in range(1, rounds + 1):
            report(number)
            draw = int.from_bytes(sha256(encode(["comparison seed", name, seed, number]))[:8], "big") >> 1
            with self.scratch.training(number) as folder:
                context = context_of(self.task, model, number, draw, self.device, folder, self.settings)
                samples = answers.trained(self.task.name, self.task.train(model, data, context)).samples
        return model, samples


def _figures(task: Task, model: "Module", data: Any) -> dict[str, float]:
    from participant.tasks.optimisers import few_threads

    with few_threads(model):
        merit = answers.figures(task.name, task.evaluate(model, data))
    if not merit:
        raise UsageError("the task's evaluation returns no figures", task=task.name)
    return merit
