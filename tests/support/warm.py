"""Trainers and trials of tasks in tests, forked from a server that has loaded the slow imports once, holds no key, and
has run no task's code.
"""

import multiprocessing
import os
import sys
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from participant.tasks.machine import Machine
from participant.trainer.launch import stand_alone
from participant.trainer.running import Process
from participant.trainer.trainers import Trainers

PRELOADED = [
    "web3",
    "torch",
    "support.warm",
    "support.crashing.node",
    "participant.tasks.training",
    "participant.tasks.trial",
    "participant.trainer.labour",
    "participant.node.node",
    "participant.tasks.ready.tabular",
    "ledger.party.gateway",
    "ledger.store.embedded",
    "ledger.chain.sender",
]

TRYING = ["torch", "support.warm", "participant.tasks.training", "participant.tasks.trial"]

OTHER_CODE = "ab" * 32


class Served:
    """A trainer that the server forked."""

    def __init__(self, folder: Path, output: int, code: str = "") -> None:
        context = _server()
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


def trial(what: str, folder: Path, request: bytes) -> tuple[bytes, int]:
    """What `participant.tasks.trial.in_a_process` returns. The second round alone is tried in the child of another
    server: what a task takes from its process, such as addresses, hashes of strings and random numbers, differs then.
    """
    from participant.tasks.trial import SECOND

    with TemporaryDirectory() as kept:
        asked, said = Path(kept) / "asked", Path(kept) / "said"
        asked.write_bytes(request)
        surroundings = (dict(os.environ), Path.cwd())
        process = _server().Process(target=_try, args=(what, folder, asked, said, *surroundings))
        if what == SECOND:
            with patch.object(forkserver, "connect_to_new_process", _another().connect_to_new_process):
                process.start()
        else:
            process.start()
        process.join()
        return said.read_bytes() if said.exists() else b"", int(process.exitcode or 0)


@cache
def _another() -> forkserver.ForkServer:
    """A second server, which ends with this process."""
    made = forkserver.ForkServer()
    made.set_forkserver_preload(TRYING)
    return made


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _try(what: str, folder: Path, asked: Path, said: Path, environment: dict[str, str], cwd: Path) -> None:
    from participant.tasks.trial import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    with asked.open() as sys.stdin, said.open("wb") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        main(what, folder)


def _work(folder: str, output: Connection, code: str) -> None:
    from participant.tasks import discovery
    from participant.trainer.process import main

    if code:
        discovery.code_digest = lambda modules: code

    os.setsid()
    stand_alone(output.fileno())
    main(Path(folder))
