"""Work in a process of its own, whose exit code is looked at.

It is forked from a server that has one thread, never from the tests' own process: that has other threads, and a fork
keeps for good the lock that one of them holds, say SQLite's or OpenSSL's.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

PATIENCE = 200.0
"""Seconds after which a child is killed."""


def die() -> NoReturn:
    """End this process as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives on")


def started(preloaded: Sequence[str], work: Callable[..., object], *arguments: Any) -> BaseProcess:
    """A child that does the work; the server has imported these modules, unless it was running already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preloaded))
    child = context.Process(target=work, args=arguments)
    child.start()
    return child


def ended(child: BaseProcess) -> int:
    """Wait for a child; its exit code, minus the signal's number where it was killed."""
    child.join(PATIENCE)
    code = child.exitcode
    child.kill()
    child.join()
    child.close()
    return 1 if code is None else code


def run(preloaded: Sequence[str], work: Callable[..., object], *arguments: Any) -> int:
    """Do the work in a child; its exit code, minus the signal's number where it was killed."""
    return ended(started(preloaded, work, *arguments))
