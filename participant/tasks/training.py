"""What a node does for a job on its own machine: the task, the private data, and one round's training.

Nothing here reaches chain or store. On the CPU training is deterministic: the same seed, base model, data and scratch
folder give the same bytes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ledger.errors import UsageError
from ledger.formats.rows import Draw
from ledger.jobs.document import Job
from ledger.releases.counts import Counts
from ledger.releases.report import Rows
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of
from participant.privacy.noise import Noise
from participant.privacy.randomness import noise_seed
from participant.tasks import answers
from participant.tasks.data.version import file_version
from participant.tasks.devices import choose, place
from participant.tasks.discovery import require
from participant.tasks.learning import require_noisy
from participant.tasks.machine import Machine
from participant.tasks.protocol import ProgressReport, Task, TrainResult, unreported
from participant.tasks.scratch import Scratch
from participant.tasks.seam import load_data, located
from participant.tasks.sharing import context_of, load_shared, shared_state
from participant.tasks.split import Split, leaves_of, pick, split


@dataclass(frozen=True, slots=True)
class Trained:
    """An update before it is stored: its integers, the weight it asks for, what training said, and where it ran.

    `leaves` are those of all rows of its data, held out or not, in their order.
    """

    update: Stream
    weight: int
    result: TrainResult
    device: str
    leaves: tuple[bytes, ...]


@dataclass
class Local:
    """A job's task on this machine. `of` raises UsageError where the approved task, or the device, is not here.

    `salt` is the party's own of the job, by which its data are divided; it is empty where they never are.
    """

    job: Job
    task: Task
    device: str
    scratch: Scratch
    salt: bytes = b""
    _data: dict[Path, tuple[tuple[int, int], Any]] = field(default_factory=dict)
    _split: dict[Path, tuple[object, Split]] = field(default_factory=dict)
    _evaluated: torch.nn.Module | None = None

    @classmethod
    def of(cls, job: Job, machine: Machine, rank: int = 0, salt: bytes = b"") -> "Local":
        """As the process `rank` of a launcher's, each of which has a scratch folder of its own."""
        chosen = require(job.task).create(job.task.settings)
        if job.dp is not None:
            require_noisy(chosen, job.task.settings)
        folder = job.digest.hex() + (f"-rank-{rank}" if rank else "")
        return cls(job, chosen, choose(machine.device), Scratch(machine.scratch / folder), salt)

    def data(self, path: Path) -> Any:
        """Private data on the device, read again only where the file changed."""
        now = file_version(path)
        if path not in self._data or self._data[path][0] != now:
            self._data = {path: (now, load_data(self.task, path, self.device))}
        return self._data[path][1]

    def split(self, path: Path, again: tuple[bytes, ...] = ()) -> Split:
        """Private data in two, by the job's draw; with `again`, only the rows that these leaves stand for.

        Raises as `participant.tasks.split`.
        """
        now, data = (file_version(path), again), self.data(path)
        if path not in self._split or self._split[path][0] != now:
            if self.job.hold_out and not self.salt:
                raise UsageError("data are divided by a home's salt", job=self.job.name)
            draw = Draw(self.job.digest, self.salt, self.job.hold_out)
            with located(path):
                chosen = pick(self.task, data, path, again) if again else data
                self._split = {path: (now, split(self.task, chosen, path, draw))}
        return self._split[path][1]

    def leaves(self, path: Path) -> tuple[bytes, ...]:
        """The leaves of private data, in their order. Raises WrongAnswer for those that are not digests."""
        data = self.data(path)
        with located(path):
            return leaves_of(self.task, data, path)

    def rows(self, path: Path, rows: Rows) -> Any:
        """These rows of private data. Raises as `split`, and UsageError where none are held out."""
        if rows == "own_file":
            return self.data(path)
        chosen = self.split(path)
        if rows == "held_out" and chosen.held_out is None:
            raise UsageError(
                "this job holds no rows out",
                advice="name rows that nobody trains on with --data FILE, or measure those trained on: --trained-on",
                job=self.job.name,
            )
        return chosen.held_out if rows == "held_out" else chosen.trained

    def train(
        self,
        base: Stream,
        path: Path,
        number: int,
        seed: int,
        *,
        keep: bool = True,
        again: tuple[bytes, ...] = (),
        report: ProgressReport = unreported,
    ) -> Trained:
        """The training of round `number` on the data in `path` that are not held out, from the base model.

        With `again`, the leaves of earlier data, it is on these rows, in that order, as far as they are not held out.
        Tensors that are not shared start each round as the job's seed makes them. With `keep` false nothing is left in
        the scratch folder. The weight is the number of samples, at most what the job admits. Raises UsageError for data
        or settings that do not train, or a task that fails or returns an impossible result, NotRepresentable for a
        model that leaves the ledger's integers. The scratch folder is then as it was.
        """
        return self.train_on(self.split(path, again), base, path, number, seed, keep=keep, report=report)

    def train_on(
        self,
        divided: Split,
        base: Stream,
        path: Path,
        number: int,
        seed: int,
        *,
        keep: bool = True,
        report: ProgressReport = unreported,
    ) -> Trained:
        """The same on data that are divided already. Raises as `train`."""
        layout, model = self.job.layout, self._model()
        load_shared(self.task, model, layout, base)
        with self.scratch.training(number, keep=keep) as folder, located(path):
            settings, noise = self.job.task.settings, self._noise(base, number, divided)
            context = context_of(self.task, model, number, seed, self.device, folder, settings, report, noise)
            returned = self.task.train(model, divided.trained, context)
            update = difference(layout, stream_of(shared_state(self.task, model), layout), base)
            result = answers.trained(self.task.name, returned)
        weight = min(result.samples, self.job.admission.max_weight)
        return Trained(update, weight, result, self.device, divided.leaves)

    def evaluate(self, model: Stream, path: Path, rows: Rows = "own_file") -> dict[str, float]:
        """The task's figures for a global model on these rows of the data in `path`. Raises as `rows`."""
        loaded, data = self._loaded(model), self.rows(path, rows)
        with located(path):
            return answers.figures(self.task.name, self.task.evaluate(loaded, data))

    def counts(self, model: Stream, path: Path, rows: Rows = "own_file") -> Counts | None:
        """What the task counts of a global model on these rows. Raises as `rows`."""
        loaded, data = self._loaded(model), self.rows(path, rows)
        with located(path):
            return answers.counts(self.task.name, self.task.counts(loaded, data))

    def _noise(self, base: Stream, number: int, divided: Split) -> Noise | None:
        """The round's noise, from the party's own salt. Raises UsageError where the job asks for noise without one."""
        if self.job.dp is None:
            return None
        if not self.salt:
            raise UsageError("noise is made by a home's salt", job=self.job.name)
        return Noise.of(self.job.dp, noise_seed(self.salt, self.job.digest, number, root_of(base), divided.leaves))

    def _loaded(self, model: Stream) -> torch.nn.Module:
        """A global model to evaluate, in the same module for every one."""
        if self._evaluated is None:
            self._evaluated = self._model()
        load_shared(self.task, self._evaluated, self.job.layout, model)
        return self._evaluated

    def _model(self) -> torch.nn.Module:
        return place(self.task.build_model(self.job.initial_model.seed), self.device)
