"""What the operating system does for a process that is to end with another: nothing here needs torch."""

import ctypes
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
FIRST_TO_GO = "500"
"""Added to the score by which Linux chooses what to end when memory is full (proc(5), oom_score_adj)."""


def end_with_parent(number: signal.Signals) -> None:
    """Ask Linux for this signal when the thread that started this process ends; elsewhere the pipe's end has to do."""
    _prctl(PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Ask Linux for the children of descendants that end before these: they become this process's own."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def volunteer() -> None:
    """When memory is full, this process is to be ended, and not the node with its key and its duties."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
