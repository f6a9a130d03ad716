"""One trainer as its node sees it: a process, the pipe that keeps it alive, and the order that it works at."""

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from ledger.errors import Unavailable
from ledger.store.disk import translated
from participant.trainer.launch import end_by, launch
from participant.trainer.output import Output
from participant.trainer.process import PIPE
from participant.trainer.running import Process, Start

GRACE = 0.5
"""Seconds in which a process that was asked to end may do so: a command that is interrupted ends within a second."""
LAUNCHERS_GRACE = 3.0
"""The same for a launcher, which ends its own processes first."""


class Trainer:
    """Starts a process for the orders in a folder of its own, which it makes. Raises Unavailable for a full disk, and
    where the system starts no further process now.

    `job` is the digest of the job that it works for, once it has an order; `rests_since` when it had none any more, by
    the monotonic clock.
    """

    grace = GRACE

    def __init__(self, folder: Path, start: Start) -> None:
        self.folder, self.job, self.output, self.ended = folder, b"", Output(), False
        self.rests_since: float | None = time.monotonic()
        self.patience = 0.0
        self._orders = 0
        with translated(folder):
            folder.mkdir(mode=0o700, parents=True)
            os.mkfifo(folder / PIPE, 0o600)
            self._pipe = os.open(folder / PIPE, os.O_RDWR | os.O_CLOEXEC)  # one's own other end: it never blocks
        try:
            self.process: Process = start(folder, self.output.writer)
        except OSError as error:
            self._clear()
            raise Unavailable(f"no process can be started: {error.strerror}", folder=str(folder)) from error
        except BaseException:
            self._clear()
            raise

    def order(self) -> Path:
        """The folder of the next order."""
        self._orders += 1
        folder = self.folder / str(self._orders)
        with translated(folder):
            folder.mkdir(mode=0o700)
        return folder

    def give(self, folder: Path) -> None:
        """Tell the process of an order that is written."""
        self.rests_since = None
        self.output.begin()
        with suppress(OSError):  # it has ended: the order's next look says so
            os.write(self._pipe, f"{folder.name}\n".encode())

    def put_away(self, folder: Path) -> None:
        """An order is over: its files go, and the process may have another."""
        self.rests_since = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def said(self) -> str:
        """The end of what it printed."""
        return self.output.end

    def end(self) -> None:
        """End the process with all that it started, and remove its files; harmless where that is done."""
        if self.ended:
            return
        self.ended = True
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        for number in (signal.SIGTERM, signal.SIGKILL):
            end_by(self.process, number)
            if _ended(self.process, self.grace):
                break
        self._clear()

    def _clear(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Launched(Trainer):
    """What the home's launcher starts: for one order, then it ends by itself."""

    grace = LAUNCHERS_GRACE

    def __init__(self, folder: Path, launcher: tuple[str, ...]) -> None:
        self._launcher = launcher
        super().__init__(folder, lambda _folder, _output: _Nothing())

    def give(self, folder: Path) -> None:
        """Start the launcher for the order. Raises UsageError where it cannot be started."""
        self.process = launch(self._launcher, self.folder, folder.name, self.output.writer)
        self.rests_since = None


class _Nothing:
    """No process yet."""

    pid = 0

    def poll(self) -> int | None:
        return 0


def _ended(process: Process, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
