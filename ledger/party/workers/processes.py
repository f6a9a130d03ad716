"""Worker processes on this machine."""

import subprocess
import sys
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread

from ledger.party.workers.frames import receive, send

MOST_TRIES = 2
"""Workers that a part is given to; where it ended all of them, it is nobody's but the audit's own."""
Answers = Generator[bytes | None, None, None]
_COMMAND = (sys.executable, "-P", "-m", "ledger.party.workers.worker")


def on_processes(setup: bytes, parts: Sequence[bytes], workers: int) -> Answers:
    """What so many processes answer to each part, in order; None where each that began it ended.

    A process that ends leaves its part to another. All end with this iteration, however that ends.
    """
    pool = _Pool(setup, parts)
    threads = [Thread(target=pool.work, name=f"audit worker {place}", daemon=True) for place in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for answer in pool.answers:
            yield answer.result()
    finally:
        pool.end()
        for thread in threads:
            thread.join()


class _Pool:
    def __init__(self, setup: bytes, parts: Sequence[bytes]) -> None:
        self._setup, self._parts = setup, parts
        self._waiting = deque(range(len(parts)))
        self._tries = [0] * len(parts)
        self.answers: list[Future[bytes | None]] = [Future() for _ in parts]
        self._processes: list[subprocess.Popen[bytes]] = []
        self._working, self._ended, self._lock = 0, False, Lock()

    def work(self) -> None:
        """Have parts answered by one process, for as long as it lives; where it was the last, the rest by none."""
        process = self._begun()
        if process is not None:
            self._converse(process)
            _end(process)
        with self._lock:
            self._working -= 1 if process is not None else 0
            while self._waiting and not self._working:
                self.answers[self._waiting.popleft()].set_result(None)

    def end(self) -> None:
        """End all processes, and begin no more."""
        with self._lock:
            self._ended = True
            self._waiting.clear()
            for process in self._processes:
                process.kill()

    def _begun(self) -> subprocess.Popen[bytes] | None:
        """A process; in a group of its own, so that Ctrl-C ends the audit, which ends it."""
        with self._lock:
            if self._ended or not self._waiting:
                return None
            try:
                process = subprocess.Popen(
                    _COMMAND,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    process_group=0,
                )
            except OSError:
                return None
            self._processes.append(process)
            self._working += 1
            return process

    def _converse(self, process: subprocess.Popen[bytes]) -> None:
        """Hand over parts and take answers, until there are no more parts or the process ends."""
        source, target, part = process.stdout, process.stdin, None
        if source is None or target is None:
            return
        with suppress(OSError):
            send(target, self._setup)
            while (part := self._next()) is not None:
                send(target, self._parts[part])
                answer = receive(source)
                if answer is None:
                    break
                self.answers[part].set_result(answer)
        if part is not None and not self.answers[part].done():
            self._put_back(part)

    def _next(self) -> int | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _put_back(self, part: int) -> None:
        with self._lock:
            self._tries[part] += 1
            if self._ended or self._tries[part] == MOST_TRIES:
                self.answers[part].set_result(None)
            else:
                self._waiting.appendleft(part)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and let go of its pipes, whatever is still in them."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()
