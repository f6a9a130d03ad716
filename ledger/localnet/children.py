"""Children of this process, however they were started: they end with it, and are ended by their ids."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Protocol

_PR_SET_PDEATHSIG = 1


class Child(Protocol):
    """What is asked of a process, however it was started: a part of subprocess.Popen."""

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


def end_with_parent(parent: int) -> Callable[[], None] | None:
    """For a child to run first of all: ask Linux for a SIGINT when the thread of `parent` that started it ends."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it, and so would the child
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before it could be watched
            os._exit(1)

    return ask


def end(process: Child, output: IO[bytes] | None = None) -> None:
    """Ask a child to end, ask louder, then make it; close its output."""
    for number, seconds in ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        if process.poll() is not None:
            break
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    if output is not None:
        output.close()
