"""Starting a trainer: a fresh interpreter, or a fork of a process that has loaded torch already and holds no key
(`participant.trainer.torch_server`, where one runs).

Either way it has no socket of the node's, no standard input, and a session of its own: the terminal's Ctrl-C is not for
it, and all that it starts ends with it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ledger.errors import UsageError
from participant.trainer.running import Process
from participant.trainer.served import TORCH_SERVER, Served


def begin(folder: Path, output: int) -> Process:
    """A fork of the process that the environment names, where it runs; else a fresh interpreter."""
    if address := os.environ.get(TORCH_SERVER):
        with suppress(OSError):  # it has ended
            return Served(address, folder, output, spawn)
    return spawn(folder, output)


def spawn(folder: Path, output: int) -> Process:
    """A fresh interpreter."""
    command = [sys.executable, "-P", "-m", "participant.trainer.process", str(folder)]
    return _started(command, output)


def launch(launcher: Sequence[str], folder: Path, order: str, output: int) -> Process:
    """What the home's launcher starts, for one order. Raises UsageError where there is no such program."""
    program, *arguments = launcher
    beside = Path(sys.executable).parent / program
    command = [str(beside) if "/" not in program and beside.is_file() else program, *arguments]
    try:
        return _started([*command, "-m", "participant.trainer.process", str(folder), order], output)
    except OSError as error:
        raise UsageError(
            f"the launcher cannot be started: {error.strerror}",
            advice="correct [train] launcher in the home's node.toml",
            launcher=" ".join(launcher),
        ) from error


def fork(folder: Path, output: int, niceness: int = 0) -> Process:
    """A fork of this process: to be called before a key is unlocked, and where torch is loaded but was not used. The
    trainer is at least as nice as that.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _forked(folder, output, niceness)
    return Leader(ForkedTrainer(child))


def end_by(process: Process, number: int) -> None:
    """Send a signal to all of a process's session, or to it alone while it has none of its own yet; one that is only
    asked for is given up.

    Only while it runs: the number of one that was reaped may be another's.
    """
    if isinstance(process, Served):
        process.give_up()
    if process.poll() is not None:
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


class Leader:
    """A child that leads a session of its own. What it started and left behind is ended with it.

    That is done before the child is reaped: until then its number, which is its group's, belongs to no other process.
    """

    def __init__(self, process: Process) -> None:
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """See `Process`."""
        try:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
        except ChildProcessError:  # it was reaped
            return self._process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._process.poll()


class ForkedTrainer:
    """A forked trainer."""

    def __init__(self, pid: int) -> None:
        self.pid, self._code = pid, None if pid else 0

    def poll(self) -> int | None:
        if self._code is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if ended else None
            except ChildProcessError:
                self._code = 1
        return self._code


def _started(command: Sequence[str], output: int) -> Process:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    return Leader(process)


def _forked(folder: Path, output: int, niceness: int) -> NoReturn:
    """In the child: of this process nothing is kept but the modules that it loaded."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.nice(max(0, niceness - os.getpriority(os.PRIO_PROCESS, 0)))
        stand_alone(output)
        os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
        from participant.trainer.process import main

        main(folder)
    except BaseException:  # noqa: BLE001  (nothing may leave for what the parent was about)
        with suppress(BaseException):
            sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def stand_alone(output: int) -> None:
    """Standard streams of one's own: no input, all output to a descriptor."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
