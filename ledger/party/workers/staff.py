"""How many workers there are, and of which kind."""

import os
from typing import Literal, NamedTuple

import msgspec

from ledger.audit.context import Blocks
from ledger.config import HomeNetwork
from ledger.party.connection import Connection
from ledger.party.workers.crew import Crew
from ledger.party.workers.messages import Setup, encode
from ledger.party.workers.processes import Processes, on_processes
from ledger.party.workers.rounds import Workers
from ledger.party.workers.trade import Trade
from ledger.rounds.admission import Progress

Engine = Literal["processes", "ray"]
PAYS = 1 << 28
"""Bytes that a further process must have to read, or its start takes longer than it saves."""


class Staff(NamedTuple):
    """So many workers, with so many threads each."""

    workers: int
    engine: Engine
    threads: int


def paying(size: int) -> int:
    """How many processes pay off where so many bytes are to be read: at most one for each core that is ours."""
    return max(1, min(cores(), size // PAYS))


def cores() -> int:
    """The cores of this machine that are ours."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def crew_of(engine: Engine, trade: Trade, setup: bytes, workers: int) -> Crew:
    """So many workers of a trade. Raises UsageError where the engine is not here."""
    if engine == "processes":
        return Processes(trade, setup, workers)
    from ledger.party.workers.on_ray import OnRay

    return OnRay(trade, setup, workers)


def workers_of(connection: Connection, staff: Staff, blocks: Blocks, progress: Progress) -> Workers | None:
    """What checks a connection's rounds, as of its history; None where this process is to do so itself."""
    if staff.workers == 1 and staff.engine == "processes":
        return None
    network = HomeNetwork(**msgspec.structs.asdict(connection.network))
    home = str(connection.folder) if connection.store is not None else ""
    setup = encode(Setup(network, home, connection.follower.events_after(-1), staff.threads))
    if staff.engine == "processes":
        return Workers(on_processes, staff.workers, setup, blocks, progress)
    from ledger.party.workers.on_ray import on_ray

    return Workers(on_ray, staff.workers, setup, blocks, progress)
