"""A worker's side, of whatever trade.

As a process it reads its setup from its input, then parts, and answers each; it ends with its input. Meanwhile it says
that it goes on, for as long as it does: a beat, once a second at most.
"""

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import IO

from ledger.party.workers.frames import BEAT, receive, send

BETWEEN_BEATS = 1.0
"""Seconds."""
Answering = Callable[[bytes], bytes]
"""Answers a part."""


def begun(module: str, setup: bytes, beat: Callable[[], None] = lambda: None) -> Answering:
    """A worker of a module's trade (`Trade`)."""
    answering: Answering = import_module(module).begun(setup, beat)
    return answering


_kept = lru_cache(maxsize=1)(begun)


def answered(module: str, setup: bytes, part: bytes) -> bytes:
    """What a worker answers to a part: from bytes to bytes, for whatever carries them. The worker is kept."""
    return _kept(module, setup)(part)


class _Voice:
    """What a worker says, message by message, whichever of its threads says it."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target, self._lock, self._last = target, Lock(), float("-inf")

    def say(self, message: bytes) -> None:
        with self._lock:
            send(self._target, message)

    def beat(self) -> None:
        with self._lock:
            if monotonic() - self._last >= BETWEEN_BEATS:
                self._last = monotonic()
                send(self._target, BEAT)


def serve(module: str, source: IO[bytes], target: IO[bytes]) -> None:
    """Answer the parts that come, until no more do."""
    setup, voice = receive(source), _Voice(target)
    if setup is None:
        return
    answering = begun(module, setup, voice.beat)
    while (part := receive(source)) is not None:
        voice.say(answering(part))


def main() -> None:
    """Serve on the standard streams; what else is printed goes to the error stream."""
    target = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.argv[1], sys.stdin.buffer, target)


if __name__ == "__main__":
    main()
