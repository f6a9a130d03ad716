"""What a simulation leaves in its folder: what it was asked, a row for each round, and the latest model.

simulation.json          the request and the rows, written again as the simulation goes on
model-ROUND.safetensors  the latest model, as an artifact
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
from ledger.formats.artifact import Layout
from ledger.formats.header import Binding
from ledger.formats.strict import Strict
from ledger.store.disk import publish, translated
from participant.integers.artifacts import file_of, root_of, stream_of_body
from participant.integers.fixed_point import Stream
from participant.simulation.charts import charts
from participant.simulation.record import COLUMNS, Row, SimulationRequest, figure_names

PAUSE = 1.0
"""Seconds between two times that the state is written, at least; with every update on a ledger it always is."""
STATE, TABLE = "simulation.json", "rounds.csv"


class _State(Strict, frozen=True):
    request: SimulationRequest
    rows: tuple[Row, ...]
    model_round: int


class Results:
    """The folder of one simulation, begun or gone on with (`open`)."""

    def __init__(self, folder: Path, layout: Layout, request: SimulationRequest) -> None:
        self.folder, self._layout, self._request = folder, layout, request
        self.rows: list[Row] = []
        self.model_round = 0
        self._latest: tuple[Stream, Binding] | None = None
        self._written = 0.0

    @classmethod
    def open(
        cls, folder: Path, layout: Layout, request: SimulationRequest, initial: Stream
    ) -> "tuple[Results, Stream]":
        """The results as they are, and the model to go on from.

        Raises UsageError where the folder holds another simulation, Malformed where what it holds was changed.
        """
        results = cls(folder, layout, request)
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not (folder / STATE).exists():
            return results, initial
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
        return results, results._model() if state.model_round else initial

    def add(self, row: Row, model: Stream, binding: Binding, entries: Sequence[bytes]) -> None:
        """A further round, the model after it, and what stands for its updates, where that is registered."""
        if entries:
            folder = self.folder / "updates"
            with translated(folder):
                folder.mkdir(exist_ok=True)
                (folder / f"{row.round}.bin").write_bytes(b"".join(entries))
        self.rows.append(row)
        if not row.why:
            self.model_round, self._latest = row.round, (model, binding)
        if self._request.ledger == "full" or time.monotonic() - self._written >= PAUSE:
            self.save()

    def save(self) -> None:
        """Write the state now. Raises Unavailable where the disk does not take it."""
        if not self.rows:
            return
        if self._latest is not None:
            model, binding = self._latest
            _write(self._path(self.model_round), b"".join(file_of(self._layout, binding, model)))
        state = _State(self._request, tuple(self.rows), self.model_round)
        _write(self.folder / STATE, msgspec.json.format(msgspec.json.encode(state), indent=1))
        for path in self.folder.glob("model-*.safetensors"):
            if path != self._path(self.model_round):
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

    def _path(self, number: int) -> Path:
        return self.folder / f"model-{number}.safetensors"

    def _model(self) -> Stream:
        path = self._path(self.model_round)
        with translated(path):
            body = path.read_bytes()[self._layout.header_size :]
        stream = stream_of_body(self._layout, [body])
        known = next(row.model_root for row in self.rows if row.round == self.model_round)
        if root_of(stream).hex() != known:
            raise Malformed("the latest model is not the one of its round", file=str(path), expected=known)
        return stream


def _table(rows: list[Row]) -> str:
    names = figure_names(rows)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*COLUMNS, *names))
    for row in rows:
        own = (getattr(row, column) for column in COLUMNS)
        table.writerow(["" if cell is None else cell for cell in (*own, *(row.figures.get(name) for name in names))])
    return text.getvalue()


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with translated(path):
        draft.write_bytes(content)
    publish(draft, path)
