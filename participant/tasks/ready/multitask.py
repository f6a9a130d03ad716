"""Several questions about the same rows, and parties that do not ask the same ones: a shared trunk, heads at home.

As in MELLODDY (W. Heyndrickx et al. 2023, "MELLODDY: Cross-pharma Federated Learning at Unprecedented Scale"): partners
train one trunk, while each has a head for tasks of its own, whose number and meaning the others do not learn. A row
need not have a label for every task: the loss is masked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from participant.tasks.data.columns import BadCell, Cell, NumberColumns, number, read_columns
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.data.tables import MISSING
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan, deterministic, seeded
from participant.tasks.protocol import TABLES, RoundContext, Task, TrainResult
from participant.tasks.ready.ranges import Ranges
from participant.tasks.settings import Settings

ABSENT = -1.0
"""A label that a row does not have, in its leaf."""


@dataclass(frozen=True, slots=True)
class MultiLabelled:
    """Rows: `inputs` float32 n × columns, `targets` float32 n × tasks, 0 or 1, or NaN without a label."""

    inputs: Tensor
    targets: Tensor
    leaves: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> "MultiLabelled":
        """The same rows on a device."""
        return MultiLabelled(self.inputs.to(device), self.targets.to(device), self.leaves)


class Multitask(Task):
    """Settings (docs/tasks.md): columns, ranges, hidden, tasks, and those of `Plan`. A member's own: tasks."""

    name: ClassVar[str] = "multitask"
    version: ClassVar[str] = "1"
    sources: ClassVar[tuple[str, ...]] = TABLES

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.inputs = Ranges.read(read, "columns", "ranges")
        self.hidden = read.sizes("hidden", ["32"])
        self.tasks = tuple(read.texts("tasks", ["label"]))
        self.plan = Plan.read(read)
        read.done()
        self._check_tasks()

    def adapt(self, own: Mapping[str, Setting]) -> None:
        """Take this member's tasks, where it has some of its own."""
        read = Settings(self.name, own)
        self.tasks = tuple(read.texts("tasks", list(self.tasks)))
        read.done()
        self._check_tasks()

    def build_model(self, seed: int) -> nn.Module:
        """The trunk is made first, so that it is the same under every head."""
        trunk: list[nn.Module] = []
        with seeded(seed):
            for wide, narrow in pairwise([len(self.inputs.names), *self.hidden]):
                trunk += [nn.Linear(wide, narrow), nn.ReLU()]
            head = nn.Linear(self.hidden[-1], len(self.tasks))
        return _Model(nn.Sequential(*trunk), head)

    def load_data(self, path: Path) -> MultiLabelled:
        """Read a .csv file: the job's columns, and a column for each task with 0, 1 or nothing."""
        table = read_columns(path, {**dict.fromkeys(self.inputs.names, number), **self.labels()})
        values, labels = np.hsplit(table.values, [len(self.inputs.names)])
        _check_labels(path, labels, table.lines)
        return self._labelled(values, labels)

    def labels(self) -> Mapping[str, Cell]:
        return dict.fromkeys(self.tasks, _label)

    def take(self, table: "PreparedTable") -> MultiLabelled:
        _check_labels(table.path, table.labels, table.lines.tolist())
        return self._labelled(table.values, table.labels)

    def _labelled(self, values: NDArray[np.float64], labels: NDArray[np.float64]) -> MultiLabelled:
        known = np.hstack([values, np.where(np.isnan(labels), ABSENT, labels)])
        leaves = leaves_of_rows(known, np.zeros(len(known), np.int64))
        return MultiLabelled(self.inputs.scaled(values), torch.from_numpy(labels).float(), leaves)

    def train(self, model: nn.Module, data: MultiLabelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, masked_loss, self.plan, round)

    def evaluate(self, model: nn.Module, data: MultiLabelled) -> dict[str, float]:
        """accuracy and loss over all labels that rows have, and how many of both there are."""
        model.eval()
        with torch.no_grad(), deterministic(model, 0):
            outputs, targets = model(data.inputs).cpu().double(), data.targets.cpu().double()
        known = ~targets.isnan()
        right = (outputs > 0) == (targets > 0.5)
        return {
            "accuracy": float(right[known].double().mean()),
            "loss": float(masked_loss(outputs, targets)),
            "labels": float(known.sum()),
            "samples": float(len(targets)),
        }

    def leaves(self, data: MultiLabelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: MultiLabelled, places: Sequence[int]) -> MultiLabelled:
        chosen = torch.tensor(places, dtype=torch.int64, device=data.targets.device)
        return MultiLabelled(data.inputs[chosen], data.targets[chosen], tuple(data.leaves[one] for one in places))

    def join(self, parts: Sequence[MultiLabelled]) -> MultiLabelled:
        """All rows of all parts, in order: those of parties that ask the same questions."""
        inputs, targets = (torch.cat([getattr(part, name) for part in parts]) for name in ("inputs", "targets"))
        return MultiLabelled(inputs, targets, tuple(leaf for part in parts for leaf in part.leaves))

    def _check_tasks(self) -> None:
        twice = sorted({one for one in self.tasks if self.tasks.count(one) > 1 or one in self.inputs.names})
        if twice:
            raise Malformed("a task has the name of another, or of a column", task=twice[0])


class _Model(nn.Module):
    """A trunk that is shared, and a head that may be a party's own."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.trunk(inputs))
        return outputs


def masked_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean cross-entropy over the labels that are there; those that are not (NaN) move nothing."""
    known = ~targets.isnan()
    losses = binary_cross_entropy_with_logits(outputs, torch.where(known, targets, 0.0), reduction="none")
    return (losses * known).sum() / known.sum()


def _check_labels(path: Path, labels: NDArray[np.float64], lines: list[int]) -> None:
    """Raise Malformed for rows without any label, naming the first of their lines."""
    NumberColumns(labels, lines).refuse(
        path,
        np.asarray(np.isnan(labels).all(axis=1)),
        "a row has no label of any task",
        "leave such rows out: nothing can be learnt of them",
    )


def _label(cell: str) -> float:
    text = cell.strip()
    if text.lower() in MISSING:
        return nan
    if text not in ("0", "1"):
        raise BadCell("a label is 0, 1 or left out", "write 0 or 1, or nothing where it is not known")
    return float(text)
