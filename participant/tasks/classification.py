"""What classification tasks share: labelled rows, joining, weighted loss, and figures of merit."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy, softmax

from ledger.releases.counts import BINS, MAX_CLASSES, Counts
from participant.tasks.optimisers import deterministic
from participant.tasks.settings import Settings

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows to learn from: `inputs` float32 n × …, `targets` int64 n, the number of each row's class; of tasks that tell
    no classes apart, n × what they say.

    `leaves` has each row's digest, as the data were read; it may be empty where nobody commits to the rows.
    """

    inputs: Tensor
    targets: Tensor
    leaves: tuple[bytes, ...] = ()

    def to(self, device: torch.device) -> "Labelled":
        """The same rows on a device."""
        return Labelled(self.inputs.to(device), self.targets.to(device), self.leaves)


@dataclass(frozen=True, slots=True)
class ClassLoss:
    """The mean over rows of the cross-entropy, each row's times the weight of its class; without weights, of all alike.

    The divisor is the number of rows, not the sum of their weights: a row's part depends on no other row, as noise
    demands (`participant.tasks.learning`).
    """

    weights: Sequence[float] = ()

    @classmethod
    def read(cls, settings: Settings, classes: int) -> "ClassLoss":
        """By the setting `class_weights`, one for each class, in their order."""
        return cls(tuple(settings.decimals("class_weights", classes, low=1e-6, high=1e6)))

    def of_rows(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each row."""
        losses = cross_entropy(outputs, targets, reduction="none")
        if not self.weights:
            return losses
        return losses * torch.tensor(self.weights, dtype=losses.dtype, device=losses.device)[targets]

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.of_rows(outputs, targets).mean() if self.weights else cross_entropy(outputs, targets)


def join(parts: Sequence[Labelled]) -> Labelled:
    """All rows of all parts, in order."""
    inputs, targets = (torch.cat([getattr(part, name) for part in parts]) for name in ("inputs", "targets"))
    return Labelled(inputs, targets, tuple(leaf for part in parts for leaf in part.leaves))


def part(data: Labelled, places: Sequence[int]) -> Labelled:
    """The rows at these places."""
    chosen = torch.tensor(places, dtype=torch.int64, device=data.targets.device)
    return Labelled(data.inputs[chosen], data.targets[chosen], tuple(data.leaves[place] for place in places))


def merit(model: Module, data: Labelled, classes: Sequence[str]) -> dict[str, float]:
    """accuracy; balanced_accuracy, the mean recall of the classes present; loss, mean cross-entropy; samples; and with
    rows of two classes out of two auc, the area under the ROC curve."""
    outputs, targets = outputs_of(model, data.inputs), data.targets.cpu()
    loss = float(cross_entropy(outputs.double(), targets))
    right = (outputs.argmax(1) == targets).double()
    recalls = [
        float(right[targets == number].mean()) for number in range(len(classes)) if bool((targets == number).any())
    ]
    figures = {
        "accuracy": float(right.mean()),
        "balanced_accuracy": sum(recalls) / len(recalls),
        "loss": loss,
        "samples": float(len(targets)),
    }
    if len(classes) == len(recalls) == 2:
        figures["auc"] = area(outputs[:, 1] - outputs[:, 0], targets)
    return figures


def counted(model: Module, data: Labelled, classes: Sequence[str]) -> Counts | None:
    """The same rows, counted by class, prediction and probability; None for more classes than are counted."""
    number = len(classes)
    if number > MAX_CLASSES:
        return None
    outputs, targets = outputs_of(model, data.inputs).double(), data.targets.cpu()
    predicted, probabilities = outputs.argmax(1), softmax(outputs, 1)
    cells = torch.bincount(targets * number + predicted, minlength=number * number).reshape(number, number)
    two = number == 2
    score = probabilities[:, 1] if two else probabilities.max(1).values
    high = targets == 1 if two else predicted == targets
    bins = (score.nan_to_num(0.0) * BINS).long().clamp(0, BINS - 1)
    sides = [torch.bincount(bins[side], minlength=BINS).tolist() for side in (~high, high)]
    return Counts(confusion=tuple(map(tuple, cells.tolist())), scores=(tuple(sides[0]), tuple(sides[1])))


def outputs_of(model: Module, inputs: Tensor) -> Tensor:
    """What the model says of each row, on the CPU."""
    model.eval()
    with torch.no_grad(), deterministic(model, 0):
        return torch.cat([model(chunk).cpu() for chunk in torch.split(inputs, _CHUNK)])


def area(margins: Tensor, targets: Tensor) -> float:
    """The share of pairs, a row of each class, in which that of class 1 has the larger margin; equal ones count half
    (Hanley and McNeil 1982)."""
    ill, well = margins[targets == 1], margins[targets == 0].sort().values
    below = torch.searchsorted(well, ill) + torch.searchsorted(well, ill, right=True)
    return float(below.sum()) / (2 * len(ill) * len(well))
