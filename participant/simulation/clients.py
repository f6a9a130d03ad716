"""The simulated clients: what each one trains on, and what it holds out."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ledger.errors import FedledgerError, UsageError
from ledger.formats.digest import encode, sha256
from ledger.formats.rows import Draw
from participant.simulation.partitions import Iid, Partition, divide
from participant.tasks import answers
from participant.tasks.protocol import Task
from participant.tasks.seam import located
from participant.tasks.split import Split, leaves_of, split, tells_rows
from participant.tasks.training import Local


@dataclass(frozen=True, slots=True)
class SimulatedClient:
    """A client by its number, from 0: its data, divided, the file they come from, and its salt."""

    index: int
    path: Path
    data: Split
    salt: bytes


def clients_of(
    local: Local, files: Sequence[Path], partition: Partition, clients: int, seed: int
) -> list[SimulatedClient]:
    """The clients of a simulation: one for each file where there are several, else `clients` who share one file's rows.

    Raises UsageError where the rows cannot be dealt so, or the task or its data fail.
    """
    if len(files) > 1:
        return [_client(local, index, path, local.data(path), seed) for index, path in enumerate(files)]
    path, task = files[0], local.task
    if not tells_rows(task):
        raise UsageError(
            "the job's task does not tell the rows of its data apart, so they cannot be dealt to clients",
            advice="let the task have `leaves` and `part` (docs/tasks.md), or name one --data file for each client",
            task=task.name,
        )
    data = local.data(path)
    with located(path):
        rows = len(leaves_of(task, data, path))
        places = divide(partition, rows if isinstance(partition, Iid) else _classes(task, data, rows), clients, seed)
        parts = [task.part(data, own) for own in places]
    return [_client(local, index, path, part, seed) for index, part in enumerate(parts)]


@contextmanager
def of_client(index: int, **facts: object) -> Iterator[None]:
    """Add the client's number, and further facts, to what is known of a failure."""
    try:
        yield
    except FedledgerError as error:
        error.facts = MappingProxyType({"client": index, **facts, **error.facts})
        raise


def digest_of(path: Path) -> str:
    """The digest by which a file is known again."""
    return sha256(path.read_bytes()).hex()


def digests_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """The same of several; none of one that cannot be read, which reading it says."""
    return tuple(digest_of(path) if path.is_file() and os.access(path, os.R_OK) else "" for path in paths)


def salt_of(seed: int, client: int) -> bytes:
    """The salt by which a client's rows are divided and bound."""
    return sha256(encode(["simulated salt", seed, client]))


def held_out(task: Task, clients: Sequence[SimulatedClient]) -> Any | None:
    """What all clients hold out, as one; None where nothing is held out."""
    parts = [client.data.held_out for client in clients]
    if any(part is None for part in parts):
        return None
    return task.join(parts) if len(parts) > 1 else parts[0]


def _client(local: Local, index: int, path: Path, data: Any, seed: int) -> SimulatedClient:
    salt = salt_of(seed, index)
    draw = Draw(local.job.digest, salt, local.job.hold_out)
    with of_client(index), located(path):
        return SimulatedClient(index, path, split(local.task, data, path, draw), salt)


def _classes(task: Task, data: Any, rows: int) -> list[int]:
    """The class of each row. Raises UsageError for data that have none."""
    targets = getattr(data, "targets", None)
    numbers = getattr(targets, "tolist", lambda: None)()
    if isinstance(numbers, list) and len(numbers) == rows and all(type(one) is int for one in numbers):
        return numbers
    raise UsageError(
        "the rows of this task's data have no classes",
        advice="use --partition iid, or let load_data return whole numbers as `targets`",
        task=task.name,
        actual=answers.shown(targets),
    )
