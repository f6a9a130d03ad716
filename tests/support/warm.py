"""Trainers in tests, forked from a server that has loaded the slow imports once and holds no key."""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

from participant.tasks.machine import Machine
from participant.trainer.launch import Process, stand_alone
from participant.trainer.trainers import Trainers

PRELOADED = [
    "web3",
    "torch",
    "support.warm",
    "support.crashing.node",
    "participant.tasks.training",
    "participant.trainer.labour",
    "participant.node.node",
    "participant.tasks.tabular",
    "ledger.party.gateway",
    "ledger.store.embedded",
    "ledger.chain.sender",
]


OTHER_CODE = "ab" * 32


class Served:
    """A trainer that the server forked."""

    def __init__(self, folder: Path, output: int, code: str = "") -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        written = Connection(os.dup(output), readable=False)
        self._process = context.Process(target=_work, args=(str(folder), written, code), daemon=True)
        self._process.start()
        written.close()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def poll(self) -> int | None:
        return self._process.exitcode


def serve(folder: Path, output: int) -> Process:
    """See `participant.trainer.launch.Start`."""
    return Served(folder, output)


def serve_other_code(folder: Path, output: int) -> Process:
    """One in which another release of every task is installed."""
    return Served(folder, output, OTHER_CODE)


def trainers(home: Path) -> Trainers:
    """A home's trainers, on the CPU."""
    return Trainers(Machine("cpu", home / "scratch"), serve)


def _work(folder: str, output: Connection, code: str) -> None:
    from participant.tasks import discovery
    from participant.trainer.process import main

    if code:
        discovery.code_digest = lambda modules: code

    os.setsid()
    stand_alone(output.fileno())
    main(Path(folder))
