"""Work beside the thread that decides: a few threads, started as they are needed."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

Job = tuple[Future[None], Callable[[], None]]
THREADS = 4
"""As many files at a time: enough that a slow holder does not hold up the others, few enough for a small machine."""


class Background:
    """Does what it is given, in order, `threads` at a time. Its threads never keep a process alive."""

    def __init__(self, threads: int = THREADS) -> None:
        self._most = threads
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed, self._ended = False, threading.Event()

    def start(self, work: Callable[[], None]) -> Future[None]:
        """Begin a piece of work; its future ends with it, and holds what it raised. Cancelled where this is closed."""
        future: Future[None] = Future()
        self.begin(future, work)
        return future

    def begin(self, future: Future[None], work: Callable[[], None]) -> None:
        """As `start`, of work whose future somebody waits for already."""
        if self._closed:
            future.cancel()
            return
        self._queue.put((future, work))
        if len(self._threads) < self._most:
            self._threads.append(threading.Thread(target=self._run, name="background", daemon=True))
            self._threads[-1].start()

    def rest(self, seconds: float) -> bool:
        """Wait in a piece of work; False where this is closed meanwhile, so that it is to end."""
        return not self._ended.wait(seconds)

    def cancel(self) -> None:
        """Begin nothing more. What is under way goes on: tell what it waits for to end."""
        self._closed = True
        self._ended.set()
        try:
            while (job := self._queue.get_nowait()) is not None:
                job[0].cancel()
        except queue.Empty:
            pass
        for _ in self._threads:
            self._queue.put(None)

    def join(self, seconds: float) -> None:
        """Wait for what is under way, no longer than `seconds`; after `cancel`."""
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            run(*job)


def run(future: Future[None], work: Callable[[], None]) -> None:
    """Do a piece of work whose future ends with it, and holds what it raised; nothing where it was cancelled."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:  # noqa: BLE001  (a thread's edge: raised again for the caller)
        future.set_exception(error)
    else:
        future.set_result(None)
