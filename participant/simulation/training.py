"""How the clients of a round are trained: each one as a node trains it, or many at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Protocol

from participant.integers.fixed_point import Stream
from participant.node.updates import seed_of
from participant.simulation.clients import SimulatedClient, of_client
from participant.tasks.scratch import Scratch
from participant.tasks.training import Local


@dataclass(frozen=True, slots=True)
class Batch:
    """Clients that were trained together: one row of `updates` each, its integers, with its samples and mean loss.

    Processor time, in seconds: `training` is what that took, `elsewhere` all that another process spent on it.
    """

    clients: Sequence[int]
    updates: Stream
    samples: Sequence[int]
    losses: Sequence[float]
    training: float
    elsewhere: float = 0.0


class Training(Protocol):
    """One way to train all clients, unit by unit; units do not depend on each other."""

    @property
    def way(self) -> str:
        """In words, how it is done."""

    @property
    def units(self) -> Sequence[Sequence[int]]:
        """The clients that are trained at once, each of all in one unit."""

    def fit(self, place: int, base: Stream, number: int) -> Batch:
        """Train the unit at a place from the base model of round `number`. Raises as
        `participant.tasks.training.Local.train`, naming client, round and task.
        """


class Alone:
    """Each client by the task's own method, with a scratch folder of its own: to the bytes what its node would do."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient], scratch: Path, why: str) -> None:
        self.way = f"one by one, to the bytes as nodes train ({why})"
        self.units = [(client.index,) for client in clients]
        self._clients = clients
        self._locals = [
            replace(local, scratch=Scratch(scratch / str(client.index)), salt=client.salt) for client in clients
        ]

    def fit(self, place: int, base: Stream, number: int) -> Batch:
        began, client, local = process_time(), self._clients[place], self._locals[place]
        seed = seed_of(local.job.digest, number, client.index)
        with of_client(client.index, round=number, task=local.task.name):
            trained = local.train_on(client.data, base, client.path, number, seed)
        result, update = trained.result, trained.update[None]
        return Batch(self.units[place], update, (result.samples,), (result.loss,), process_time() - began)
