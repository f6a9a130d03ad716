"""What a node does for a job on its own machine: the task, the private data, and one round's training.

Nothing here reaches chain or store. On the CPU training is deterministic: the same seed, base model, data and scratch
folder give the same bytes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ledger.jobs.document import Job
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of
from participant.tasks import answers
from participant.tasks.data.version import file_version
from participant.tasks.devices import choose, place
from participant.tasks.discovery import require
from participant.tasks.machine import Machine
from participant.tasks.protocol import ProgressReport, Task, TrainResult, unreported
from participant.tasks.scratch import Scratch
from participant.tasks.seam import load_data, located
from participant.tasks.sharing import context_of, load_shared, shared_state


@dataclass(frozen=True, slots=True)
class Trained:
    """An update before it is stored: its integers, the weight it asks for, what training said, and where it ran."""

    update: Stream
    weight: int
    result: TrainResult
    device: str


@dataclass
class Local:
    """A job's task on this machine. `of` raises UsageError where the approved task, or the device, is not here."""

    job: Job
    task: Task
    device: str
    scratch: Scratch
    _data: dict[Path, tuple[tuple[int, int], Any]] = field(default_factory=dict)
    _evaluated: torch.nn.Module | None = None

    @classmethod
    def of(cls, job: Job, machine: Machine, rank: int = 0) -> "Local":
        """As the process `rank` of a launcher's, each of which has a scratch folder of its own."""
        chosen = require(job.task).create(job.task.settings)
        folder = job.digest.hex() + (f"-rank-{rank}" if rank else "")
        return cls(job, chosen, choose(machine.device), Scratch(machine.scratch / folder))

    def data(self, path: Path) -> Any:
        """Private data on the device, read again only where the file changed."""
        now = file_version(path)
        if path not in self._data or self._data[path][0] != now:
            self._data = {path: (now, load_data(self.task, path, self.device))}
        return self._data[path][1]

    def train(
        self,
        base: Stream,
        path: Path,
        number: int,
        seed: int,
        *,
        keep: bool = True,
        report: ProgressReport = unreported,
    ) -> Trained:
        """The training of round `number` on the data in `path`, from the base model.

        Tensors that are not shared start each round as the job's seed makes them. With `keep` false nothing is left in
        the scratch folder. The weight is the number of samples, at most what the job admits. Raises UsageError for data
        or settings that do not train, or a task that fails or returns an impossible result, NotRepresentable for a
        model that leaves the ledger's integers. The scratch folder is then as it was.
        """
        layout, data, model = self.job.layout, self.data(path), self._model()
        load_shared(self.task, model, layout, base)
        with self.scratch.training(number, keep=keep) as folder, located(path):
            settings = self.job.task.settings
            context = context_of(self.task, model, number, seed, self.device, folder, settings, report)
            returned = self.task.train(model, data, context)
            update = difference(layout, stream_of(shared_state(self.task, model), layout), base)
            result = answers.trained(self.task.name, returned)
        return Trained(update, min(result.samples, self.job.admission.max_weight), result, self.device)

    def evaluate(self, model: Stream, path: Path) -> dict[str, float]:
        """The task's figures for a global model on the data in `path`."""
        if self._evaluated is None:
            self._evaluated = self._model()
        load_shared(self.task, self._evaluated, self.job.layout, model)
        data = self.data(path)
        with located(path):
            return answers.figures(self.task.name, self.task.evaluate(self._evaluated, data))

    def _model(self) -> torch.nn.Module:
        return place(self.task.build_model(self.job.initial_model.seed), self.device)
