"""Classification of rows of numbers: logistic regression or a multilayer perceptron, two classes or more.

All parties must scale their columns alike, and no party may see another's data: so the job publishes a range for each
column, and this task maps it to -1 … 1.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from participant.tasks.classification import Labelled, counted, join, merit, part
from participant.tasks.data.arrays import read_npz
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.tables import Schema, read_csv
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings


class Tabular(Task):
    """Settings (docs/tasks.md): model, hidden, columns, ranges, outside, label, classes, and those of `Plan`."""

    name: ClassVar[str] = "tabular"
    version: ClassVar[str] = "1"
    noisy: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.model = read.text("model", "logistic", choices=("logistic", "mlp"))
        self.hidden = read.sizes("hidden", ["16"]) if self.model == "mlp" else []
        self.columns = tuple(read.unique("columns"))
        ranges = np.array(read.pairs("ranges", len(self.columns)))
        self.low, self.high = ranges[:, 0], ranges[:, 1]
        self.outside = read.text("outside", "refuse", choices=("refuse", "clip"))
        self.classes = tuple(read.unique("classes", minimum=2))
        self.schema = Schema(self.columns, read.text("label", "label"), self.classes)
        self.plan = Plan.read(read)
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        """Logistic regression starts from zeros, the perceptron from He's uniform distribution."""
        widths = [len(self.columns), *self.hidden, len(self.classes)]
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for wide, narrow in pairwise(widths):
                layers += [nn.Linear(wide, narrow), nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        if not self.hidden:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.zero_()
        return model

    def load_data(self, path: Path) -> Labelled:
        """Read a .csv or .npz file (`x` rows × columns in the job's order, `y` labels)."""
        if path.suffix.lower() == ".npz":
            arrays = read_npz(path, (len(self.columns),), self.classes)
            values, targets, lines = arrays.values, arrays.targets, None
        else:
            table = read_csv(path, self.schema)
            values, targets, lines = table.values, table.targets, table.lines
        if self.outside == "refuse":
            self._check_ranges(path, values, lines)
        scaled = np.clip((values - self.low) / (self.high - self.low), 0, 1) * 2 - 1
        return Labelled(torch.from_numpy(scaled).float(), torch.from_numpy(targets), leaves_of_rows(values, targets))

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, nn.functional.cross_entropy, self.plan, round)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        return merit(model, data, self.classes)

    def counts(self, model: nn.Module, data: Labelled) -> Counts | None:
        return counted(model, data, self.classes)

    def _check_ranges(self, path: Path, values: NDArray[np.float64], lines: list[int] | None) -> None:
        outside = (values < self.low) | (values > self.high)
        if not outside.any():
            return
        row, column = (int(index) for index in np.argwhere(outside)[0])
        raise Malformed(
            "a value lies outside the range that the job publishes for its column",
            advice='correct the value, or its unit; a job with outside = "clip" takes it as the nearest bound',
            file=str(path),
            **({"line": lines[row]} if lines else {"row": row}),
            column=self.columns[column],
            value=float(values[row, column]),
            range=f"{self.low[column]:g} to {self.high[column]:g}",
        )
