"""Statistics: no model is trained; what a job's analysis asks of a table is counted (docs/statistics.md).

The answer is a model of whole numbers, digit by digit (`ledger.statistics.digits`), so all that carries models carries
it. What is too small to be told is left out here, before anything leaves the process.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ledger.errors import Malformed, UsageError
from ledger.jobs.analysis import Analysis
from ledger.jobs.document import Setting
from ledger.statistics.answers import CountedRows, answer
from ledger.statistics.digits import SCALE
from ledger.statistics.noisy import noisy_answer
from ledger.statistics.table import integers_of
from participant.tasks.data.tabulating import digests, tabulate
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings


class Integers(nn.Module):
    """Digits, as floats that hold them exactly, one parameter for each part of the answer."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.names = tuple(shapes)
        self.parts = nn.ParameterList(
            nn.Parameter(torch.zeros(shape), requires_grad=False) for shape in shapes.values()
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """By the names that the job has."""
        return {name: part.data for name, part in zip(self.names, self.parts, strict=True)}


class Statistics(Task):
    """No settings: what is asked stands in the job's section `analysis`."""

    name: ClassVar[str] = "statistics"
    version: ClassVar[str] = "1"
    sources: ClassVar[tuple[str, ...]] = ("ledger.statistics",)
    noisy: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        Settings(self.name, settings).done()
        self._analysis: Analysis | None = None

    def analyse(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @property
    def analysis(self) -> Analysis:
        """What is asked. Raises Malformed where nothing is."""
        if self._analysis is None:
            raise Malformed("this task answers an analysis, and trains nothing", advice="give the draft [analysis]")
        return self._analysis

    def build_model(self, seed: int) -> Integers:
        """Zeros."""
        return Integers({tensor.name: tensor.shape for tensor in self.analysis.tensors})

    def load_data(self, path: Path) -> CountedRows:
        """Read a table of any kind that has a columns file, or CSV."""
        return tabulate(path, self.analysis)

    def train(self, model: nn.Module, data: CountedRows, round: RoundContext) -> TrainResult:
        """Put the answer into the model. Raises UsageError where nothing may be told."""
        if round.noise is None:
            told = answer(self.analysis, data)
        else:
            told = noisy_answer(self.analysis, data, round.noise.of_sums())
        if not any(told["groups"]):
            raise UsageError(
                "these data have too few rows to answer this analysis",
                advice="this member sits it out; a job with fewer classes, or a lower min_rows, can be proposed",
                rows=len(data),
                min_rows=self.analysis.min_rows,
            )
        digits = torch.tensor(integers_of(self.analysis, told)) // SCALE
        start = 0
        for tensor in self.state(model).values():
            tensor.copy_(digits[start : start + tensor.numel()].reshape(tensor.shape))
            start += tensor.numel()
        return TrainResult(samples=len(data), loss=0.0)

    def evaluate(self, model: nn.Module, data: CountedRows) -> dict[str, float]:
        """Nothing is measured of statistics: the number of rows."""
        return {"samples": float(len(data))}

    def state(self, model: nn.Module) -> dict[str, torch.Tensor]:
        if not isinstance(model, Integers):
            raise Malformed("this model is not one of the task")
        return model.tensors()

    def load(self, model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
        for name, tensor in self.state(model).items():
            tensor.copy_(tensors[name])

    def asked(self, data: CountedRows) -> Mapping[str, bytes]:
        return digests(self.analysis, data)
