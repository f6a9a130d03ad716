"""The pace of a worker at its jobs: a step that waits is taken when the job changes, one that failed is tried again
after a pause that doubles. One failing job never stops the others.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass

from ledger.errors import FedledgerError, Rejected
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.documents import Pending
from ledger.party.worker import Worker
from ledger.rounds.steps import Wait

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0
"""Seconds after which a failed step is tried again: after the first failure, and at most."""


@dataclass(slots=True)
class Watched:
    """What is remembered of a job between looks. Lost in a crash, it costs a look.

    `since` is when its present state was first seen, by the chain's clock.
    """

    seen: Hashable = None
    since: int = 0
    failures: int = 0
    rest_until: float = 0.0
    waiting: str = ""


class Pacing:
    """Lets a worker take the next step of each job when it is due."""

    def __init__(self, connection: Connection, worker: Worker) -> None:
        self._connection, self._worker = connection, worker
        self._watched: dict[int, Watched] = {}

    def notice(self, state: JobState, now: int) -> bool:
        """Whether the job changed since the last look, which ends waiting and backoff."""
        watched, seen = self._watched.setdefault(state.number, Watched()), self._worker.seen(state)
        if watched.seen == seen:
            return False
        self._watched[state.number] = Watched(seen, now)
        return True

    def advance(self, history: History, state: JobState, now: int) -> bool:
        """Take the job's next step where one is due; whether anything was done. Problems are noted, not raised."""
        self.notice(state, now)
        watched = self._watched[state.number]
        if self.rests(state.number):
            return False
        try:
            wait = self._worker.advance(history, state, watched.since, now)
        except Pending as pending:
            wait = Wait(pending.message)
        except Rejected as error:
            return self._refused(watched, state, error)
        except FedledgerError as error:
            return self._failed(watched, state, error)
        watched.failures = 0
        if wait is not None and wait.why != watched.waiting:
            watched.waiting = wait.why
            self._worker.note_wait(state, wait)
        return wait is None

    def rests(self, job: int) -> bool:
        """Whether a failed step of the job is not to be tried again yet."""
        return job in self._watched and time.monotonic() < self._watched[job].rest_until

    def since(self, job: int) -> int:
        """When the job's present state was first seen, by the chain's clock; 0 where the job was not."""
        return self._watched[job].since if job in self._watched else 0

    def waits(self, job: int) -> bool:
        """Whether the job's next step was looked for since it changed, and there was none to take."""
        return job in self._watched and self._watched[job].waiting != ""

    def due_in(self) -> list[float]:
        """Seconds until each step that failed is tried again."""
        now = time.monotonic()
        return [watched.rest_until - now for watched in self._watched.values() if watched.rest_until > now]

    def _refused(self, watched: Watched, state: JobState, error: Rejected) -> bool:
        """Another was faster, or a deadline passed: normal. A refusal while nothing changed is a failure."""
        fresh = self._connection.refresh().jobs.get(state.number)
        if fresh is None or self._worker.seen(fresh) == watched.seen:
            return self._failed(watched, state, error)
        self._worker.note("overtaken", state, f"the ledger went on: {error.message}", error=error.facts.get("error"))
        return True

    def _failed(self, watched: Watched, state: JobState, error: FedledgerError) -> bool:
        pause = min(FIRST_BACKOFF * 2.0**watched.failures, LONGEST_BACKOFF)
        watched.failures += 1
        watched.rest_until = time.monotonic() + pause
        self._worker.note("failed", state, f"{error.message}; trying again in {pause:g} s", error)
        return False
