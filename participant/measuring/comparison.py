"""What joining is worth: each party alone, and all data pooled, with the task and optimiser of the job.

Each gets as many local epochs as it would in all of the job's rounds, in portions of one round, the optimiser starting
anew in each, as it does on the ledger.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256
from participant.tasks.protocol import Task

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One who trained: its name, samples, and the task's figures on the test data."""

    name: str
    samples: int
    merit: dict[str, float]


def compare(
    task: Task, files: Sequence[Path], test: Path, rounds: int, seed: int, progress: Progress = lambda: None
) -> Iterator[ComparisonRow]:
    """A row for each file, then one for all of them where the task can join data. `progress` hears of each round.

    Raises UsageError for data that cannot be read, all of it before anything is trained.
    """
    names = [path.stem for path in files]
    if len(set(names)) < len(names):
        names = [str(path) for path in files]
    parts, held = [task.load_data(path) for path in files], task.load_data(test)
    candidates: list[tuple[str, Any]] = [(f"{name} alone", part) for name, part in zip(names, parts, strict=True)]
    join = getattr(task, "join", None)
    if join is not None and len(parts) > 1:
        candidates.append(("pooled", join(parts)))
    for name, data in candidates:
        yield _train(task, name, data, held, rounds, seed, progress)


def _train(task: Task, name: str, data: Any, held: Any, rounds: int, seed: int, progress: Progress) -> ComparisonRow:
    model = task.build_model(seed)
    samples = 0
    for number in range(1, rounds + 1):
        base = {key: tensor.detach().clone() for key, tensor in model.state_dict().items()}
        draw = int.from_bytes(sha256(encode(["comparison seed", name, seed, number]))[:8], "big") >> 1
        samples = task.train(model, data, seed=draw, base=base).samples
        progress()
    merit = task.evaluate(model, held)
    if not merit:
        raise UsageError("the task's evaluation gives no figures", task=task.name)
    return ComparisonRow(name, samples, merit)
