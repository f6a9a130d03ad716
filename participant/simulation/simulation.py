"""A simulation from the request to its results: round by round."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from time import process_time
from typing import Any, Literal

import torch

from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job
from ledger.party.workers.staff import Engine, crew_of
from ledger.rounds.facts import Place, model_binding
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream
from participant.simulation.clients import SimulatedClient, clients_of, digest_of, digests_of, held_out
from participant.simulation.consortium import check_clients, check_open, consortium
from participant.simulation.job import initial_stream, job_of
from participant.simulation.orders import DataFile, SimulatedSetup, encode
from participant.simulation.partitions import parse
from participant.simulation.record import Row, SimulationRequest
from participant.simulation.registration import Registrar, Unregistered, root_registrar
from participant.simulation.results import Results
from participant.simulation.training import Alone
from participant.simulation.ways import training_of, way_of
from participant.simulation.workforce import Workforce, staffing_of, trade_of
from participant.tasks import answers
from participant.tasks.devices import place
from participant.tasks.machine import Machine
from participant.tasks.protocol import Task
from participant.tasks.seam import load_data
from participant.tasks.sharing import load_shared
from participant.tasks.training import Local

Ledger = Literal["none", "root", "full"]
CLIENTS = 10
"""Clients who share one file's rows, where nobody says how many."""
NOWHERE = Place(0, "")
"""The place of models that are bound to no ledger."""
JOB = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `exact` None leaves the way of training to the number of clients; `clients` None leaves their
    number to the files: one for each of several, else 10; `workers` None leaves theirs to the cores and the work.
    """

    job: Path
    data: tuple[Path, ...]
    test: Path | None
    clients: int | None
    rounds: int | None
    partition: str
    ledger: Ledger
    seed: int
    exact: bool | None
    device: str
    folder: Path
    workers: int | None = None
    engine: Engine = "processes"


@dataclass(slots=True)
class Seconds:
    """Processor time, of all processes: of training, of evaluation, and of all else but the start of workers."""

    training: float = 0.0
    evaluation: float = 0.0
    ledger: float = 0.0


class Simulation:
    """A job on simulated clients. Making one reads everything and raises what can be known before the first round."""

    def __init__(self, wanted: Wanted) -> None:
        clients = _number_of_clients(wanted)
        if wanted.ledger == "full":
            check_clients(clients)
        job = job_of(wanted.job, clients, lambda pieces, _: cid_of(pieces)[0])
        if wanted.ledger == "full":
            check_open(job)
        self.wanted, self.rounds = wanted, wanted.rounds or job.terms.rounds
        self.local = Local.of(job, Machine(wanted.device, self._scratch))
        self.initial = initial_stream(self.local)
        partition = parse(wanted.partition)
        self._digests = digests_of(wanted.data)
        self.clients = clients_of(self.local, wanted.data, partition, clients, wanted.seed)
        if digests_of(wanted.data) != self._digests:
            raise UsageError("a file of rows changed while it was read", files=", ".join(map(str, wanted.data)))
        way = way_of(wanted.exact, self.local, len(self.clients))
        self.training = training_of(way, self.local, self.clients, self._scratch)
        paying, units = way.exact and self.local.device == "cpu", len(self.training.units)
        self.staffing = staffing_of(wanted.workers, wanted.engine, paying=paying, units=units)
        self.evaluation = Yardstick(self.local, self.clients, wanted.test)
        self.results, self._model = Results.open(wanted.folder, job.layout, self._request(job), self.initial)
        self.seconds = Seconds()

    @property
    def job(self) -> Job:
        return self.local.job

    @property
    def done(self) -> int:
        """Rounds that are done."""
        return len(self.results.rows)

    def run(self, advance: Callable[[Row], None] = lambda _: None) -> list[Path]:
        """All rounds that are left; the files of the results, which are written even where this is interrupted."""
        try:
            with self._registrar() as registrar, closing(self._workforce()) as workforce:
                for number in range(self.done + 1, self.rounds + 1):
                    advance(self._round(number, registrar, workforce))
        finally:
            files = self.results.finish()
        return files

    def _round(self, number: int, registrar: Registrar, workforce: Workforce) -> Row:
        began, trained, elsewhere = process_time(), 0.0, 0.0
        base, tally = self._model, registrar.tally(number, self.clients)
        for batch in workforce.train(base, number):
            tally.take(batch)
            trained += batch.training
            elsewhere += batch.elsewhere
        made = tally.finish(base)
        self._model = base if made.model is None else made.model
        tx = registrar.register(number, made)
        start = process_time()
        figures = self.evaluation.figures(self._model)
        evaluated = process_time() - start
        row = Row(
            round=number,
            admitted=made.admitted,
            training_loss=_finite(made.loss),
            model_root=root_of(self._model).hex(),
            why=made.why,
            updates_root=made.updates_root.hex(),
            tx=tx,
            figures={name: _finite(value) for name, value in figures.items()},
        )
        self.results.add(row, self._model, self._binding(number, base), made.entries)
        self.seconds.training += trained
        self.seconds.evaluation += evaluated
        self.seconds.ledger += process_time() - began + elsewhere - trained - evaluated
        return row

    def _binding(self, number: int, base: Stream) -> Binding:
        return model_binding(NOWHERE, JOB, number, root_of(base))

    @property
    def _scratch(self) -> Path:
        return self.wanted.folder.absolute() / "scratch"

    def _workforce(self) -> Workforce:
        workers, engine, when_it_pays = self.staffing
        trade = trade_of(self.training, self.job.layout.values)
        here = workers == 1 and engine == "processes"
        hire = None if here else lambda: crew_of(engine, trade, encode(self._setup()), workers)
        left = len(self.training.units) * (self.rounds - self.done)
        return Workforce(self.training, self.local, left, hire, when_it_pays)

    def _setup(self) -> SimulatedSetup:
        wanted = self.wanted
        return SimulatedSetup(
            job=self.job.encode(),
            data=tuple(
                DataFile(path=str(path.absolute()), digest=digest)
                for path, digest in zip(wanted.data, self._digests, strict=True)
            ),
            partition=wanted.partition,
            clients=len(self.clients),
            seed=wanted.seed,
            exact=isinstance(self.training, Alone),
            device=self.local.device,
            scratch=str(self._scratch),
            threads=torch.get_num_threads(),
        )

    def _registrar(self) -> AbstractContextManager[Registrar]:
        wanted, home = self.wanted, Home(self.wanted.folder)
        if wanted.ledger == "none" or self.done >= self.rounds:
            return nullcontext(Unregistered(self.job))
        if wanted.ledger == "root":
            return root_registrar(home, self.job, self.results.rows)
        if self.rounds > self.job.terms.rounds:
            raise UsageError(
                "the job has fewer rounds than are to be on record",
                advice="let the draft's [terms] say more rounds, or simulate with --ledger root",
                rounds=self.job.terms.rounds,
                wanted=self.rounds,
            )
        return consortium(home, self.job, len(self.clients), wanted.seed, self.initial, self.done)

    def _request(self, job: Job) -> SimulationRequest:
        wanted = self.wanted
        return SimulationRequest(
            job=job.digest.hex(),
            data=self._digests,
            test=digest_of(wanted.test) if wanted.test else "",
            clients=len(self.clients),
            partition=wanted.partition if len(wanted.data) == 1 else "files",
            ledger=wanted.ledger,
            seed=wanted.seed,
            exact=isinstance(self.training, Alone),
            device=self.local.device,
        )


class Yardstick:
    """A model's figures on rows that are the same in every round. `rows` says in words which."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient], test: Path | None) -> None:
        self._local, task = local, local.task
        self._model = place(task.build_model(local.job.initial_model.seed), local.device)
        if test is not None:
            self._data, self.rows = load_data(task, test, local.device), "the test file"
            return
        self._data, self.rows = held_out(task, clients), "what the clients hold out"
        if self._data is None and not local.job.hold_out:
            self._data, self.rows = _all(task, clients), "what the clients train on"
        if self._data is None:
            raise UsageError(
                "the job's task does not join data, so there is nothing to evaluate on",
                advice="name rows that nobody trains on with --test FILE",
                task=task.name,
            )

    def figures(self, model: Stream) -> dict[str, float]:
        """The task's figures of a model."""
        task = self._local.task
        load_shared(task, self._model, self._local.job.layout, model)
        return answers.figures(task.name, task.evaluate(self._model, self._data))


def _number_of_clients(wanted: Wanted) -> int:
    """Raises UsageError for several files and another number of clients."""
    files = len(wanted.data)
    if files > 1 and wanted.clients not in (None, files):
        raise UsageError(
            "with several data files there is one client for each",
            advice="leave --clients out, or name one file whose rows are dealt",
            files=files,
            clients=wanted.clients,
        )
    return files if files > 1 else wanted.clients or CLIENTS


def _all(task: Task, clients: Sequence[SimulatedClient]) -> Any | None:
    parts = [client.data.trained for client in clients]
    return task.join(parts) if len(parts) > 1 else parts[0]


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
