"""How the clients of a round are trained: each one as a node trains it, or many at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import NamedTuple, Protocol

from ledger.rounds.admission import Verdict, judge_values
from ledger.store import disk
from participant.integers.fixed_point import Stream
from participant.node.trainings import seed_of
from participant.private.states import keeps
from participant.private.tensors import NOTHING, Sections, decode, encode
from participant.simulation.clients import SimulatedClient, of_client
from participant.simulation.noise import within_clip
from participant.tasks.scratch import Scratch
from participant.tasks.training import Local, Trained


@dataclass(frozen=True, slots=True)
class Batch:
    """Clients that were trained together: one row of `updates` each, its integers, with its samples and mean loss.

    Processor time, in seconds: `training` is what that took, `elsewhere` all that another process spent on it. `base`
    is the tensor root of the model that a buffered job's updates build on.
    """

    clients: Sequence[int]
    updates: Stream
    samples: Sequence[int]
    losses: Sequence[float]
    training: float
    elsewhere: float = 0.0
    base: bytes = b""


class Wish(NamedTuple):
    """The unit at a place is to be trained for round `number`, `again` times after others that failed, its steps
    corrected by what `drift` returns.
    """

    place: int
    number: int
    again: int = 0
    drift: Callable[[], Stream | None] = lambda: None


class Training(Protocol):
    """One way to train all clients, unit by unit; units do not depend on each other."""

    @property
    def way(self) -> str:
        """In words, how it is done."""

    @property
    def units(self) -> Sequence[Sequence[int]]:
        """The clients that are trained at once, each of all in one unit."""

    def fit(self, place: int, base: Stream, number: int, again: int = 0, drift: Stream | None = None) -> Batch:
        """Train the unit at a place from the base model of round `number` (`Wish`). Raises as
        `participant.tasks.training.Local.train`, naming client, round and task.
        """


class Alone:
    """Each client by the task's own method, with a scratch folder of its own: to the bytes what its node would do."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient], scratch: Path, why: str) -> None:
        self.way = f"one by one, to the bytes as nodes train ({why})"
        self.units = [(client.index,) for client in clients]
        self._clients, self._scratch = clients, scratch
        self._locals = [
            replace(local, scratch=Scratch(scratch / str(client.index)), salt=client.salt) for client in clients
        ]

    def fit(self, place: int, base: Stream, number: int, again: int = 0, drift: Stream | None = None) -> Batch:
        began, client, local = process_time(), self._clients[place], self._locals[place]
        seed = seed_of(local.job.digest, number + again, client.index)
        with of_client(client.index, round=number, task=local.task.name):
            own = self._own(place, number)
            trained = local.train_on(client.data, base, client.path, number, seed, own=own, drift=drift)
            self._keep(place, number, trained)
        result, update = trained.result, trained.update[None]
        return Batch(self.units[place], update, (result.samples,), (result.loss,), process_time() - began)

    def _own(self, place: int, number: int) -> Sections:
        """What the client's latest round before this one left."""
        if not keeps(self._locals[place].job):
            return NOTHING
        found = [path for path in self._folder(place).glob("*.safetensors") if int(path.stem) < number]
        latest = max(found, key=lambda path: int(path.stem), default=None)
        return decode(latest.read_bytes()) if latest else NOTHING

    def _keep(self, place: int, number: int, trained: Trained) -> None:
        """Keep what a round left, and of earlier ones the latest alone; of an update that is refused nothing, as its
        node commits to none. Raises Unavailable.
        """
        job = self._locals[place].job
        decision = judge_values(within_clip(job, trained.update), job.admission)
        if not trained.own or decision.verdict is not Verdict.ADMITTED:
            return
        (folder := self._folder(place)).mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write_private(folder / f"{number}.safetensors", [encode(trained.own, job.digest, number)])
        for old in sorted(int(path.stem) for path in folder.glob("*.safetensors") if int(path.stem) < number)[:-1]:
            (folder / f"{old}.safetensors").unlink(missing_ok=True)

    def _folder(self, place: int) -> Path:
        return self._scratch / f"{self._clients[place].index}-own"
