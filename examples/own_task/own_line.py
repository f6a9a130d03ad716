"""The task own-line: linear regression on a CSV table, trained in batches from a torch DataLoader.

This file is all that fedledger needs. It may import anything that is installed; what it shares with the other
participants through the ledger is only the model's numbers.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, TensorDataset

from ledger.errors import Malformed, UsageError
from ledger.jobs.document import Setting
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings

Rows = Dataset[tuple[torch.Tensor, ...]]
"""Pairs of inputs (columns) and target (1), all about -1 to 1."""


class OwnLine(Task):
    """Settings: columns and ranges (of the inputs), target and target_range, epochs, batch_size, learning_rate."""

    name: ClassVar[str] = "own-line"
    version: ClassVar[str] = "1"

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.columns = [*read.unique("columns"), read.text("target")]
        self.ranges = [*read.pairs("ranges", len(self.columns) - 1), read.pair("target_range")]
        self.epochs = read.integer("epochs", 10, high=100_000)
        self.batch_size = read.integer("batch_size", 32)
        self.learning_rate = read.decimal("learning_rate", "0.1")
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        """Linear regression starts from zero, for any seed."""
        model = nn.Linear(len(self.columns) - 1, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        return model

    def load_data(self, path: Path) -> Rows:
        """Read a CSV file with a header. Anything that is not a number is an error that names its place."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [self._row(path, line, row) for line, row in enumerate(csv.DictReader(file), 2)]
        except OSError as error:
            raise UsageError(f"cannot read the data: {error.strerror}", file=str(path)) from error
        if not rows:
            raise Malformed("the file has no rows", file=str(path))
        table = torch.tensor(rows)
        return TensorDataset(table[:, :-1], table[:, -1:])

    def train(self, model: nn.Module, data: Rows, round: RoundContext) -> TrainResult:
        """Stochastic gradient descent. The order of the rows follows from the round's seed, and from nothing else."""
        generator = torch.Generator().manual_seed(round.seed)
        batches = DataLoader(data, self.batch_size, shuffle=True, generator=generator, num_workers=0)
        samples, total = 0, 0.0
        for _ in range(self.epochs):
            samples, total = 0, 0.0
            for inputs, targets in batches:
                loss = nn.functional.mse_loss(model(inputs.to(round.device)), targets.to(round.device))
                self._step(model, loss)
                samples, total = samples + len(targets), total + float(loss.detach()) * len(targets)
        return TrainResult(samples=samples, loss=total / samples)

    def evaluate(self, model: nn.Module, data: Rows) -> dict[str, float]:
        """Mean absolute error in the target's own unit, and the share of its variance that is explained."""
        device = next(model.parameters()).device
        half = (self.ranges[-1][1] - self.ranges[-1][0]) / 2
        batches = list(DataLoader(data, batch_size=4096))
        with torch.no_grad():
            errors = torch.cat([model(inputs.to(device)).cpu() - targets for inputs, targets in batches])
        targets = torch.cat([targets for _, targets in batches])
        return {
            "mean_absolute_error": float(errors.abs().mean()) * half,
            "r2": float(1 - errors.square().mean() / (targets - targets.mean()).square().mean()),
            "samples": float(len(targets)),
        }

    def join(self, parts: Sequence[Rows]) -> Rows:
        """Only for `fedledger node compare`."""
        return ConcatDataset(parts)

    def _step(self, model: nn.Module, loss: torch.Tensor) -> None:
        parameters = list(model.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            with torch.no_grad():
                parameter.sub_(self.learning_rate * gradient)

    def _row(self, path: Path, line: int, row: Mapping[str, Any]) -> list[float]:
        values = []
        for column, (low, high) in zip(self.columns, self.ranges, strict=True):
            try:
                values.append(2 * (float(row[column] or "") - low) / (high - low) - 1)
            except (KeyError, ValueError) as error:
                value = row.get(column)
                raise Malformed("not a number", file=str(path), line=line, column=column, value=value) from error
        return values
