"""What the operating system does for a process that is to end with another: nothing here needs torch."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
FIRST_TO_GO = "500"
"""Added to the score by which Linux chooses what to end when memory is full (proc(5), oom_score_adj)."""


def end_with_parent() -> None:
    """Ask Linux to end this process when the thread that started it does; elsewhere the pipe's end has to do."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def volunteer() -> None:
    """When memory is full, this process is to be ended, and not the node with its key and its duties."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)


def is_alive(process: int) -> bool:
    """Whether a process of that id exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
