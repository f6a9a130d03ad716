"""Work in lanes: each has a thread of its own while there is something to do in it, and no other lane waits for it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from ledger.party.background import run

Piece = tuple[Future[None], Callable[[], None]]


class Lanes:
    """Does what it is given, in each lane one after another. Its threads never keep a process alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, deque[Piece]] = {}
        self._threads: dict[Hashable, threading.Thread] = {}
        self._closed = False

    def start(self, lane: Hashable, work: Callable[[], None]) -> Future[None]:
        """Begin a piece of work once those before it in its lane are over; its future ends with it, and holds what it
        raised. Cancelled where this is closed.
        """
        future: Future[None] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
                return future
            begun = self._waiting.get(lane)
            if begun is not None:
                begun.append((future, work))
                return future
            self._waiting[lane] = deque([(future, work)])
            self._threads[lane] = threading.Thread(target=self._run, args=(lane,), name="lane", daemon=True)
            self._threads[lane].start()
        return future

    def cancel(self) -> None:
        """Begin nothing more. What is under way goes on: tell what it waits for to end."""
        with self._lock:
            self._closed = True
            waiting = [future for pieces in self._waiting.values() for future, _ in pieces]
        for future in waiting:
            future.cancel()

    def join(self, seconds: float) -> None:
        """Wait for what is under way, no longer than `seconds`; after `cancel`."""
        end = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, lane: Hashable) -> None:
        while (piece := self._next(lane)) is not None:
            run(*piece)

    def _next(self, lane: Hashable) -> Piece | None:
        """The lane ends where there is none."""
        with self._lock:
            if pieces := self._waiting[lane]:
                return pieces.popleft()
            del self._waiting[lane], self._threads[lane]
            return None
