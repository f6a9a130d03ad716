"""Worker processes on this machine."""

import subprocess
import sys
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from threading import Lock, Thread
from typing import IO

from ledger.party.workers.frames import BEAT, LARGEST_ANSWER, receive, send

MOST_TRIES = 2
"""Workers that a part is given to; where it ended all of them, it is nobody's but the audit's own."""
LOOK = 10.0
"""Seconds from one look at the workers to the next, while the audit waits for an answer."""
SILENT = 18
"""Looks at which a worker may have said nothing since the one before: then it has stopped."""
Answers = Generator[bytes | None, None, None]
_COMMAND = (sys.executable, "-P", "-m", "ledger.party.workers.worker")


def on_processes(setup: bytes, parts: Sequence[bytes], workers: int) -> Answers:
    """What so many processes answer to each part, in order; None where each that began it ended.

    A process that ends leaves its part to another; one that stops is ended. All end with this iteration, however that
    ends.
    """
    pool = _Pool(setup, parts)
    threads: list[Thread] = []
    try:
        for place in range(workers):
            threads.append(thread := Thread(target=pool.work, name=f"audit worker {place}", daemon=True))
            thread.start()
        for answer in pool.answers:
            while not wait([answer], LOOK).done:
                pool.look()
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
        self._silent: dict[subprocess.Popen[bytes], int] = {}
        self._working, self._ended, self._lock = 0, False, Lock()

    def work(self) -> None:
        """Have parts answered by one process, for as long as it lives; where it was the last, the rest by none."""
        process = self._begun()
        try:
            if process is not None:
                self._converse(process)
        finally:
            if process is not None:
                _end(process)
            with self._lock:
                self._working -= 1 if process is not None else 0
                while self._waiting and not self._working:
                    self.answers[self._waiting.popleft()].set_result(None)

    def look(self) -> None:
        """End processes that were silent at SILENT looks. Looks count, not the time: an audit may itself be stopped."""
        with self._lock:
            for process in self._silent:
                self._silent[process] += 1
                if self._silent[process] >= SILENT:
                    process.kill()

    def end(self) -> None:
        """End all processes, and begin no more."""
        with self._lock:
            self._ended = True
            self._waiting.clear()
            for process in self._silent:
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
            self._silent[process] = 0
            self._working += 1
            return process

    def _converse(self, process: subprocess.Popen[bytes]) -> None:
        """Hand over parts and take answers, until there are no more parts or the process ends."""
        if process.stdin is None:
            return
        with suppress(OSError, MemoryError):
            send(process.stdin, self._setup)
            while (part := self._next()) is not None and self._settled(part, process, process.stdin):
                pass

    def _settled(self, part: int, process: subprocess.Popen[bytes], target: IO[bytes]) -> bool:
        """Whether a process answered a part; one that it did not answer is put back, whatever happens."""
        answer = None
        try:
            send(target, self._parts[part])
            answer = self._answer(process)
        finally:
            if answer is None:
                self._put_back(part)
            else:
                self.answers[part].set_result(answer)
        return answer is not None

    def _answer(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """The next message of a process that is not a beat; each says that it goes on."""
        if process.stdout is None:
            return None
        while (message := receive(process.stdout, LARGEST_ANSWER)) == BEAT:
            with self._lock:
                self._silent[process] = 0
        with self._lock:
            self._silent[process] = 0
        return message

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
