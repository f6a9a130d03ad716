"""The networks that ready tasks are made of: perceptrons, plain convolutions, and small residual networks.

Normalisation is by groups (Y. Wu and K. He 2018, "Group Normalization"): it looks at one row at a time, so it has no
running statistics, which do not average well over parties with unlike data (K. Hsieh et al. 2020), and goes with noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from participant.tasks.optimisers import seeded
from participant.tasks.settings import Settings


def perceptron(widths: Sequence[int], seed: int, *, batch_norm: bool = False) -> nn.Sequential:
    """Linear layers of these widths with ReLUs between them; a single one starts from zeros."""
    layers: list[nn.Module] = []
    with seeded(seed):
        for wide, narrow in pairwise(widths):
            layers += [nn.Linear(wide, narrow), *([nn.BatchNorm1d(narrow)] if batch_norm else []), nn.ReLU()]
    model = nn.Sequential(*layers[: -2 if batch_norm else -1])
    if len(widths) == 2:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
    return model


@dataclass(frozen=True, slots=True)
class ImageTower:
    """What makes a vector of an image: `cnn` (two 3 × 3 convolutions with 2 × 2 maxima, after LeCun et al. 1998) or
    `resnet`, of stages with `depth` blocks each, whose widths are `filters` (K. He et al. 2016).
    """

    kind: str
    channels: int
    height: int
    width: int
    filters: tuple[int, ...]
    depth: int
    groups: int
    """0 is no normalisation."""

    @classmethod
    def read(cls, settings: Settings) -> "ImageTower":
        """Settings model, channels, height, width, filters, depth, norm and groups. Raises Malformed."""
        channels = settings.integer("channels", 1, high=64)
        height, width = (settings.integer(name, low=4, high=4096) for name in ("height", "width"))
        kind = settings.text("model", "cnn", choices=("cnn", "resnet"))
        residual = kind == "resnet"
        filters = settings.sizes("filters", ["16", "32", "64"] if residual else ["8", "16"], minimum=1)
        depth = settings.integer("depth", 1, high=16) if residual else 1
        norm = settings.text("norm", "group" if residual else "none", choices=("none", "group"))
        groups = settings.integer("groups", 4, high=256) if norm == "group" else 0
        tower = cls(kind, channels, height, width, tuple(filters), depth, groups)
        tower.check(settings)
        return tower

    def check(self, settings: Settings) -> None:
        """Raise Malformed for filters that make no such network."""
        if self.kind == "cnn" and len(self.filters) != 2:
            raise settings.wrong("filters", "2 sizes", self.filters)
        if len(self.filters) > 6 or min(self.height, self.width) >> (len(self.filters) - 1) < 1:
            raise settings.wrong("filters", "at most 6 sizes, and no more than halving the image allows", self.filters)
        uneven = [size for size in self.filters if self.groups and size % self.groups]
        if uneven:
            raise settings.wrong("groups", f"a divisor of each of filters, such as of {uneven[0]}", self.groups)

    @property
    def features(self) -> int:
        """How long the vector is."""
        return self.filters[-1] * ((self.height // 4) * (self.width // 4) if self.kind == "cnn" else 1)

    def layers(self) -> list[nn.Module]:
        """The layers, with torch's random numbers as they stand."""
        if self.kind == "cnn":
            first, second = self.filters
            return [*self._convolution(self.channels, first), *self._convolution(first, second), nn.Flatten()]
        blocks: list[nn.Module] = [nn.Conv2d(self.channels, self.filters[0], 3, padding=1, bias=False)]
        blocks += [normal(self.groups, self.filters[0]), nn.ReLU()]
        before = self.filters[0]
        for stage, size in enumerate(self.filters):
            for number in range(self.depth):
                blocks.append(ResidualBlock(before, size, 2 if stage and not number else 1, self.groups))
                before = size
        return [*blocks, PlaceMean()]

    def _convolution(self, before: int, after: int) -> list[nn.Module]:
        normed = [normal(self.groups, after)] if self.groups else []
        return [nn.Conv2d(before, after, 3, padding=1), *normed, nn.ReLU(), nn.MaxPool2d(2)]


def normal(groups: int, size: int) -> nn.Module:
    """Group normalisation, or none."""
    return nn.GroupNorm(groups, size) if groups else nn.Identity()


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut; the shortcut is a 1 × 1 convolution where the size changes."""

    def __init__(self, before: int, after: int, stride: int, groups: int) -> None:
        super().__init__()
        bare = not groups
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=bare)
        self.first_norm = normal(groups, after)
        self.second = nn.Conv2d(after, after, 3, padding=1, bias=bare)
        self.second_norm = normal(groups, after)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        inner = relu(self.first_norm(self.first(inputs)))
        return relu(self.second_norm(self.second(inner)) + self.shortcut(inputs))


class PlaceMean(nn.Module):
    """The mean over an image's places."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.mean((2, 3))
