"""An image and a row of numbers, one model: a tower for each, and a head over both; either may be missing.

The shape of EXAM (I. Dayan et al. 2021, "Federated learning for predicting clinical outcomes in patients with
COVID-19": chest X-rays, vital signs and laboratory values at 20 hospitals). Where a row lacks one of the two, what its
tower would say is replaced by a vector, learnt or zero, and the head is told by a flag.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Preparation
from ledger.releases.counts import Counts
from participant.tasks.classification import ClassLoss, Labelled, counted, join, merit, part
from participant.tasks.data.arrays import Modalities, read_modalities
from participant.tasks.data.columns import Cell, class_cell
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.arrays import (
    MODALITIES,
    ImageShape,
    prepared_labels,
    prepared_modalities,
    read_modal_members,
    refuse,
)
from participant.tasks.data.preparing.scaling import PixelScale
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan, seeded
from participant.tasks.protocol import RoundContext, Task, TrainResult
from participant.tasks.ready.ranges import Ranges
from participant.tasks.ready.towers import ImageTower
from participant.tasks.settings import Settings


class Multimodal(Task):
    """Settings (docs/tasks.md): those of `image` and `tabular` but for hidden and label; features, missing, and those
    of `Plan`.

    Inputs are n × (pixels + columns + 2): the image, the row of numbers, and the flags of both.
    """

    name: ClassVar[str] = "multimodal"
    version: ClassVar[str] = "1"
    noisy: ClassVar[bool] = True
    corrects: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        read = Settings(self.name, settings)
        self.tower = ImageTower.read(read)
        self.pixels = PixelScale.read(read.decimal)
        self.table = Ranges.read(read, "columns", "ranges")
        self.outside = read.text("outside", "refuse", choices=("refuse", "clip"))
        self.features = read.integer("features", 16, high=4096)
        self.missing = read.text("missing", "learnt", choices=("learnt", "zero"))
        self.classes = tuple(read.unique("classes", minimum=2))
        self.loss = ClassLoss.read(read, len(self.classes))
        self.plan = Plan.read(read)
        read.done()

    def build_model(self, seed: int) -> nn.Module:
        with seeded(seed):
            return _Model(self.tower, len(self.table.names), self.features, len(self.classes), self.missing == "learnt")

    def load_data(self, path: Path) -> Labelled:
        """Read an .npz file: `x_image` n × height × width, or n × channels × height × width; `x_table` n × columns; `y`
        labels; `has_image` and `has_table`, 1 or 0 for each row.
        """
        tower, size = self.tower, (self.tower.height, self.tower.width)
        shape = size if tower.channels == 1 else (tower.channels, *size)
        read = read_modalities(path, shape, len(self.table.names), self.classes)
        if read.images.min() < 0 or read.images.max() > self.pixels.brightest:
            raise Malformed(
                "a pixel is brighter than the job's `brightest`, or negative",
                file=str(path),
                expected=f"0 to {self.pixels.brightest:g}",
                actual=f"{read.images.min():g} to {read.images.max():g}",
            )
        if self.outside == "refuse":
            rows = np.flatnonzero(read.has_table)
            self.table.check(path, read.tables[rows], [int(row) for row in rows])
        return Labelled(self._inputs(read), torch.from_numpy(read.targets), _leaves(read))

    def labels(self) -> Mapping[str, Cell]:
        return {"y": class_cell(self.classes)}

    def load_prepared(self, path: Path, preparation: Preparation) -> Labelled:
        """Read the same arrays, `x_table` by the job's preparation: it may have texts and missing values (NaN), and
        names of its columns in the array `columns`; `y` by the preparation's label map of `y`.
        """
        members = read_modal_members(path, names=(*MODALITIES, "y"))
        y = members["y"]
        if y.shape[:1] != members[MODALITIES[0]].shape[:1]:
            raise Malformed("array 'y' must hold one label for each row", file=str(path), y=y.shape)
        tower = self.tower
        shape = ImageShape(tower.channels, tower.height, tower.width, self.pixels)
        read = prepared_modalities(path, members, shape, preparation)
        refuse(path, read.faults)
        targets = prepared_labels(path, y, self.classes, preparation)
        leaves = leaves_of_rows(read.values, targets)
        return Labelled(torch.from_numpy(read.inputs), torch.from_numpy(targets), leaves)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, self.loss, self.plan, round)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        return merit(model, data, self.classes)

    def counts(self, model: nn.Module, data: Labelled) -> Counts | None:
        return counted(model, data, self.classes)

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)

    def _inputs(self, read: Modalities) -> Tensor:
        pixels = torch.from_numpy(self.pixels.scaled(read.images)).flatten(1)
        flags = torch.from_numpy(np.stack([read.has_image, read.has_table], 1)).float()
        return torch.cat([pixels, self.table.scaled(read.tables) * flags[:, 1:], flags], 1)


class _Model(nn.Module):
    """`image` and `table` are the towers; `no_image`, `no_table` stand in for what is missing; `head` is over all."""

    def __init__(self, tower: ImageTower, columns: int, features: int, classes: int, learnt: bool) -> None:
        super().__init__()
        self.shape, self.columns = (tower.channels, tower.height, tower.width), columns
        self.image = nn.Sequential(*tower.layers(), nn.Linear(tower.features, features), nn.ReLU())
        self.table = nn.Sequential(nn.Linear(columns, features), nn.ReLU())
        self.head = nn.Linear(2 * features + 2, classes)
        self.learnt = learnt
        if learnt:
            self.no_image, self.no_table = (nn.Parameter(torch.zeros(features)) for _ in range(2))

    def forward(self, inputs: Tensor) -> Tensor:
        pixels, table, flags = torch.split(inputs, [inputs.shape[1] - self.columns - 2, self.columns, 2], 1)
        image, table = self.image(pixels.reshape(-1, *self.shape)) * flags[:, :1], self.table(table) * flags[:, 1:]
        if self.learnt:
            image, table = image + self.no_image * (1 - flags[:, :1]), table + self.no_table * (1 - flags[:, 1:])
        outputs: Tensor = self.head(torch.cat([image, table, flags], 1))
        return outputs


def _leaves(read: Modalities) -> tuple[bytes, ...]:
    """Of each row's pixels, numbers and flags, and its class."""
    rows = len(read.targets)
    flags = np.stack([read.has_image, read.has_table], 1).astype(np.float64)
    return leaves_of_rows(np.hstack([read.images.reshape(rows, -1), read.tables, flags]), read.targets)
