"""Children of this process, however they were started: they end with it, and are ended by their ids."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Protocol, TypeVar

from demo.standstill import Standstill, work_of
from ledger.errors import Unavailable
from ledger.party.interrupts import deferred_interrupts

IDLE = {signal.SIGINT: 10.0, signal.SIGTERM: 3.0, signal.SIGKILL: 60.0}
"""Seconds after each signal for which a child that is to end may do nothing. On a busy machine it takes longer to save
what it has.
"""
LONGEST = 60.0
"""Seconds that it may work on after each."""
LOOK = 0.5
"""Seconds between two looks at whether a process that is waited for still works."""
_PR_SET_PDEATHSIG = 1


class Child(Protocol):
    """What every kind of child can do: a part of subprocess.Popen."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


C = TypeVar("C", bound=Child)


def start(
    command: Sequence[str],
    output: IO[bytes],
    errors: IO[bytes],
    environment: Mapping[str, str] | None = None,
    handed: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start a program that ends with the thread that starts it (Linux). It has the descriptors `handed` open, too."""
    return uninterrupted(
        lambda: subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            start_new_session=True,
            pass_fds=handed,
            preexec_fn=_end_with_parent(os.getpid()),  # noqa: PLW1509  (it makes two system calls and takes no lock)
        )
    )


def uninterrupted(begin: Callable[[], C]) -> C:
    """Begin a child. An interrupt meanwhile waits until the child is known, and ends it first of all."""
    with deferred_interrupts() as interrupts:
        child = begin()
    if interrupts:
        end(child)
        signal.raise_signal(interrupts[0])
    return child


def _end_with_parent(parent: int) -> Callable[[], None] | None:
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
    for number, idle in IDLE.items():
        if process.poll() is not None:
            break
        process.send_signal(number)
        _wait(process, idle)
    if output is not None:
        output.close()


def _wait(process: Child, idle: float) -> None:
    """Until a child has ended, or did nothing for so many seconds, or worked for longest."""
    patience, end_ = Standstill(idle, lambda: work_of(process.pid)), time.monotonic() + LONGEST
    with contextlib.suppress(Unavailable):
        while time.monotonic() < end_:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
                return
            patience.check("it does not end")
