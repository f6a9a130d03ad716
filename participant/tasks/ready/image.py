"""Classification of images by a convolutional network or a small residual one (`participant.tasks.ready.towers`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.counts import Counts
from participant.tasks.classification import ClassLoss, Labelled, counted, join, merit, part
from participant.tasks.data.arrays import read_npz
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.scaling import PixelScale
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan, seeded
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.ready.towers import ImageTower
from participant.tasks.settings import Settings


class Image(Task):
    """Settings (docs/tasks.md): model, height, width, channels, filters, depth, norm, groups, brightest, pixel_mean,
    pixel_deviation, classes, class_weights, and those of `Plan`.
    """

    name: ClassVar[str] = "image"
    version: ClassVar[str] = "1"
    noisy: ClassVar[bool] = True
    corrects: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.tower = ImageTower.read(read)
        self.pixels = PixelScale.read(read.decimal)
        self.classes = tuple(read.unique("classes", minimum=2))
        self.loss = ClassLoss.read(read, len(self.classes))
        self.plan = Plan.read(read)
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        with seeded(seed):
            return nn.Sequential(*self.tower.layers(), nn.Linear(self.tower.features, len(self.classes)))

    def load_data(self, path: Path) -> Labelled:
        """Read an .npz file: `x` n × height × width, or n × channels × height × width; `y` labels."""
        channels, size = self.tower.channels, (self.tower.height, self.tower.width)
        arrays = read_npz(path, size if channels == 1 else (channels, *size), self.classes)
        if arrays.values.min() < 0 or arrays.values.max() > self.pixels.brightest:
            raise Malformed(
                "a pixel is brighter than the job's `brightest`, or negative",
                file=str(path),
                expected=f"0 to {self.pixels.brightest:g}",
                actual=f"{arrays.values.min():g} to {arrays.values.max():g}",
            )
        pixels = torch.from_numpy(self.pixels.scaled(arrays.values))
        leaves = leaves_of_rows(arrays.values, arrays.targets)
        return Labelled(pixels.reshape(-1, channels, *size), torch.from_numpy(arrays.targets), leaves)

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
