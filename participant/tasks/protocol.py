"""The interface between a node and the code that trains. How to write a task: docs/tasks.md.

Nothing that comes over the ledger is ever executed: a job names code that each participant installed itself
(`participant.tasks.discovery`), and a node calls it through the class below alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ledger.errors import Malformed, UsageError
from ledger.jobs.document import Setting
from ledger.jobs.preparation import Preparation
from ledger.releases.counts import Counts
from ledger.releases.sums import Sums
from participant.tasks.data.preparing.prepared_table import PreparedTable

if TYPE_CHECKING:
    import torch

    from ledger.jobs.analysis import Analysis
    from ledger.jobs.layers import Layer
    from participant.privacy.noise import Noise
    from participant.tasks.correction import Correction
    from participant.tasks.data.columns import Cell

TABLES = ("participant.tasks.data.preparing.table",)
"""`Task.sources` of a task that takes prepared tables. What prepares them is imported where a job has a preparation."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What one round's local training was: samples the update stands for, mean loss of the last epoch, and more."""

    samples: int
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)


class ProgressReport(Protocol):
    """Hears how far training is."""

    def __call__(self, done: float, epochs: float, loss: float | None = None) -> None:
        """So many epochs are done, of so many; the latest loss."""


def unreported(done: float, epochs: float, loss: float | None = None) -> None:
    """Nobody wants to know how far training is."""


@dataclass(slots=True)
class Personal:
    """The training of a personal model beside the job's (docs/personal.md): `steps` on batches, while the base model's
    tensors pull with the strength `pull`. `heard` is set by what trains so (`participant.tasks.learning.learn`).
    """

    steps: int
    pull: float = 0.0
    heard: bool = False


@dataclass(frozen=True, slots=True)
class RoundContext:
    """What a task may know of the round that it trains for."""

    number: int
    """The round's number, from 1."""
    seed: int
    """63 bits that nobody chooses; all that is random in training must follow from it."""
    base: "Mapping[str, torch.Tensor]"
    """The base model's shared tensors, on the device; a copy of what `model` holds before training."""
    device: "torch.device"
    """Where `model` lies, and the data as far as they could be moved."""
    scratch: Path
    """A folder of this member's for this job. What is in it when training ends, the next round finds there; training a
    round again finds what was there before that round."""
    settings: Mapping[str, Setting]
    """The task's settings, as the job has them."""
    report: ProgressReport = unreported
    """Call it now and then: `round.report(epochs done, epochs in all, loss)`. It is shown, and changes nothing."""
    noise: "Noise | None" = None
    """What hides single rows, where the job has a section `dp`; only a task that says `noisy` is given any."""
    correction: "Correction | None" = None
    """What corrects the steps of training, where the job's server optimiser does; only a task that says `corrects` is
    given any."""
    personal: Personal | None = None
    """What a personal model is trained by; None where a round of the job is."""


