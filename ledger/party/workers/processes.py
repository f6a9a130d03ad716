"""Worker processes on this machine."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Thread

from ledger.party.workers.crew import Answers, Asked, answers
from ledger.party.workers.frames import BEAT, receive, send
from ledger.party.workers.trade import ROUNDS, Trade

MOST_TRIES = 2
"""Workers that a part is given to; where it ended all of them, nobody answers it. So many in a row that end without an
answer are also the last of their place."""
AHEAD = 4
"""Parts for each worker that are asked for ahead, so that none waits for another's; one for each, and one more, in a
patient trade, whose parts are large.
"""
LOOK = 10.0
"""Seconds from one look at the workers to the next, while an answer is waited for."""
SILENT = 18
"""Looks at which a worker may have said nothing since the one before: then it has stopped."""
_COMMAND = (sys.executable, "-P", "-m", "ledger.party.workers.serving")


def on_processes(setup: bytes, parts: Sequence[bytes], workers: int, trade: Trade = ROUNDS) -> Answers:
    """What so many processes answer to each part, in order; None where those that began it ended.

    All end with this iteration, however that ends.
    """
    with closing(Processes(trade, setup, workers)) as crew:
        yield from answers(crew, parts)


@dataclass(eq=False)
class _Part:
    content: bytes
    tries: int = 0
    answer: "Future[bytes | None]" = field(default_factory=Future)


@dataclass(eq=False)
class _Worker:
    """A process that leads a group of its own: what it started ends with it, and holds no pipe of its any longer."""

    process: "subprocess.Popen[bytes]"
    told: bool = False
    busy: bool = False
    silent: int = 0

    @property
    def ended(self) -> bool:
        """Whether the process ended. It is not reaped: its number stays its group's."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def end(self) -> None:
        """End the process and what it started. Only before it is waited for."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Processes:
    """A crew of so many processes, each begun when there is work for it, and again where it ended.

    A process that ends leaves its part to another; one that stops is ended.
    """

    def __init__(self, trade: Trade, setup: bytes, workers: int) -> None:
        self.ahead = workers + 1 if trade.patient else AHEAD * workers
        self._trade, self._setup = trade, setup
        self._waiting: deque[_Part] = deque()
        self._workers: set[_Worker] = set()
        self._places, self._ended, self._change = workers, False, Condition()
        self._threads = [Thread(target=self._work, name=f"worker {place}", daemon=True) for place in range(workers)]
        for thread in self._threads:
            thread.start()

    def ask(self, part: bytes) -> Asked:
        """Have a part answered; None where no process is left that could."""
        asked = _Part(part)
        with self._change:
            if self._places and not self._ended:
                self._waiting.append(asked)
                self._change.notify()
            else:
                asked.answer.set_result(None)
        return partial(self._awaited, asked.answer)

    def look(self) -> None:
        """End what those left behind that ended, and, of a trade that is not patient, processes that were silent at
        SILENT looks. Looks count, not the time: this one may itself be stopped.
        """
        with self._change:
            for worker in self._workers:
                worker.silent += worker.busy and not self._trade.patient
                if worker.silent >= SILENT or worker.ended:
                    worker.end()

    def close(self) -> None:
        """End all processes, and begin no more."""
        with self._change:
            self._ended = True
            self._waiting.clear()
            for worker in self._workers:
                worker.end()
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    def _awaited(self, answer: "Future[bytes | None]") -> bytes | None:
        while not wait([answer], LOOK).done:
            self.look()
        return answer.result()

    def _work(self) -> None:
        """Have parts answered by one process after another; by none, once the last place has given up."""
        worker, failed = None, 0
        try:
            while failed < MOST_TRIES and (part := self._next()) is not None:
                worker = worker or self._begun()
                if self._settled(part, worker):
                    failed = 0
                else:
                    self._let_go(worker)
                    worker, failed = None, failed + 1
        finally:
            self._let_go(worker)
            with self._change:
                self._places -= 1
                while self._waiting and not self._places:
                    self._waiting.popleft().answer.set_result(None)

    def _next(self) -> _Part | None:
        """The next part, once there is one; None when no more come."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._ended)
            return None if self._ended else self._waiting.popleft()

    def _begun(self) -> _Worker | None:
        """A process; in a group of its own, so that Ctrl-C ends the one that asks, which ends it."""
        with self._change:
            if self._ended:
                return None
            try:
                process = subprocess.Popen(
                    (*_COMMAND, self._trade.module),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=None if self._trade.patient else subprocess.DEVNULL,
                    process_group=0,
                )
            except OSError:
                return None
            self._workers.add(worker := _Worker(process))
            return worker

    def _settled(self, part: _Part, worker: _Worker | None) -> bool:
        """Whether a process answered a part; one that it did not answer is put back, whatever happens."""
        answer = None
        try:
            with suppress(OSError, MemoryError):
                answer = self._answer(part, worker) if worker is not None else None
        finally:
            if answer is None:
                self._put_back(part)
            else:
                part.answer.set_result(answer)
        return answer is not None

    def _answer(self, part: _Part, worker: _Worker) -> bytes | None:
        """A process's answer to a part: its next message that is not a beat, each of which says that it goes on."""
        source, target = worker.process.stdout, worker.process.stdin
        if source is None or target is None:
            return None
        self._heard(worker, busy=True)
        if not worker.told:
            worker.told = True
            send(target, self._setup)
        send(target, part.content)
        while (message := receive(source, self._trade.largest)) == BEAT:
            self._heard(worker, busy=True)
        self._heard(worker, busy=False)
        return message

    def _heard(self, worker: _Worker, *, busy: bool) -> None:
        with self._change:
            worker.busy, worker.silent = busy, 0

    def _put_back(self, part: _Part) -> None:
        with self._change:
            part.tries += 1
            if self._ended or part.tries == MOST_TRIES:
                part.answer.set_result(None)
            else:
                self._waiting.appendleft(part)
                self._change.notify()

    def _let_go(self, worker: _Worker | None) -> None:
        """End a process, and let go of its pipes, whatever is still in them."""
        if worker is None:
            return
        with self._change:
            self._workers.discard(worker)
        worker.end()
        for pipe in (worker.process.stdin, worker.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        worker.process.wait()
