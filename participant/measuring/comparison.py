"""What joining is worth: each party alone, and all data pooled, with the task and optimiser of the job.

Each gets as many local epochs as it would in all of the job's rounds, in portions of one round, the optimiser starting
again in each, as it does on the ledger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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

Progress = Callable[[], None]


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
    progress: Progress = lambda: None,
    device: str = AUTO,
) -> Iterator[ComparisonRow]:
    """A row for each file, then one for all of them where the task can join data. `progress` hears of each round.

    Raises UsageError for data that cannot be read, all of it before anything is trained.
    """
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        names = [str(path) for path in files]
    chosen = choose(device)
    parts, held = [task.load_data(path) for path in files], place(task.load_data(test), chosen)
    candidates: list[tuple[str, Any]] = [(f"{name} alone", part) for name, part in zip(names, parts, strict=True)]
    pooled = task.join(parts) if len(parts) > 1 else None
    if pooled is not None:
        candidates.append(("pooled", pooled))
    for name, data in candidates:
        with TemporaryDirectory(prefix="fedledger-") as folder:
            trainee = _Trainee(task, settings, chosen, Scratch(Path(folder) / "scratch"))
            model, samples = trainee.train(name, place(data, chosen), rounds, seed, progress)
        yield ComparisonRow(name, samples, _figures(task, model, held))


@dataclass(frozen=True, slots=True)
class _Trainee:
    """One party, or all of them as one: it keeps its whole model from round to round, being alone."""

    task: Task
    settings: Mapping[str, Setting]
    device: str
    scratch: Scratch

    def train(self, name: str, data: Any, rounds: int, seed: int, progress: Progress) -> tuple["Module", int]:
        model, samples = place(self.task.build_model(seed), self.device), 0
        for number in range(1, rounds + 1):
            draw = int.from_bytes(sha256(encode(["comparison seed", name, seed, number]))[:8], "big") >> 1
            with self.scratch.training(number) as folder:
                context = context_of(self.task, model, number, draw, self.device, folder, self.settings)
                samples = answers.trained(self.task.name, self.task.train(model, data, context)).samples
            progress()
        return model, samples


def _figures(task: Task, model: "Module", data: Any) -> dict[str, float]:
    merit = answers.figures(task.name, task.evaluate(model, data))
    if not merit:
        raise UsageError("the task's evaluation returns no figures", task=task.name)
    return merit
