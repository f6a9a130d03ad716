"""What a trainer prints: passed on to the error stream as far as that is useful, its end kept for an error's facts."""

import os
import sys
import threading
from contextlib import suppress

from ledger.errors import plain

PASSED_ON = 1 << 16
"""Bytes of one order's output that are passed on."""
KEPT = 4_000
PIECE = 1 << 16
LAST = 0.5
"""Seconds in which what is left in the pipe is passed on, once the process has ended; what it started may hold it."""


class Output:
    """A pipe, and a thread that reads it to its end: a trainer that prints is never held up."""

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        self._end, self._left, self._lock = b"", PASSED_ON, threading.Lock()
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Another order begins."""
        with self._lock:
            self._end, self._left = b"", PASSED_ON

    @property
    def end(self) -> str:
        """The last of what was printed."""
        with self._lock:
            return plain(self._end.decode("utf-8", "replace").strip())

    def close(self) -> None:
        """Nothing more is written by this process; the last of what the trainer printed is passed on."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1
            self._thread.join(LAST)

    def _read(self) -> None:
        with os.fdopen(self._reader, "rb", buffering=0) as stream:
            while piece := stream.read(PIECE):
                with self._lock:
                    shown, self._left = piece[: self._left], self._left - len(piece)
                    self._end = (self._end + piece)[-KEPT:]
                    cut = self._left <= 0 < self._left + len(piece)
                self._pass_on(shown.decode("utf-8", "replace") + ("\n(further output is left out)\n" if cut else ""))

    def _pass_on(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed stream stops nothing
            sys.stderr.write(text)
            sys.stderr.flush()
