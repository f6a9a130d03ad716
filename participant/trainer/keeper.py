"""What stands between a node and its trainer on Linux: it ends with either of the two, and with it all that the task's
code started, in whatever session. Elsewhere a process that left the trainer's session is not found again.
"""

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from participant.trainer.life import adopt_orphans, end_with_parent

END = signal.SIGTERM if sys.platform.startswith("linux") else signal.SIGKILL
"""What ends a trainer at once with all that it started: where there is a keeper, it is asked to do it."""


def keep() -> None:
    """Go on as a child of the keeper that this process becomes. To be called while there is one thread."""
    if not sys.platform.startswith("linux"):
        return
    adopt_orphans()
    keeper = os.getpid()
    child = os.fork()
    if child:
        _keep(child)
    end_with_parent(signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)


def _keep(child: int) -> NoReturn:
    """Wait for the child, end what it left behind, and end as it did."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _kill(child))
    end_with_parent(signal.SIGTERM)
    while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)) is None or ended.si_pid != child:
        if ended is not None:
            os.waitpid(ended.si_pid, 0)  # an orphan, which is this process's by now
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)  # only now is its number free for another process
    while left := _children():
        for process in left:
            _kill(process)
        with suppress(ChildProcessError):
            os.wait()
    _end_as(os.waitstatus_to_exitcode(status))


def _end_as(code: int) -> NoReturn:
    """By the same exit code or signal, without a second core file."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


def _children() -> list[int]:
    """The processes whose parent this one is: those that it started, and orphans that came to it."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # none, and all processes of a machine need not be looked at
        return []
    here, found = str(os.getpid()), []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            if stat.read_text(errors="replace").rpartition(")")[2].split()[1] == here:
                found.append(int(stat.parent.name))
    return found


def _kill(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(process, signal.SIGKILL)
