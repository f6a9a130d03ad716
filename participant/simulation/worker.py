"""A worker of a simulation: makes the same clients again from the same files, and trains those that it is told to."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import process_time

import torch

from ledger.errors import FedledgerError, UsageError
from ledger.jobs.document import parse as parse_job
from participant.simulation.clients import clients_of, digest_of
from participant.simulation.orders import DataFile, SimulatedSetup, UnitOrder, encode, fitted, parse, stream
from participant.simulation.partitions import parse as parse_partition
from participant.simulation.training import Training
from participant.simulation.ways import Way, training_of
from participant.tasks.machine import Machine
from participant.tasks.training import Local
from participant.trainer.messages import Failed


def begun(setup: bytes, beat: Callable[[], None]) -> Callable[[bytes], bytes]:
    """What answers orders, from bytes to bytes; an error that has a name is an answer, too."""
    training = cache(lambda: _training(parse(setup, SimulatedSetup)))

    def answer(part: bytes) -> bytes:
        try:
            order, trains = parse(part, UnitOrder), training()
            began = process_time()
            drift = stream(order.drift) if order.drift else None
            batch = trains.fit(order.place, stream(order.base), order.round, order.again, drift)
            return encode(fitted(batch, process_time() - began))
        except FedledgerError as error:
            return encode(Failed.of(error))

    return answer


def _training(setup: SimulatedSetup) -> Training:
    torch.set_num_threads(setup.threads)
    scratch = Path(setup.scratch)
    local = Local.of(parse_job(setup.job), Machine(setup.device, scratch))
    files = [_known(file) for file in setup.data]
    clients = clients_of(local, files, parse_partition(setup.partition), setup.clients, setup.seed)
    return training_of(Way(setup.exact), local, clients, scratch)


def _known(file: DataFile) -> Path:
    """The file's path. Raises UsageError where there is not that file here."""
    path = Path(file.path)
    if not path.is_file() or digest_of(path) != file.digest:
        raise UsageError(
            "a worker does not find the simulation's data",
            advice="let each machine have the same files at the same paths",
            file=file.path,
        )
    return path
