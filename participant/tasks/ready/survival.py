"""Times until an event, some of them cut off: hazards in bins of time that the job fixes, from rows of numbers.

The logistic-hazard model of M. F. Gensheimer and B. Narasimhan (2019, "A scalable discrete-time survival model for
neural networks"): for each bin the network says how probable the event is among those who came so far. A row counts in
each bin that it is known of: up to its event's, or, where it was lost from sight, those of which it was there for half
at least. Rows stand for themselves, as Cox's partial likelihood does not let them: so it goes with minibatches, noise
and many parties.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.releases.survival import MAX_TIMES, MOST_LOSS, RISKS, UNIT, SurvivalSums, figures_of
from participant.tasks.classification import Labelled, join, outputs_of, part
from participant.tasks.concordance import concordance
from participant.tasks.data.columns import BadCell, Cell, number, read_columns
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.learning import learn
from participant.tasks.optimisers import Plan
from participant.tasks.protocol import TABLES, RoundContext, Task, TrainResult
from participant.tasks.ready.ranges import Ranges
from participant.tasks.ready.towers import perceptron
from participant.tasks.settings import Settings


class Survival(Task):
    """Settings (docs/tasks.md): model, hidden, columns, ranges, outside, time, event, bins, and those of `Plan`.

    Targets are n × (bins + 2): of each bin 0 for outlived, 1 for the event, NaN where it is not known; then the time as
    it was read, and whether it ended with the event.
    """

    name: ClassVar[str] = "survival"
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
        self.columns = read.text("time", "time"), read.text("event", "event")
        self.ends = _ends(read)
        self.plan = Plan.read(read)
        read.done()
        names = [*self.inputs.names, *self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Malformed(
                "time, event and inputs are different columns", advice="take it out of one of them", column=twice[0]
            )

    def build_model(self, seed: int) -> nn.Module:
        """One output for each bin, the logit of its hazard."""
        return perceptron([len(self.inputs.names), *self.hidden, len(self.ends)], seed)

    def load_data(self, path: Path) -> Labelled:
        """Read a .csv file: the job's columns, that of the time, and that of the event with 0 or 1."""
        table = read_columns(path, {**dict.fromkeys(self.inputs.names, number), **self.labels()})
        values, truth = np.hsplit(table.values, [len(self.inputs.names)])
        if self.outside == "refuse":
            self.inputs.check(path, values, table.lines)
        return self._labelled(path, values, truth)

    def labels(self) -> Mapping[str, Cell]:
        time, event = self.columns
        return {time: _time, event: _event}

    def take(self, table: "PreparedTable") -> Labelled:
        return self._labelled(table.path, table.values, table.labels)

    def _labelled(self, path: Path, values: NDArray[np.float64], truth: NDArray[np.float64]) -> Labelled:
        labels = self._labels(truth[:, 0], truth[:, 1] == 1)
        if np.isnan(labels).all():
            raise Malformed(
                "no row was in sight for half of the first bin, or until an event",
                advice="bring rows with longer times, or agree on a job with shorter bins",
                file=str(path),
                first_bin=f"0 to {self.ends[0]:g}",
            )
        targets = torch.from_numpy(np.hstack([labels, truth])).float()
        leaves = leaves_of_rows(np.hstack([values, truth]), np.zeros(len(values), np.int64))
        return Labelled(self.inputs.scaled(values), targets, leaves)

    def train(self, model: nn.Module, data: Labelled, round: RoundContext) -> TrainResult:
        return learn(model, data.inputs, data.targets, hazard_loss, self.plan, round)

    def evaluate(self, model: nn.Module, data: Labelled) -> dict[str, float]:
        """loss, of a row; log_loss and brier, of a bin; binned_concordance; concordance, by exact times; samples."""
        outputs, targets = outputs_of(model, data.inputs).double(), data.targets.cpu().double()
        figures = {name: float(value) for name, value in figures_of(_summed(outputs, targets)).items()}
        exact = concordance(targets[:, -2].numpy(), targets[:, -1].numpy() == 1, risks_of(outputs).numpy())
        if exact is not None:
            figures["concordance"] = exact
        return {**figures, "loss": float(hazard_loss(outputs, targets)), "samples": float(len(targets))}

    def sums(self, model: nn.Module, data: Labelled) -> SurvivalSums:
        return _summed(outputs_of(model, data.inputs).double(), data.targets.cpu().double())

    def leaves(self, data: Labelled) -> Sequence[bytes]:
        return data.leaves

    def part(self, data: Labelled, places: Sequence[int]) -> Labelled:
        return part(data, places)

    def join(self, parts: Sequence[Labelled]) -> Labelled:
        return join(parts)

    def _labels(self, times: NDArray[np.float64], ended: NDArray[np.bool_]) -> NDArray[np.float64]:
        """n × bins: 0 where outlived, 1 where the event was, else NaN."""
        starts = np.array([0.0, *self.ends[:-1]])
        outlived = times[:, None] >= np.where(ended[:, None], self.ends, (starts + self.ends) / 2)
        labels = np.where(outlived, 0.0, np.nan)
        within = ended & (times < self.ends[-1])
        labels[within, np.searchsorted(self.ends, times[within], side="right")] = 1.0
        return labels


