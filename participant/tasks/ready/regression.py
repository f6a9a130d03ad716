"""Numbers predicted from rows of numbers: linear regression or a multilayer perceptron, one target or several.

Targets, like columns, are scaled by ranges that the job publishes, to -1 … 1; figures are in what a target is measured
in. The loss is squared, or Huber's (P. J. Huber 1964), which counts errors beyond `huber_delta` by their size alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.regression import FARTHEST, MAX_ROWS, MAX_TARGETS, UNITS, RegressionSums, TargetSums, figures_of
from ledger.releases.regression import check as check_sums
from participant.tasks.classification import Labelled, join, outputs_of, part
from participant.tasks.data.columns import Cell, number, read_columns
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.learning import learn
from participant.tasks.optimisers import Loss, Plan
from participant.tasks.protocol import TABLES, RoundContext, Task, TrainResult
from participant.tasks.ready.ranges import TARGET_OUTSIDE, Ranges
from participant.tasks.ready.towers import perceptron
from participant.tasks.settings import Settings


class Regression(Task):
    """Settings (docs/tasks.md): model, hidden, columns, ranges, outside, targets, target_ranges, loss, huber_delta, and
    those of `Plan`.
    """

    name: ClassVar[str] = "regression"
    version: ClassVar[str] = "1"
    sources: ClassVar[tuple[str, ...]] = TABLES
    noisy: ClassVar[bool] = True
    corrects: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.model = read.text("model", "linear", choices=("linear", "mlp"))
        self.hidden = read.sizes("hidden", ["16"]) if self.model == "mlp" else []
        self.inputs = Ranges.read(read, "columns", "ranges")
        self.outside = read.text("outside", "refuse", choices=("refuse", "clip"))
        self.targets = Ranges.read(read, "targets", "target_ranges")
        self.loss = _loss(read)
        self.plan = Plan.read(read)
        read.done()
        if len(self.targets.names) > MAX_TARGETS:
            raise Malformed("a job has too many targets", maximum=MAX_TARGETS, actual=len(self.targets.names))
        check_sums(RegressionSums(rows=1, targets=self._sums_of({})), "the job's targets")
        both = sorted(set(self.inputs.names) & set(self.targets.names))
        if both:
            raise Malformed("a target is among the inputs, too", advice="take it out of columns", column=both[0])

    def build_model(self, seed: int) -> nn.Module:
        """Linear regression starts from zeros, the perceptron as torch's layers do."""
        return perceptron([len(self.inputs.names), *self.hidden, len(self.targets.names)], seed)

    def load_data(self, path: Path) -> Labelled:
        """Read a .csv file: the job's columns, and those of its targets."""
        names = (*self.inputs.names, *self.targets.names)
        table = read_columns(path, dict.fromkeys(names, number))
        values, truth = np.hsplit(table.values, [len(self.inputs.names)])
        if self.outside == "refuse":
            self.inputs.check(path, values, table.lines)
        self.targets.check(path, truth, table.lines, TARGET_OUTSIDE)
        return self._labelled(values, truth)

    def labels(self) -> Mapping[str, Cell]:
        return dict.fromkeys(self.targets.names, number)

    def take(self, table: "PreparedTable") -> Labelled:
        self.targets.check(table.path, table.labels, table.lines.tolist(), TARGET_OUTSIDE)
        return self._labelled(table.values, table.labels)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, self.loss, self.plan, round)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        """mae, rmse and r2, of several targets each with the target's place; loss; samples."""
        outputs, truth = outputs_of(model, data.inputs), data.targets.cpu()
        figures = {name: float(value) for name, value in figures_of(self._sums(outputs, truth)).items()}
        return {**figures, "loss": float(self.loss(outputs.double(), truth.double())), "samples": float(len(truth))}

    def sums(self, model: nn.Module, data: Labelled) -> RegressionSums | None:
        if len(data.targets) > MAX_ROWS:
            return None
        return self._sums(outputs_of(model, data.inputs), data.targets.cpu())

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)

    def _labelled(self, values: NDArray[np.float64], truth: NDArray[np.float64]) -> Labelled:
        leaves = leaves_of_rows(np.hstack([values, truth]), np.zeros(len(values), np.int64))
        return Labelled(self.inputs.scaled(values), self.targets.scaled(truth), leaves)

    def _sums(self, outputs: Tensor, truth: Tensor) -> RegressionSums:
        values = _units(truth, 0, UNITS)
        errors = np.minimum(np.abs(_units(outputs, -FARTHEST, 2 * FARTHEST) - values), FARTHEST)
        totals = {
            "error": errors.sum(0),
            "square": np.square(errors).sum(0),
            "value": values.sum(0),
            "value_square": np.square(values).sum(0),
        }
        return RegressionSums(rows=len(values), targets=self._sums_of(totals))

    def _sums_of(self, totals: Mapping[str, NDArray[np.int64]]) -> tuple[TargetSums, ...]:
        """By target; those of no rows where there are no totals."""
        fields = ("error", "square", "value", "value_square")
        return tuple(
            TargetSums(
                name=name,
                low=low,
                high=high,
                **{field: int(totals[field][place]) if totals else 0 for field in fields},
            )
            for place, (name, (low, high)) in enumerate(zip(self.targets.names, self.targets.texts, strict=True))
        )


def _loss(read: Settings) -> Loss:
    if read.text("loss", "squared", choices=("squared", "huber")) == "squared":
        return nn.functional.mse_loss
    return partial(nn.functional.huber_loss, delta=read.decimal("huber_delta", "0.1", low=1e-6, high=2))


def _units(scaled: Tensor, low: int, high: int) -> NDArray[np.int64]:
    """Numbers from -1 … 1 as whole units of the range, within bounds; what is not a number is as far as can be."""
    units = (scaled.double().numpy() + 1) / 2 * UNITS
    return np.rint(np.clip(np.nan_to_num(units, nan=float(high)), low, high)).astype(np.int64)