class Task(ABC):
    """What a node needs of a task: derive from this class. `data` is anything that `load_data` returns.

    Needed are `name`, `version`, `__init__`, `build_model`, `load_data`, `train` and `evaluate`. The other methods are
    optional: as they stand here, all of a model is shared, and its data cannot be pooled,
    and their file is one leaf, of which nothing is held out.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    sources: ClassVar[tuple[str, ...]] = ()
    """Further modules and packages whose code the digest shall cover (`participant.tasks.code`)."""
    noisy: ClassVar[bool] = False
    """Whether `train` adds a round's noise (`participant.tasks.learning.learn`), and lets nothing of the rows leave, or
    wait in scratch, by another way. A job with noise is refused for a task that does not say so."""

    corrects: ClassVar[bool] = False
    """Whether `train` does a party's half of FedDyn and SCAFFOLD (`RoundContext.correction`). A job with one of them is
    refused for a task that does not say so."""

    @abstractmethod
    def __init__(self, settings: Mapping[str, Setting]) -> None:
        """Raises Malformed for a setting that is unknown, missing or not valid."""

    @classmethod
    def covers(cls, settings: Mapping[str, Setting]) -> Sequence[str]:
        """Optional: modules and packages that the digest shall cover where a job has these settings, besides the
        class's own and its `sources`. Default: none. Raises Malformed for settings that do not say.
        """
        return ()

    @abstractmethod
    def build_model(self, seed: int) -> "torch.nn.Module":
        """A model on the CPU, its initial weights made from `seed` and the settings alone."""

    @abstractmethod
    def load_data(self, path: Path) -> Any:
        """Read private data. Raises UsageError, naming file and place, for data that cannot be trained on.

        What has a method `to(device)`, as tensors have, is moved to the device; anything else stays where it is.
        """

    @abstractmethod
    def train(self, model: "torch.nn.Module", data: Any, round: RoundContext) -> TrainResult:
        """Train `model` in place, from the round's base model.

        The same arguments must lead to the same weights, and to the same files in `round.scratch`: after a crash a node
        trains again.
        """

    @abstractmethod
    def evaluate(self, model: "torch.nn.Module", data: Any) -> dict[str, float]:
        """How good a model is on `data`: figures by name, among them `accuracy` where that makes sense."""

    def adapt(self, own: Mapping[str, Setting]) -> None:
        """Optional: settings of this member alone, which the job does not cover (`participant.private.head`); called
        before the model is built. They may change tensors that stay at home, and no others. Default: there are none.

        Raises Malformed for one that is unknown or not valid.
        """
        if own:
            raise Malformed(
                f"task {self.name!r} takes no settings of a member's own",
                advice="take its table out of head.toml",
                settings=", ".join(sorted(own))[:300],
            )

    def analyse(self, analysis: "Analysis") -> None:
        """Optional: what a job asks for instead of a model; called before one is built. Default: refused.

        Raises Malformed.
        """
        raise Malformed(
            f"task {self.name!r} trains models and answers no analysis",
            advice="leave [task] out of a draft with [analysis]",
        )

    def asked(self, data: Any) -> Mapping[str, bytes]:
        """Optional: of a task that answers analyses, a digest of the rows that each question is about, by its name
        (`participant.statistics.record`). Default: there are no questions.
        """
        return {}

    def labels(self) -> "Mapping[str, Cell] | None":
        """Optional: the columns of a table that are no inputs, each with what reads a cell of it; by them a job's
        preparation knows what to read besides `columns` (docs/tasks.md, "Preparation").

        Default: None, the task takes no prepared tables.
        """
        return None

    def take(self, table: PreparedTable) -> Any:
        """Optional, but where there are `labels`: rows that a job's preparation made, as `load_data` returns them.

        `table.names` are the task's setting `columns`, `table.label_names` those of `labels`, in their order.
        """
        raise UsageError("a task that names its labels takes prepared tables", task=self.name)

    def load_prepared(self, path: Path, preparation: Preparation) -> Any:
        """Optional: what `load_data` returns, by a job's preparation, of a file that is not a table. The task prepares
        columns by `participant.tasks.data.preparing`, and names labels as tasks for tables do.

        Default: the file is a table, and its prepared rows go to `take`.
        """
        raise UsageError("the task reads prepared tables alone", task=self.name, file=str(path))

    def counts(self, model: "torch.nn.Module", data: Any) -> Counts | None:
        """Optional: what can be counted of a model that tells classes apart, for reports (`ledger.releases.counts`).

        Default: None, the report has figures alone, and those of several parties are not put together exactly.
        """
        return None

    def sums(self, model: "torch.nn.Module", data: Any) -> Sums | None:
        """Optional: what can be summed of a model that predicts numbers or times, for reports (`ledger.releases.sums`).

        Default: None, as for `counts`.
        """
        return None

    def state(self, model: "torch.nn.Module") -> "Mapping[str, torch.Tensor]":
        """Optional: the model's tensors by name. Default: its `state_dict()`."""
        state: Mapping[str, torch.Tensor] = model.state_dict()
        return state

    def shared(self, model: "torch.nn.Module") -> Collection[str]:
        """Optional: which names of `state(model)` are on the ledger; the others stay at home. Default: all."""
        return tuple(self.state(model))

    def load(self, model: "torch.nn.Module", tensors: "Mapping[str, torch.Tensor]") -> None:
        """Optional: put shared tensors over those of a model that `build_model` made. Default: `load_state_dict`.

        They have the names, shapes, dtypes and device of `state(model)`. Private ones are put there by it, too, so
        where a job has some it is called with any of the state's names.
        """
        model.load_state_dict(dict(tensors), strict=False)

    def layers(self, model: "torch.nn.Module") -> "Sequence[Layer]":
        """Optional: the model layer by layer, for jobs that are scored on a committed set (docs/scores.md).

        Default: read off a `torch.nn.Sequential`. Raises UsageError for a model that has no such description.
        """
        from participant.tasks.sequential import layers_of

        return layers_of(self.name, model)

    def leaves(self, data: Any) -> Sequence[bytes] | None:
        """Optional: a digest of 32 bytes for each row of the data, in their order; equal rows have equal ones.

        By them rows are held out, committed to and shown. Default: None, the file is one leaf, by its SHA-256.
        """
        return None

    def part(self, data: Any, places: Sequence[int]) -> Any:
        """Optional, but where there are `leaves`: the rows at these places, in this order, as `load_data` returns them.

        They are on the device that `data` are on.
        """
        raise UsageError("a task that names the leaves of its data returns parts of them", task=self.name)

    def join(self, parts: Sequence[Any]) -> Any | None:
        """Optional: the data of several parties as one, for `fedledger node compare`. Default: None, not possible."""
        return None
