"""How the clients of a round are trained: each one as a node trains it, or many at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from participant.integers.fixed_point import Stream
from participant.node.updates import seed_of
from participant.simulation.clients import SimulatedClient, of_client
from participant.tasks.scratch import Scratch
from participant.tasks.training import Local


@dataclass(frozen=True, slots=True)
class Batch:
    """Clients that were trained together: one row of `updates` each, its integers, with its samples and mean loss;
    `converting` is the time that floats took to become integers, in seconds, where it was measured.
    """

    clients: Sequence[int]
    updates: Stream
    samples: Sequence[int]
    losses: Sequence[float]
    converting: float = 0.0


class Training(Protocol):
    """One round's training of all clients."""

    @property
    def way(self) -> str:
        """In words, how it is done."""

    def train(self, base: Stream, number: int) -> Iterator[Batch]:
        """Train all clients from the base model of round `number`, a batch at a time. Raises as
        `participant.tasks.training.Local.train`, naming the client.
        """


class Alone:
    """Each client by the task's own method, with a scratch folder of its own: to the bytes what its node would do."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient], scratch: Path, why: str) -> None:
        self.way = f"one by one, to the bytes as nodes train ({why})"
        self._clients = clients
        self._locals = [replace(local, scratch=Scratch(scratch / str(client.index))) for client in clients]

    def train(self, base: Stream, number: int) -> Iterator[Batch]:
        for client, local in zip(self._clients, self._locals, strict=True):
            seed = seed_of(local.job.digest, number, client.index)
            with of_client(client.index):
                trained = local.train_on(client.data, base, client.path, number, seed)
            result = trained.result
            yield Batch((client.index,), trained.update[None], (result.samples,), (result.loss,))
