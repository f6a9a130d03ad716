"""Linear models of scikit-learn, trained from the global coefficients on; rows, figures and layers are as of the tasks
tabular and regression.

A model is one linear layer. Of two classes scikit-learn has one row of coefficients: the layer has half of it for the
second class and its negative for the first, so that its softmax is scikit-learn's probability.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from ledger.releases.sums import Sums
from participant.tasks.classification import Labelled
from participant.tasks.data.columns import Cell
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.linear.estimators import Fit, fitted, named
from participant.tasks.protocol import TABLES, RoundContext, Task, TrainResult
from participant.tasks.ready.regression import Regression
from participant.tasks.ready.tabular import Tabular
from participant.tasks.settings import Settings

TASK = "sklearn"
_TWO = 2
_ROWS = ("columns", "ranges", "outside")
_OF_CLASSES = (*_ROWS, "label", "classes", "class_weights")
_OF_NUMBERS = (*_ROWS, "targets", "target_ranges")


class _Classified(Tabular):
    name: ClassVar[str] = TASK


class _Predicted(Regression):
    name: ClassVar[str] = TASK


class Sklearn(Task):
    """Settings (docs/tasks.md): estimator, epochs, parameters.*, and of tabular or regression those of their rows."""

    name: ClassVar[str] = TASK
    version: ClassVar[str] = "1"
    sources: ClassVar[tuple[str, ...]] = TABLES

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.estimator = named(read.text("estimator"), read)
        self.epochs = read.integer("epochs", 1, high=10_000)
        self.parameters = self.estimator.read(read)
        wanted = _OF_CLASSES if self.estimator.classifies else _OF_NUMBERS
        rows = {name: settings[name] for name in wanted if read.has(name)}
        read.done()
        self.rows: Tabular | Regression = _Classified(rows) if self.estimator.classifies else _Predicted(rows)
        if isinstance(self.rows, Regression) and len(self.rows.targets.names) != 1:
            raise Malformed(f"{self.estimator.name} predicts one number", advice="name one column in targets")

    def build_model(self, seed: int) -> nn.Module:
        """Zeros, whatever the seed."""
        return self.rows.build_model(seed)

    def load_data(self, path: Path) -> Labelled:
        return self.rows.load_data(path)

    def labels(self) -> Mapping[str, Cell] | None:
        return self.rows.labels()

    def take(self, table: "PreparedTable") -> Labelled:
        return self.rows.take(table)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        """From the model's coefficients on; the schedule of steps counts the passes of earlier rounds."""
        weight, bias = _layer(model)
        inputs = data.inputs.cpu().numpy().astype(np.float64)
        targets = data.targets.cpu().numpy()
        coefficients, intercepts = (_of_estimator(part) for part in (weight, bias)) if self._two else (weight, bias)
        fit = Fit(
            estimator=self.estimator,
            parameters=self.parameters,
            rows=(inputs, targets if self.estimator.classifies else targets[:, 0].astype(np.float64)),
            classes=self._classes,
            class_weights=dict(enumerate(self._class_weights)),
            coefficients=coefficients,
            intercepts=intercepts,
            seen=(round.number - 1) * self.epochs * len(inputs),
            epochs=self.epochs,
            seed=round.seed,
        )
        made = fitted(fit, lambda done: round.report(done, self.epochs))
        _put(model, *((_of_layer(part) for part in made) if self._two else made))
        loss = self.rows.evaluate(model, data)["loss"]
        return TrainResult(samples=len(inputs), loss=loss)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        return self.rows.evaluate(model, data)

    def counts(self, model: nn.Module, data: Labelled) -> Counts | None:
        return self.rows.counts(model, data)

    def sums(self, model: nn.Module, data: Labelled) -> Sums | None:
        return self.rows.sums(model, data)

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return self.rows.leaves(data)

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return self.rows.part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return self.rows.join(parts)

    @property
    def _classes(self) -> int:
        return len(self.rows.classes) if isinstance(self.rows, Tabular) else 0

    @property
    def _class_weights(self) -> Sequence[float]:
        return self.rows.loss.weights if isinstance(self.rows, Tabular) else ()

    @property
    def _two(self) -> bool:
        return self._classes == _TWO


def _layer(model: nn.Module) -> tuple[Any, Any]:
    """Weights (outputs × columns) and biases (outputs) of the one layer, float64."""
    weight, bias = (tensor.detach().cpu().numpy().astype(np.float64) for tensor in model.parameters())
    return weight, bias


def _put(model: nn.Module, weight: Any, bias: Any) -> None:
    with torch.no_grad():
        for tensor, made in zip(model.parameters(), (weight, bias), strict=True):
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(made)))


def _of_estimator(layer: Any) -> Any:
    """What two outputs of a layer are as one of scikit-learn's."""
    return layer[1:] - layer[:1]


def _of_layer(estimator: Any) -> Any:
    return np.concatenate([-estimator / 2, estimator / 2])
