"""The state of a job's server optimiser in a simulation without a ledger: streams in memory, and their files beside the
model's (`ledger.rounds.server_state`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ledger.errors import Malformed
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.jobs.document import Job
from ledger.rounds.optimisers import Turnout
from ledger.rounds.rules.arithmetic import Ints, Sums, add
from ledger.rounds.server_state import Step, binding_of, layout_of
from ledger.store.disk import translated

State = tuple[Sums, ...]
"""The values of each stream, in the order of the job's optimiser; nothing where a ledger has them."""


def first_state(job: Job) -> State:
    """That of the initial model."""
    return tuple(np.zeros(job.layout.values, np.int64) for _ in job.server.streams)


def advanced(job: Job, base: Ints, mean: Sums, state: State, turnout: Turnout) -> tuple[Ints, State]:
    """The next model and state, by the ledger's own arithmetic. Raises Saturated where a value does not fit."""
    change, after = Step(job.server, job.layout, turnout, (), lambda *_: iter(())).apply(0, mean, state)
    return add(base, change, 0), tuple(after)


def roots_of(job: Job, state: State) -> tuple[str, ...]:
    """The tensor root of each stream, in hexadecimal."""
    return tuple(root_of(data).hex() for _, data in _bodies(job, state))


def files_of(job: Job, model: Binding, state: State) -> Iterator[tuple[str, bytes]]:
    """Each stream's name, and its file."""
    for name, data in _bodies(job, state):
        yield name, layout_of(job.layout, name).header(binding_of(model, name)) + data


def read_state(job: Job, paths: dict[str, Path], roots: tuple[str, ...]) -> State:
    """The state in these files. Raises Malformed where one does not have its root, Unavailable where it is not here."""
    state = list[Sums]()
    for (name, path), root in zip(paths.items() if roots else (), roots, strict=True):
        layout = layout_of(job.layout, name)
        with translated(path):
            body = path.read_bytes()[layout.header_size :]
        if root_of(body).hex() != root or len(body) != layout.width * layout.values:
            raise Malformed("the state of the latest model is not that of its round", file=str(path), expected=root)
        state.append(np.frombuffer(body, "<i8" if layout.width == 8 else "<i4").astype(np.int64))
    return tuple(state)


def _bodies(job: Job, state: State) -> Iterator[tuple[str, bytes]]:
    for name, values in zip(job.server.streams if state else (), state, strict=True):
        yield name, values.astype("<i8" if layout_of(job.layout, name).width == 8 else "<i4").tobytes()
