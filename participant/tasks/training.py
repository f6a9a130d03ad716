"""What a node does for a job on its own machine: the task, the private data, and one round's training.

Nothing here reaches chain or store. On the CPU training is deterministic: the same seed, base model, data and scratch
folder give the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ledger.errors import UsageError
from ledger.formats.digest import sha256
from ledger.formats.rows import Draw
from ledger.jobs.document import Job
from ledger.releases.counts import Counts
from ledger.releases.report import Rows
from ledger.releases.sums import Sums
from participant.integers.artifacts import root_of
from participant.integers.compression import RESIDUE, VALUES, compressed, residue_of
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import stream_of
from participant.privacy.noise import Noise
from participant.privacy.randomness import noise_seed
from participant.private.head import read_head
from participant.private.tensors import MODEL, NOTHING, PERSONAL, Sections, encode
from participant.tasks import answers
from participant.tasks.correction import correction_of
from participant.tasks.data.version import file_version
from participant.tasks.devices import choose, place
from participant.tasks.discovery import require
from participant.tasks.learning import require_correcting, require_noisy
from participant.tasks.machine import Machine
from participant.tasks.optimisers import few_threads
from participant.tasks.protocol import Personal, ProgressReport, Task, TrainResult, unreported
from participant.tasks.scratch import Scratch
from participant.tasks.seam import load_data, located
from participant.tasks.sharing import context_of, load_own, load_shared, private_state, shared_state, whole_state
from participant.tasks.split import Split, leaves_of, pick, split


@dataclass(frozen=True, slots=True)
class Trained:
    """An update before it is stored: its integers, the weight it asks for, what training said, and where it ran.

    `leaves` are those of all rows of its data, held out or not, in their order; `own` is what stays at home, by section
    (`participant.private.tensors`), for the next round; `asked` are digests of the rows that an analysis is about.
    """

    update: Stream
    weight: int
    result: TrainResult
    device: str
    leaves: tuple[bytes, ...]
    own: Sections = field(default_factory=lambda: NOTHING)
    asked: Mapping[str, bytes] = field(default_factory=dict)


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
    _start: dict[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, machine: Machine, rank: int = 0, salt: bytes = b"") -> "Local":
        """As the process `rank` of a launcher's, each of which has a scratch folder of its own."""
        chosen = require(job.task).create(job.task.settings, job.preparation)
        if job.analysis is not None:
            chosen.analyse(job.analysis)
        if job.row_noise is not None:
            require_noisy(chosen, job.task.settings)
        if job.private.tensors and (own := read_head(machine.head, job.task.name)):
            chosen.adapt(own)
        if job.server.corrects:
            require_correcting(chosen, job.server.name)
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
        drift: Stream | None = None,
        report: ProgressReport = unreported,
        own: Sections = NOTHING,
    ) -> Trained:
        """The training of round `number` on the data in `path` that are not held out, from the base model.

        With `again`, the leaves of earlier data, it is on these rows, in that order, as far as they are not held out.
        The job's private tensors start as `own` has them, or else as the job's seed makes them, like others that are
        not shared do in each round. With `keep` false nothing is left in the scratch folder. `drift` is what corrects
        the steps, where the job's server optimiser does. The weight is the number of samples, at most what the job
        admits. Raises UsageError for data or settings that do not train, or a task that fails or returns an impossible
        result, NotRepresentable for a model that leaves the ledger's integers. The scratch folder is then as it was.
        """
        divided, given = self.split(path, again), {"drift": drift, "report": report, "own": own}
        return self.train_on(divided, base, path, number, seed, keep=keep, **given)  # type: ignore[arg-type]

    def train_on(
        self,
        divided: Split,
        base: Stream,
        path: Path,
        number: int,
        seed: int,
        *,
        keep: bool = True,
        drift: Stream | None = None,
        report: ProgressReport = unreported,
        own: Sections = NOTHING,
    ) -> Trained:
        """The same on data that are divided already. Raises as `train`."""
        layout, private, model = self.job.layout, self.job.private.tensors, self._model()
        load_shared(self.task, model, layout, base, private)
        load_own(self.task, model, own.get(MODEL, {}))
        with self.scratch.training(number, keep=keep) as folder, located(path):
            settings, noise = self.job.task.settings, self._noise(base, number, divided, own)
            correction = correction_of(self.job, drift, shared_state(self.task, model, private))
            said = (number, seed, self.device, folder, settings, report, noise, correction)
            context = context_of(self.task, model, *said, private)
            returned = self.task.train(model, divided.trained, context)
            update = difference(layout, stream_of(shared_state(self.task, model, private), layout), base)
            update, residue = compressed(self.job, update, residue_of(self.job, own))
            result = answers.trained(self.task.name, returned)
            left = {MODEL: private_state(self.task, model, private)} if private else {}
            left |= {} if residue is None else {RESIDUE: {VALUES: torch.from_numpy(residue)}}
            asked = dict(self.task.asked(divided.trained)) if self.job.analysis is not None else {}
        weight = min(result.samples, self.job.admission.max_weight)
        return Trained(update, weight, result, self.device, divided.leaves, left, asked)

    def personalise(
        self, base: Stream, path: Path, number: int, seed: int, personal: Personal, own: Sections
    ) -> Trained:
        """A personal model: all tensors of the model of round `number` trained on for so many steps, on the rows that
        are not held out; `own` are the job's private tensors. Nothing is left in the scratch folder, and nothing of it
        is an update: its integers are zeros. Raises as `train`, and UsageError for a task that does not train so.
        """
        layout, private, model = self.job.layout, self.job.private.tensors, self._model()
        divided = self.split(path)
        load_shared(self.task, model, layout, base, private)
        load_own(self.task, model, own.get(MODEL, {}))
        with self.scratch.training(number + 1, keep=False) as folder, located(path):
            settings, at = self.job.task.settings, (number, seed, self.device, folder)
            context = context_of(self.task, model, *at, settings, private=private, personal=personal)
            result = answers.trained(self.task.name, self.task.train(model, divided.trained, context))
        if not personal.heard:
            raise UsageError(
                "this task does not train by steps, so it makes no personal model",
                advice="let it train by `participant.tasks.learning.learn` (docs/personal.md)",
                task=self.task.name,
            )
        left = {PERSONAL: whole_state(self.task, model)}
        return Trained(np.zeros(layout.values, np.int32), 1, result, self.device, divided.leaves, left)

    def evaluate(self, model: Stream, path: Path, rows: Rows = "own_file", own: Sections = NOTHING) -> dict[str, float]:
        """The task's figures for a global model on these rows of the data in `path`, with a party's own tensors in it
        where there are some. Raises as `rows`.
        """
        loaded, data = self._loaded(model, own), self.rows(path, rows)
        with located(path), few_threads(loaded):
            return answers.figures(self.task.name, self.task.evaluate(loaded, data))

    def counts(self, model: Stream, path: Path, rows: Rows = "own_file", own: Sections = NOTHING) -> Counts | None:
        """What the task counts of the same on these rows. Raises as `rows`."""
        loaded, data = self._loaded(model, own), self.rows(path, rows)
        with located(path), few_threads(loaded):
            return answers.counts(self.task.name, self.task.counts(loaded, data))

    def sums(self, model: Stream, path: Path, rows: Rows = "own_file", own: Sections = NOTHING) -> Sums | None:
        """What the task sums of the same on these rows. Raises as `rows`."""
        loaded, data = self._loaded(model, own), self.rows(path, rows)
        with located(path), few_threads(loaded):
            return answers.sums(self.task.name, self.task.sums(loaded, data))

    def _noise(self, base: Stream, number: int, divided: Split, own: Sections) -> Noise | None:
        """The round's noise, from the party's own salt and all that training starts from: the same noise is never on
        two updates. Raises UsageError where the job asks for noise without a salt.
        """
        if self.job.row_noise is None:
            return None
        if not self.salt:
            raise UsageError("noise is made by a home's salt", job=self.job.name)
        start = root_of(base)
        if own:
            start = sha256(start + encode(own, self.job.digest, number))
        return Noise.of(self.job.row_noise, noise_seed(self.salt, self.job.digest, number, start, divided.leaves))

    def _loaded(self, model: Stream, own: Sections) -> torch.nn.Module:
        """A global model to evaluate, in the same module for every one; what is not shared is as the job's seed makes
        it, or as `own` has it. A personal model is in a module of its own.
        """
        private = self.job.private.tensors
        if own.get(PERSONAL):
            load_own(self.task, module := self._model(), own[PERSONAL])
            return module
        if self._evaluated is None:
            self._evaluated = self._model()
            start = private_state(self.task, self._evaluated, private) if private else {}
            self._start = {name: tensor.clone() for name, tensor in start.items()}
        load_shared(self.task, self._evaluated, self.job.layout, model, private)
        if private:
            load_own(self.task, self._evaluated, {**self._start, **own.get(MODEL, {})})
        return self._evaluated

    def _model(self) -> torch.nn.Module:
        return place(self.task.build_model(self.job.initial_model.seed), self.device)
