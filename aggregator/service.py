"""The aggregator at work: look at the ledger, take every job's next step, wait for the ledger to change, and again.

It holds nothing that chain and store do not: killed at any instruction it starts over, comes to the same step, makes
the same bytes, and sends the same transaction, which the outbox knows. One failing job never stops the others.
"""

import time
from dataclasses import dataclass

from aggregator.journal import Journal
from aggregator.steps import present
from aggregator.work import Worker, clock
from ledger.connection import Connection
from ledger.errors import FedledgerError, Rejected
from ledger.history import History, JobState, Phase
from ledger.serving import Serving

LONGEST_BACKOFF = 60.0
SHORTEST_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Goal:
    """When to stop: when each job has had its last round (`complete`), the round it is in (`once`), or round `rounds`.

    Without any of them, never. No round is opened for a job that has reached the goal.
    """

    complete: bool = False
    once: bool = False
    rounds: int | None = None

    def reached(self, state: JobState, first: int) -> bool:
        """Whether a job is done with; `first` is the round it was in, or about to open, when it was first seen."""
        if state.complete:
            return True
        last = first if self.once else self.rounds
        round_ = None if last is None else state.rounds.get(last)
        return round_ is not None and round_.phase.terminal

    @property
    def ends(self) -> bool:
        return self.complete or self.once or self.rounds is not None


@dataclass(slots=True)
class _Watched:
    """What is remembered of a job between looks."""

    seen: tuple[int, Phase | None, int] | None = None
    since: int = 0
    first: int = 0
    failures: int = 0
    rest_until: float = 0.0
    waiting: str = ""


class Service:
    """One member's aggregator. `only` names the one job to work for; `poll` is in seconds."""

    def __init__(
        self,
        connection: Connection,
        worker: Worker,
        journal: Journal,
        *,
        serving: Serving | None = None,
        only: int | None = None,
        goal: Goal | None = None,
        poll: float = 2.0,
    ) -> None:
        self._connection, self._worker, self._journal, self._serving = connection, worker, journal, serving
        self._only, self._goal, self._poll = only, goal or Goal(), poll
        self._watched: dict[int, _Watched] = {}
        self._troubles: dict[str, str] = {}
        self._idle = False

    def run(self) -> None:
        """Work until the goal is reached. A chain that cannot be read for a while is waited for."""
        while True:
            try:
                acted = self.look()
                if self.done:
                    return
                if not acted:
                    self._connection.follower.wait(self._pause())
            except FedledgerError as error:
                self._trouble("chain", error)
                time.sleep(self._poll)

    def look(self) -> bool:
        """One look at every job; whether anything was done, so that another look is due at once.

        Raises Unavailable or HistoryError where the chain cannot be read.
        """
        history = self._connection.refresh()
        now = clock(self._connection.client)
        self._trouble("chain", None)
        self._serve()
        states = self._chosen(history)
        if not states:
            self._nothing_open()
        acted = [self._attend(history, state, now) for state in states]
        return any(acted)

    @property
    def done(self) -> bool:
        """Whether the goal is reached."""
        states = self._chosen(self._connection.history)
        return self._goal.ends and bool(states) and all(map(self._done, states))

    def _done(self, state: JobState) -> bool:
        watched = self._watched.get(state.number)
        return self._goal.reached(state, watched.first if watched else 0)

    def _chosen(self, history: History) -> list[JobState]:
        return [state for state in history.jobs.values() if state.open and self._only in (None, state.number)]

    def _attend(self, history: History, state: JobState, now: int) -> bool:
        watched = self._watched.setdefault(state.number, _Watched())
        self._notice(watched, state, now)
        if self._done(state) or time.monotonic() < watched.rest_until:
            return False
        try:
            wait = self._worker.advance(history, state, watched.since, now)
        except Rejected as error:
            return self._refused(watched, state, error)
        except FedledgerError as error:
            return self._failed(watched, state, error)
        watched.failures = 0
        if wait is not None and wait.why != watched.waiting:
            watched.waiting = wait.why
            self._worker.note("waiting", state, wait.why, why=wait.why, until=wait.until)
        return wait is None

    def _notice(self, watched: _Watched, state: JobState, now: int) -> None:
        """A new state of the job ends waiting and backoff; its end is worth a line."""
        if watched.seen == (seen := present(state)):
            return
        round_ = state.current
        ended = round_ is not None and round_.phase.terminal
        if not watched.first:
            watched.first = len(state.rounds) + (round_ is None or ended)
        elif round_ is not None and ended:
            self._worker.note("ended", state, f"round {round_.number} {round_.phase.value}", round=round_.number)
        watched.seen, watched.since = seen, now
        watched.failures, watched.rest_until, watched.waiting = 0, 0.0, ""

    def _refused(self, watched: _Watched, state: JobState, error: Rejected) -> bool:
        """Another was faster: normal. A refusal while nothing changed is a failure."""
        fresh = self._connection.refresh().jobs.get(state.number)
        if fresh is None or present(fresh) == watched.seen:
            return self._failed(watched, state, error)
        self._worker.note("overtaken", state, f"another was faster: {error.message}", error=error.facts.get("error"))
        return True

    def _failed(self, watched: _Watched, state: JobState, error: FedledgerError) -> bool:
        pause = min(2.0**watched.failures, LONGEST_BACKOFF)
        watched.failures += 1
        watched.rest_until = time.monotonic() + pause
        facts = {name: str(value) for name, value in error.facts.items()}
        text = f"{error.message}; trying again in {pause:g} s"
        self._worker.note("failed", state, text, error=type(error).__name__, advice=error.advice, facts=facts)
        return False

    def _nothing_open(self) -> None:
        """Say once what is waited for: it may be a misspelt number."""
        if not self._watched and not self._idle:
            self._idle = True
            which = "a job" if self._only is None else f"job {self._only}"
            self._journal.note("waiting", f"for {which} to be opened", why="no such job is open", until=None)

    def _serve(self) -> None:
        """Keep the gateway up; trouble with it stops no round."""
        if self._serving is None:
            return
        try:
            self._serving.check()
            self._trouble("gateway", None)
        except FedledgerError as error:
            self._trouble("gateway", error)

    def _trouble(self, what: str, error: FedledgerError | None) -> None:
        """Say once what is wrong, and once that it is over."""
        message = error.message if error else ""
        if message == self._troubles.get(what, ""):
            return
        self._troubles[what] = message
        text = f"{what}: {message}" if message else f"{what}: well again"
        self._journal.note("failed" if error else "recovered", text, error=type(error).__name__ if error else None)

    def _pause(self) -> float:
        """Seconds until something may be due; a change of the ledger ends the wait before."""
        now = time.monotonic()
        waits = [watched.rest_until - now for watched in self._watched.values() if watched.rest_until > now]
        waits += [wait for number in self._watched if (wait := self._worker.replicas.retry_in(number)) is not None]
        return max(min([self._poll, *waits]), SHORTEST_PAUSE)
