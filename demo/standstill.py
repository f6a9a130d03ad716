"""Waiting that ends where nothing moves, and not where a busy machine takes its time."""

import time
from collections.abc import Callable

import psutil

from ledger.errors import Unavailable

POLL = 0.05


class Standstill:
    """Runs out `seconds` after the last change of what `signs` returns: any value that compares."""

    def __init__(self, seconds: float, signs: Callable[[], object]) -> None:
        self._seconds, self._signs = seconds, signs
        self._seen, self._since = signs(), time.monotonic()

    def check(self, waited_for: str, *, advice: str = "", **facts: object) -> None:
        """Raise Unavailable where it has run out."""
        seen = self._signs()
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        elif time.monotonic() - self._since > self._seconds:
            raise Unavailable(f"{waited_for}: nothing has moved for {self._seconds:g} s", advice=advice, **facts)


def work_of(process: int) -> float:
    """Seconds of CPU that a process and its living descendants have used; 0 once it has ended."""
    try:
        root = psutil.Process(process)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0
    return sum(map(_seconds, family))


def _seconds(process: "psutil.Process") -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
