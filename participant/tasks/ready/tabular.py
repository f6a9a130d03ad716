"""Classification of rows of numbers: logistic regression or a multilayer perceptron, two classes or more.

All parties must scale their columns alike, and no party may see another's data: so the job publishes a range for each
column, and this task maps it to -1 … 1.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from participant.tasks.classification import ClassLoss, Labelled, counted, join, merit, part
from participant.tasks.data.arrays import read_npz
from participant.tasks.data.columns import Cell, class_cell
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.data.tables import Schema, read_csv
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import TABLES, RoundContext, Task, TrainResult
from participant.tasks.ready.ranges import Ranges
from participant.tasks.ready.towers import perceptron
from participant.tasks.settings import Settings


class Tabular(Task):
    """Settings (docs/tasks.md): model, hidden, norm, columns, ranges, outside, label, classes, class_weights, and those
    of `Plan`.
    """

    name: ClassVar[str] = "tabular"
    version: ClassVar[str] = "1"
    sources: ClassVar[tuple[str, ...]] = TABLES
    noisy: ClassVar[bool] = True
    corrects: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.model = read.text("model", "logistic", choices=("logistic", "mlp"))
        self.hidden = read.sizes("hidden", ["16"]) if self.model == "mlp" else []
        self.norm = read.text("norm", "none", choices=("none", "batch")) if self.model == "mlp" else "none"
        self.inputs = Ranges.read(read, "columns", "ranges")
        self.outside = read.text("outside", "refuse", choices=("refuse", "clip"))
        self.classes = tuple(read.unique("classes", minimum=2))
        self.loss = ClassLoss.read(read, len(self.classes))
        self.schema = Schema(self.inputs.names, read.text("label", "label"), self.classes)
        self.plan = Plan.read(read)
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        """Logistic regression starts from zeros, the perceptron from He's uniform distribution."""
        widths = [len(self.inputs.names), *self.hidden, len(self.classes)]
        return perceptron(widths, seed, batch_norm=self.norm == "batch")

    def load_data(self, path: Path) -> Labelled:
        """Read a .csv or .npz file (`x` rows × columns in the job's order, `y` labels)."""
        if path.suffix.lower() == ".npz":
            arrays = read_npz(path, (len(self.inputs.names),), self.classes)
            values, targets, lines = arrays.values, arrays.targets, None
        else:
            table = read_csv(path, self.schema)
            values, targets, lines = table.values, table.targets, table.lines
        if self.outside == "refuse":
            self.inputs.check(path, values, lines)
        return self._labelled(values, targets)

    def labels(self) -> Mapping[str, Cell]:
        return {self.schema.label: class_cell(self.classes)}

    def take(self, table: "PreparedTable") -> Labelled:
        return self._labelled(table.values, table.labels[:, 0].astype(np.int64))

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, self.loss, self.plan, round)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        return merit(model, data, self.classes)

    def counts(self, model: nn.Module, data: Labelled) -> Counts | None:
        return counted(model, data, self.classes)

    def _labelled(self, values: NDArray[np.float64], targets: NDArray[np.int64]) -> Labelled:
        return Labelled(self.inputs.scaled(values), torch.from_numpy(targets), leaves_of_rows(values, targets))
