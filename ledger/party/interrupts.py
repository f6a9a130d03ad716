"""How a process of this package is asked to end: by Ctrl-C or SIGTERM, and neither is lost."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130
"""The exit code of a command that was asked to end."""
AGAIN_SECONDS = 0.05
ASKS = (signal.SIGINT, signal.SIGTERM)


def raise_interrupts() -> None:
    """Let SIGTERM raise KeyboardInterrupt as Ctrl-C does, and raise either again where it had no effect.

    Python prints and forgets what is raised while it runs a finalizer, a weak reference's callback (any import has
    some) or a hook.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not isinstance(sys.unraisablehook, _Again):
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        sys.unraisablehook = _Again(sys.unraisablehook)


def settle_interrupt() -> int:
    """Declare the interrupt dealt with; the exit code to end with.

    Where one broke into text being executed (dataclasses execute some), CPython remembers it until other text is
    executed, and `python -m` would end by SIGINT instead of with the code.
    """
    exec("")  # noqa: S102  (nothing is executed)
    return INTERRUPTED


class _Again:
    """The hook for what cannot be raised: an interrupt comes again a moment later, all else goes to the hook before."""

    def __init__(self, otherwise: Any) -> None:
        self._otherwise = otherwise

    def __call__(self, ignored: "sys.UnraisableHookArgs") -> None:
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        else:
            self._otherwise(ignored)


@contextmanager
def deferred_interrupts() -> Iterator[list[int]]:
    """Collect the signals that ask this process to end, instead of ending; the caller deals with them afterwards.

    For what must not stop halfway, such as the hooks around a fork: one of them frees a lock of logging's. Handlers run
    in the main thread alone, so that no other thread has to hold anything back.
    """
    held: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    before = [signal.signal(number, lambda number, _: held.append(number)) for number in ASKS]
    try:
        yield held
    finally:
        for number, handler in zip(ASKS, before, strict=True):
            signal.signal(number, handler)
