"""What a simulation and its workers tell each other, as MessagePack: the setup once, then orders, and their answers."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from participant.integers.fixed_point import Stream
from participant.simulation.training import Batch
from participant.trainer.messages import Failed

T = TypeVar("T")


class DataFile(Strict, frozen=True):
    """A file of rows, with the digest by which it is known again."""

    path: str
    digest: str


class SimulatedSetup(Strict, frozen=True):
    """What a worker begins with: the job's document, what the clients follow from, and how they are trained; `threads`
    are PyTorch's, on whose number sums of floats depend.
    """

    job: bytes
    data: tuple[DataFile, ...]
    partition: str
    clients: int
    seed: int
    exact: bool
    device: str
    scratch: str
    threads: int


class UnitOrder(Strict, frozen=True):
    """Train the unit at a place from the base model of a round, its integers as little-endian int32
    (`participant.simulation.training.Wish`); so are those of `drift`, empty where nothing corrects the steps.
    """

    round: int
    place: int
    base: bytes
    again: int = 0
    drift: bytes = b""


class Fitted(Strict, frozen=True, tag="fitted"):
    """A unit's updates, one after the other, with what else a `Batch` says."""

    updates: bytes
    samples: tuple[int, ...]
    losses: tuple[float, ...]
    training: float
    elsewhere: float


Answer = Fitted | Failed


def encode(message: SimulatedSetup | UnitOrder | Answer) -> bytes:
    """A message's bytes."""
    return msgspec.msgpack.encode(message)


def parse(data: bytes, kind: type[T]) -> T:
    """A message of a kind. Raises Malformed where it is none."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise Malformed("a message between a simulation and its worker cannot be read", error=str(error)) from error


def fitted(batch: Batch, elsewhere: float) -> Fitted:
    """A batch as an answer."""
    return Fitted(
        updates=integers(batch.updates),
        samples=tuple(batch.samples),
        losses=tuple(batch.losses),
        training=batch.training,
        elsewhere=elsewhere,
    )


def batch_of(answer: Fitted, members: Sequence[int], values: int) -> Batch:
    """An answer as the batch of these clients. Raises Malformed where it is that of others."""
    many = len(members)
    if not len(answer.samples) == len(answer.losses) == many or len(answer.updates) != 4 * many * values:
        raise Malformed("a worker's answer is not one of these clients", clients=str(members)[:200])
    updates = stream(answer.updates).reshape(many, values)
    return Batch(members, updates, answer.samples, answer.losses, answer.training, answer.elsewhere)


def integers(values: Stream) -> bytes:
    """A stream's bytes."""
    return values.astype("<i4", copy=False).tobytes()


def stream(data: bytes) -> Stream:
    """The stream in bytes."""
    return np.frombuffer(data, "<i4").astype(np.int32, copy=False)
