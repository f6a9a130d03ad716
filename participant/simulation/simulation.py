"""A simulation from the request to its results: round by round."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from time import process_time
from typing import Literal

import torch

from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job
from ledger.party.workers.staff import Engine, crew_of
from ledger.rounds.facts import Place, model_binding
from participant.integers.artifacts import root_of
from participant.integers.fixed_point import Stream
from participant.simulation.buffers import TICKS, Buffers, Newest, Slow
from participant.simulation.clients import clients_of, digest_of, digests_of
from participant.simulation.consortium import check_clients, check_open, consortium
from participant.simulation.drifts import WentSoFar
from participant.simulation.edges import EdgesConsortium, with_edges
from participant.simulation.job import initial_stream, job_of
from participant.simulation.orders import DataFile, SimulatedSetup, encode
from participant.simulation.partitions import parse
from participant.simulation.record import Row, SimulationRequest
from participant.simulation.registration import Registrar, Tally, Unregistered, root_registrar
from participant.simulation.results import Results
from participant.simulation.state import roots_of
from participant.simulation.training import Alone, Batch, Wish
from participant.simulation.ways import training_of, way_of
from participant.simulation.workforce import Workforce, staffing_of, trade_of
from participant.simulation.yardstick import Yardstick
from participant.tasks.machine import Machine
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
    number to the files: one for each of several, else 10; `workers` None leaves theirs to the cores and the work. The
    clients are behind so many `edges`; 0 makes each a member. `slow` clients, COUNT:TIMES, are those of a buffered job.
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
    edges: int = 0
    slow: str = ""


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
        if wanted.edges and wanted.ledger != "full":
            raise UsageError(
                "edges make the same model as one sum of all clients, which this simulation makes",
                advice="leave --edges out, or put all on record with --ledger full",
                ledger=wanted.ledger,
            )
        members = wanted.edges or clients
        if wanted.ledger == "full":
            check_clients(members)
        job = job_of(wanted.job, members, lambda pieces, _: cid_of(pieces)[0])
        self._lists: list[EdgeMembers] = []
        if wanted.edges:
            job, self._lists = with_edges(job, wanted.edges, clients, wanted.seed)
        if wanted.ledger == "full":
            check_open(job)
        self.wanted, self.rounds = wanted, wanted.rounds or job.terms.rounds
        self.local = Local.of(job, Machine(wanted.device, self._scratch))
        self.initial = initial_stream(self.local, wanted.job)
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
        found = Results.open(wanted.folder, job, self._request(job), self.initial)
        self.results, self._model, state, self._before = found
        self._state = () if wanted.ledger == "full" else state
        self._went, self._buffers = WentSoFar(job), self._buffers_of(job)
        if self.results.clients:
            (self._buffers or self._went).restore(self.results.clients)
        self.seconds, self._elsewhere = Seconds(), 0.0

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
        began, before, elsewhere = process_time(), self.seconds.training, self._elsewhere
        base, tally = self._model, registrar.tally(number, self.clients)
        for batch in self._batches(number, tally, workforce):
            tally.take(batch)
        made = tally.finish(base, self._state, self._before)
        if made.model is not None:
            self._model, self._state, self._before = made.model, made.state, base
        if self._buffers:
            self._buffers.ended(made=made.model is not None)
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
            state=roots_of(self.job, self._state),
            time=self._buffers.opens / TICKS if self._buffers else None,
            staleness=made.staleness if self._buffers else None,
            figures={name: _finite(value) for name, value in figures.items()},
        )
        kept = (self._buffers or self._went).encode()
        self.results.add(row, self._model, self._state, self._binding(number, base), made.entries, kept)
        self.seconds.evaluation += evaluated
        spent = process_time() - began + self._elsewhere - elsewhere
        self.seconds.ledger += spent - (self.seconds.training - before) - evaluated
        return row

    def _batches(self, number: int, tally: Tally, workforce: Workforce) -> Iterator[Batch]:
        """The updates of a round: of all clients, or those of the next buffer."""
        train = partial(self._timed, workforce)
        if self._buffers:
            newest = Newest(self._model, self.results.model_round, root_of(self._model))
            yield from self._buffers.collect(newest, train)
            return
        drifts = [partial(tally.drift, unit[0], self._state) for unit in self.training.units]
        yield from train(self._model, [Wish(place, number, 0, drift) for place, drift in enumerate(drifts)])

    def _timed(self, workforce: Workforce, base: Stream, wishes: Sequence[Wish]) -> Iterator[Batch]:
        for batch in workforce.train(base, wishes):
            self.seconds.training += batch.training
            self._elsewhere += batch.elsewhere
            yield batch

    def _finals(self) -> Iterator[bytes]:
        """The tensor roots of the models so far, newest first."""
        return (bytes.fromhex(row.model_root) for row in reversed(self.results.rows) if not row.why)

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
        each = self._buffers.size if self._buffers else len(self.training.units)
        left = each * (self.rounds - self.done)
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
        unregistered = Unregistered(self.job, self._went, self._buffers.age if self._buffers else lambda _: 0)
        if wanted.ledger == "none" or self.done >= self.rounds:
            return nullcontext(unregistered)
        if wanted.ledger == "root":
            return root_registrar(home, unregistered, self.results.rows)
        if self.rounds > self.job.terms.rounds:
            raise UsageError(
                "the job has fewer rounds than are to be on record",
                advice="let the draft's [terms] say more rounds, or simulate with --ledger root",
                rounds=self.job.terms.rounds,
                wanted=self.rounds,
            )
        if wanted.edges:
            edges = partial(EdgesConsortium, lists=self._lists)
            return consortium(home, self.job, wanted.edges, wanted.seed, self.initial, self.done, edges)
        return consortium(home, self.job, len(self.clients), wanted.seed, self.initial, self.done)

    def _buffers_of(self, job: Job) -> Buffers | None:
        """None in a job whose rounds wait for everyone. Raises UsageError for slow clients of such a job."""
        slow = Slow.parse(self.wanted.slow) if self.wanted.slow else Slow()
        if job.buffered is not None:
            return Buffers(job, self.wanted.seed, len(self.clients), slow, self._finals)
        if slow.clients:
            raise UsageError(
                "rounds wait for slow clients, so these change no model",
                advice='leave --slow out, or let the draft say schedule.mode = "buffered"',
                slow=self.wanted.slow,
            )
        return None

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
            slow=wanted.slow,
        )


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


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
