"""`fedledger` commands as processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from demo.children import LOOK, Child, end, start, uninterrupted
from demo.forkserver import Forked
from demo.standstill import Standstill, work_of
from ledger.errors import Unavailable

KILLED = 60.0
"""Seconds until a process that was killed has ended."""


class Fedledger:
    """A `fedledger` command running in a process of its own; what it prints goes to a log file.

    `warm` forks it from a process that has imported what it needs (see `forkserver`); only then it can work `aside`,
    where the others leave time. A liar's process is forked, too: `first` makes it one, before the command runs.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        output: Path | None = None,
        warm: bool = False,
        aside: bool = False,
        first: Callable[[], None] | None = None,
    ) -> None:
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [str(argument) for argument in arguments]
        self._process: Child = (
            uninterrupted(lambda: Forked(words, log, output, aside=aside, first=first))
            if warm
            else _spawned(words, log, output)
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self, problem: str = "") -> None:
        """Raise Unavailable, with the `problem` and its last words, where the process ended with an error."""
        if self._process.poll() not in (None, 0):
            message = f"the process of {self.name} ended with exit code {self._process.returncode}"
            said = {"said": self.tail()} if self.said() else {}
            raise Unavailable(f"{problem}: {message}" if problem else message, log=self.log, **said)

    def wait(self, seconds: float) -> int:
        """The exit code. Raises Unavailable, the process ended, where it does not work for so many seconds."""
        patience = Standstill(seconds, self.signs)
        while self.running:
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(LOOK)
            try:
                patience.check(f"the process of {self.name} does not end", log=self.log)
            except Unavailable:
                self.stop()
                raise
        return self._process.wait(0)

    def signs(self) -> tuple[int, float]:
        """What changes while it works: what it has said, in bytes, and its seconds of CPU."""
        said = self.log.stat().st_size if self.log.exists() else 0
        return said, work_of(self._process.pid)

    def said(self) -> str:
        """All that the log has."""
        return self.log.read_text(errors="replace").strip()

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.said().splitlines()[-8:])

    def interrupt(self) -> None:
        """Ask the process to end, and do not wait for it."""
        if self.running:
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """End the process; harmless where it has ended."""
        end(self._process)

    def kill(self) -> None:
        """End the process at whatever instruction it is."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(KILLED)

    def pause(self) -> None:
        """Let the process do nothing until `resume`; it can be stopped meanwhile."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


def _spawned(arguments: list[str], log: Path, output: Path | None) -> Child:
    with log.open("ab") as errors, (output or log).open("wb" if output else "ab") as printed:
        command = [sys.executable, "-m", "ledger.cli.main", *arguments]
        return start(command, printed, errors, os.environ | {"PYTHONUNBUFFERED": "1"})
