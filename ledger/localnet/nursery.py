"""Processes that begin with the slow imports done: forked from one that did them once (multiprocessing's forkserver).

Each is a process of its own that runs one `fedledger` command, with its own key, data and store; only the two seconds
that every participant would spend on importing torch are spent once. Nothing but modules is loaded before the fork.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from ledger.localnet.children import end_with_parent

TASKS = "fedledger.tasks"


class Forked:
    """A forked command, with the part of subprocess.Popen's interface that its keeper needs."""

    def __init__(self, arguments: Sequence[str], log: Path, output: Path | None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["ledger.chain.contracts", *(p.module for p in entry_points(group=TASKS))])
        self._process = context.Process(target=_live, args=(list(arguments), log, output))
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fedledger", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def _live(arguments: list[str], log: Path, output: Path | None) -> None:
    """In the child: standard streams to files, then the command line as if it had been typed."""
    ask = end_with_parent(os.getppid())
    if ask is not None:
        ask()
    os.setsid()
    errors = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    printed = os.open(output, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644) if output else errors
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(printed, 1)
    os.dup2(errors, 2)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)
    sys.argv = ["fedledger", *arguments]
    runpy.run_module("ledger.cli.main", run_name="__main__")
