"""What a node does for a job on its own machine: the task, the private data, and one round's training.

Nothing here reaches chain or store. Training is deterministic: seed, base model and data give the same bytes again.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.jobs.document import Job
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import load, stream_of
from participant.tasks import protocol as task
from participant.tasks.data.version import file_version
from participant.tasks.protocol import TrainResult


@dataclass(frozen=True, slots=True)
class Trained:
    """An update before it is stored: its integers, the weight it asks for, and what training said."""

    update: Stream
    weight: int
    result: TrainResult


@dataclass
class Local:
    """A job's task and model on this machine. `of` raises UsageError where the approved task is not installed here."""

    job: Job
    task: task.Task
    model: Any
    _data: dict[Path, tuple[tuple[int, int], Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> "Local":
        chosen = task.require(job.task).create(job.task.settings)
        return cls(job, chosen, chosen.build_model(0))

    def data(self, path: Path) -> Any:
        """Private data, read again only where the file changed."""
        now = file_version(path)
        if path not in self._data or self._data[path][0] != now:
            self._data = {path: (now, self.task.load_data(path))}
        return self._data[path][1]

    def train(self, base: Stream, path: Path, seed: int) -> Trained:
        """One round's training on the data in `path`, from the base model.

        The weight is the number of samples, at most what the job admits. Raises UsageError for data or settings that
        do not train, NotRepresentable for a model that leaves the ledger's integers.
        """
        layout, data = self.job.layout, self.data(path)
        load(self.model, layout, base)
        state = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        result = self.task.train(self.model, data, seed=seed, base=state)
        update = difference(layout, stream_of(self.model, layout), base)
        return Trained(update, min(result.samples, self.job.admission.max_weight), result)

    def evaluate(self, model: Stream, path: Path) -> dict[str, float]:
        """The task's figures for a global model on the data in `path`."""
        load(self.model, self.job.layout, model)
        return self.task.evaluate(self.model, self.data(path))
