"""Classification of small images by a convolutional network.

Two 3 × 3 convolutions, each with a ReLU and a 2 × 2 maximum, and one linear layer (after LeCun et al. 1998). No batch
normalisation: its running statistics do not average well over parties with unlike data (Hsieh et al. 2020).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from participant.tasks.classification import Labelled, counted, join, merit, part
from participant.tasks.data.arrays import read_npz
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.settings import Settings


class Image(Task):
    """Settings (docs/tasks.md): height, width, channels, brightest, filters, classes, and those of `Plan`."""

    name: ClassVar[str] = "image"
    version: ClassVar[str] = "1"
    noisy: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.channels = read.integer("channels", 1, high=64)
        self.height = read.integer("height", low=4, high=4096)
        self.width = read.integer("width", low=4, high=4096)
        self.brightest = read.decimal("brightest", "255", low=1e-9)
        self.filters = read.sizes("filters", ["8", "16"], minimum=2)
        self.classes = tuple(read.unique("classes", minimum=2))
        self.plan = Plan.read(read)
        read.done()
        if len(self.filters) != 2:
            raise Malformed("setting 'filters' of task 'image' is not valid", expected="2 sizes", actual=self.filters)

    def build_model(self, seed: int) -> nn.Module:
        first, second = self.filters
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.Sequential(
                nn.Conv2d(self.channels, first, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(first, second, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(second * (self.height // 4) * (self.width // 4), len(self.classes)),
            )

    def load_data(self, path: Path) -> Labelled:
        """Read an .npz file: `x` n × height × width, or n × channels × height × width; `y` labels."""
        size = (self.height, self.width)
        arrays = read_npz(path, size if self.channels == 1 else (self.channels, *size), self.classes)
        if arrays.values.min() < 0 or arrays.values.max() > self.brightest:
            raise Malformed(
                "a pixel is brighter than the job's `brightest`, or negative",
                file=str(path),
                expected=f"0 to {self.brightest:g}",
                actual=f"{arrays.values.min():g} to {arrays.values.max():g}",
            )
        pixels = torch.from_numpy(arrays.values / self.brightest).float()
        leaves = leaves_of_rows(arrays.values, arrays.targets)
        return Labelled(pixels.reshape(-1, self.channels, *size), torch.from_numpy(arrays.targets), leaves)

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
