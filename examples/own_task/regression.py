"""A task of one's own: linear regression on a CSV table, trained by full-batch gradient descent.

This is all that fedledger needs. It may import what it likes; what it shares with others through the ledger is only the
model's numbers.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ledger.errors import Malformed, UsageError
from ledger.jobs.document import Setting
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings


@dataclass(frozen=True)
class Rows:
    """Inputs n × columns and targets n × 1, both about -1 to 1."""

    inputs: torch.Tensor
    targets: torch.Tensor


class Regression(Task):
    """Settings: columns and ranges (of the inputs), target and target_range, steps, learning_rate."""

    name: ClassVar[str] = "regression"
    version: ClassVar[str] = "1"

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.columns = [*read.unique("columns"), read.text("target")]
        self.ranges = [*read.pairs("ranges", len(self.columns) - 1), *read.pairs("target_range", 1)]
        self.steps = read.integer("steps", 20, high=100_000)
        self.learning_rate = read.decimal("learning_rate", "0.1")
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        """Linear regression starts from zero, whatever the seed."""
        model = nn.Linear(len(self.columns) - 1, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        return model

    def load_data(self, path: Path) -> Rows:
        """Read a CSV file with a header. Anything that is no number is an error that names its place."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [self._row(path, line, row) for line, row in enumerate(csv.DictReader(file), 2)]
        except OSError as error:
            raise UsageError(f"cannot read the data: {error.strerror}", file=str(path)) from error
        if not rows:
            raise Malformed("the file has no rows", file=str(path))
        table = torch.tensor(rows)
        return Rows(table[:, :-1], table[:, -1:])

    def train(self, model: nn.Module, data: Rows, round: RoundContext) -> TrainResult:
        """Plain gradient descent needs neither the seed nor the base model."""
        loss = torch.zeros(())
        for _ in range(self.steps):
            loss = nn.functional.mse_loss(model(data.inputs), data.targets)
            model.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.grad is not None:
                        parameter.sub_(self.learning_rate * parameter.grad)
        return TrainResult(samples=len(data.targets), loss=float(loss.detach()))

    def evaluate(self, model: nn.Module, data: Rows) -> dict[str, float]:
        """Mean absolute error in the target's own unit, and the share of its variance that is explained."""
        low, high = self.ranges[-1]
        with torch.no_grad():
            error = (model(data.inputs) - data.targets) * (high - low) / 2
            spread = (data.targets - data.targets.mean()) * (high - low) / 2
        return {
            "mean_absolute_error": float(error.abs().mean()),
            "r2": float(1 - error.square().mean() / spread.square().mean()),
        }

    def join(self, parts: Sequence[Rows]) -> Rows:
        """Only for `fedledger node compare`."""
        return Rows(torch.cat([part.inputs for part in parts]), torch.cat([part.targets for part in parts]))

    def _row(self, path: Path, line: int, row: Mapping[str, str | None]) -> list[float]:
        values = []
        for column, (low, high) in zip(self.columns, self.ranges, strict=True):
            try:
                values.append(2 * (float(row[column] or "") - low) / (high - low) - 1)
            except (KeyError, ValueError) as error:
                value = row.get(column)
                raise Malformed("no number", file=str(path), line=line, column=column, value=value) from error
        return values
