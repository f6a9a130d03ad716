"""What a simulation leaves in its folder: what it was asked, a row for each round, and the latest two models.

simulation.json          the request and the rows, written again as the simulation goes on
model-ROUND.safetensors  the latest model and the one before it, as artifacts
state-ROUND-NAME.safetensors  the streams of the latest model's server optimiser
clients-ROUND.msgpack    what clients go on from after the latest round, where they do from anything but the model
rounds.csv, *.svg        the same rows as a table and as charts, written at the end
"""

import csv
import io
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ledger.errors import Malformed, UsageError
from ledger.formats.digest import sha256
from ledger.formats.header import Binding
from ledger.formats.strict import Strict
from ledger.jobs.document import Job
from ledger.store.disk import publish, translated
from participant.integers.artifacts import file_of, root_of, stream_of_body
from participant.integers.fixed_point import Stream
from participant.simulation.charts import charts
from participant.simulation.record import BUFFERED, COLUMNS, Row, SimulationRequest, figure_names
from participant.simulation.state import State, files_of, first_state, read_state

PAUSE = 1.0
"""Seconds between two times that the state is written, at least; with every update on a ledger it always is."""
KEPT = ("model-*.safetensors", "state-*.safetensors", "clients-*.msgpack")
"""Files of which the latest alone are kept."""
STATE, TABLE = "simulation.json", "rounds.csv"


class _State(Strict, frozen=True):
    request: SimulationRequest
    rows: tuple[Row, ...]
    model_round: int
    clients: str = ""
    """The SHA-256 of that file, where there is one."""


class Results:
    """The folder of one simulation, begun or gone on with (`open`)."""

    def __init__(self, folder: Path, job: Job, request: SimulationRequest) -> None:
        self.folder, self._job, self._layout, self._request = folder, job, job.layout, request
        self.rows: list[Row] = []
        self.model_round = 0
        self.clients = b""
        """What clients go on from after the latest round."""
        self._unwritten: dict[int, tuple[Stream, State, Binding]] = {}
        self._written = 0.0

    @classmethod
    def open(
        cls, folder: Path, job: Job, request: SimulationRequest, initial: Stream
    ) -> "tuple[Results, Stream, State, Stream | None]":
        """The results as they are, the model to go on from with its state, and the one that it was built on, if there
        was one.

        Raises UsageError where the folder holds another simulation, Malformed where what it holds was changed.
        """
        results = cls(folder, job, request)
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not (folder / STATE).exists():
            return results, initial, first_state(job), None
        try:
            state = msgspec.json.decode((folder / STATE).read_bytes(), type=_State)
        except msgspec.DecodeError as error:
            raise Malformed("the simulation's state cannot be read", file=str(folder / STATE)) from error
        if state.request != request:
            fields = (
                name
                for name in SimulationRequest.__struct_fields__
                if getattr(state.request, name) != getattr(request, name)
            )
            raise UsageError(
                "the folder holds another simulation",
                advice="name another --folder, or remove this one",
                folder=str(folder),
                differs=", ".join(fields),
            )
        results.rows, results.model_round = list(state.rows), state.model_round
        if state.clients:
            results.clients = results._of_clients(state.clients)
        if not state.model_round:
            return results, initial, first_state(job), None
        models = [initial, *map(results._model, results._models())]
        return results, models[-1], results._state(), models[-2]

    def add(
        self, row: Row, model: Stream, state: State, binding: Binding, entries: Sequence[bytes], clients: bytes
    ) -> None:
        """A further round, the model after it, what stands for its updates, where that is registered, and what clients
        go on from.
        """
        self.clients = clients
        if entries:
            folder = self.folder / "updates"
            with translated(folder):
                folder.mkdir(exist_ok=True)
                (folder / f"{row.round}.bin").write_bytes(b"".join(entries))
        self.rows.append(row)
        if not row.why:
            self.model_round, self._unwritten[row.round] = row.round, (model, state, binding)
            self._unwritten = {number: self._unwritten[number] for number in sorted(self._unwritten)[-2:]}
        if self._request.ledger == "full" or time.monotonic() - self._written >= PAUSE:
            self.save()

    def save(self) -> None:
        """Write the state now. Raises Unavailable where the disk does not take it."""
        if not self.rows:
            return
        for number, (model, kept, binding) in self._unwritten.items():
            _write(self._path(number), b"".join(file_of(self._layout, binding, model)))
            if number == self.model_round:
                for name, file in files_of(self._job, binding, kept):
                    _write(self._state_path(name), file)
        self._unwritten.clear()
        digest = ""
        if self.clients:
            digest = sha256(self.clients).hex()
            _write(self._clients_path, self.clients)
        state = _State(self._request, tuple(self.rows), self.model_round, digest)
        _write(self.folder / STATE, msgspec.json.format(msgspec.json.encode(state), indent=1))
        latest = {*map(self._path, self._models()), *map(self._state_path, self._job.server.streams)}
        latest.add(self._clients_path)
        for path in (found for kind in KEPT for found in self.folder.glob(kind)):
            if path not in latest:
                path.unlink(missing_ok=True)
        self._written = time.monotonic()

    def finish(self) -> list[Path]:
        """Write all there is: state, table and charts; their paths."""
        self.save()
        if not self.rows:
            return []
        files = {TABLE: _table(self.rows), **charts(self.rows)}
        for name, text in files.items():
            _write(self.folder / name, text.encode())
        models = [self._path(self.model_round)] if self.model_round else []
        return [*(self.folder / name for name in files), *models]

    def _models(self) -> list[int]:
        """The latest two rounds that have a model, ascending."""
        return [row.round for row in self.rows if not row.why][-2:]

    def _path(self, number: int) -> Path:
        return self.folder / f"model-{number}.safetensors"

    @property
    def _clients_path(self) -> Path:
        return self.folder / f"clients-{len(self.rows)}.msgpack"

    def _of_clients(self, digest: str) -> bytes:
        path = self._clients_path
        with translated(path):
            data = path.read_bytes()
        if sha256(data).hex() != digest:
            raise Malformed("what clients go on from is not that of the latest round", file=str(path), expected=digest)
        return data

    def _state_path(self, stream: str) -> Path:
        return self.folder / f"state-{self.model_round}-{stream}.safetensors"

    def _state(self) -> State:
        known = next(row.state for row in self.rows if row.round == self.model_round)
        return read_state(self._job, {name: self._state_path(name) for name in self._job.server.streams}, known)

    def _model(self, number: int) -> Stream:
        path = self._path(number)
        with translated(path):
            body = path.read_bytes()[self._layout.header_size :]
        stream = stream_of_body(self._layout, [body])
        known = next(row.model_root for row in self.rows if row.round == number)
        if root_of(stream).hex() != known:
            raise Malformed("a model is not the one of its round", file=str(path), expected=known)
        return stream


def _table(rows: list[Row]) -> str:
    names, columns = figure_names(rows), (*COLUMNS, *(BUFFERED if rows[-1].time is not None else ()))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*columns, *names))
    for row in rows:
        own = (getattr(row, column) for column in columns)
        table.writerow(["" if cell is None else cell for cell in (*own, *(row.figures.get(name) for name in names))])
    return text.getvalue()


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with translated(path):
        draft.write_bytes(content)
    publish(draft, path)