def hazard_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over rows of −log of the probability of what is known of each, over its bins."""
    labels = targets[:, :-2].to(outputs.dtype)
    return (_losses(outputs, labels).sum(1)).mean()


def risks_of(outputs: Tensor) -> Tensor:
    """One less the mean probability, over the bins' ends, of having outlived them: from 0 to 1."""
    return 1 - (1 - torch.sigmoid(outputs)).cumprod(1).mean(1)


def _losses(outputs: Tensor, labels: Tensor) -> Tensor:
    """By row and bin; 0 where nothing is known."""
    known = ~labels.isnan()
    losses = binary_cross_entropy_with_logits(outputs, torch.where(known, labels, 0.0), reduction="none")
    return torch.where(known, losses, 0.0)


def _summed(outputs: Tensor, targets: Tensor) -> SurvivalSums:
    """Rows counted by time and risk, and their losses in whole units; a risk that is not a number counts as 0."""
    labels = targets[:, :-2]
    bins = labels.shape[1]
    known = ~labels.isnan()
    risk = (risks_of(outputs).nan_to_num(0.0) * RISKS).long().clamp(0, RISKS - 1)
    ended, outlived = (labels == 1).any(1), (labels == 0).sum(1)
    counted = []
    for rows, lines in ((ended, bins), (~ended, bins + 1)):
        cells = torch.bincount(outlived[rows] * RISKS + risk[rows], minlength=lines * RISKS)
        counted.append(tuple(map(tuple, cells.reshape(lines, RISKS).tolist())))
    losses = _losses(outputs, labels).nan_to_num(float(MOST_LOSS)).clamp(0, MOST_LOSS)
    missed = torch.where(known, (torch.sigmoid(outputs) - labels).nan_to_num(1.0).square(), 0.0)
    totals = [int((values * UNIT).round().long().sum()) for values in (losses, missed)]
    return SurvivalSums(events=counted[0], censored=counted[1], log_loss=totals[0], brier=totals[1])


def _ends(read: Settings) -> NDArray[np.float64]:
    """Where each bin ends; the first begins at 0."""
    texts = read.texts("bins")
    ends = read.decimals("bins", len(texts), low=1e-9, high=1e9)
    if len(ends) > MAX_TIMES or any(one >= other for one, other in pairwise(ends)):
        raise read.wrong("bins", f"at most {MAX_TIMES} ascending times, the end of each bin", texts)
    return np.array(ends)


def _time(text: str) -> float:
    value = number(text)
    if value < 0:
        raise BadCell("a time is negative", "write the time from the start to the event, or to when it was last seen")
    return value


def _event(text: str) -> float:
    value = number(text)
    if value not in (0, 1):
        raise BadCell("an event is 0 or 1", "write 1 where the event was seen, 0 where the row was lost from sight")
    return value
