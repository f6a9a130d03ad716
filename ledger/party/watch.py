"""The loop that every role runs: look at the ledger, take each job's next step, wait for a change, and again.

It holds nothing that chain and store do not: killed at any instruction a role starts over, comes to the same step, and
sends the same transaction, which the outbox knows. One failing job never stops the others.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ledger.errors import FedledgerError, Malformed, Rejected
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.gateway import Serving
from ledger.party.journal import Journal
from ledger.rounds.steps import Seen, Wait, present

if TYPE_CHECKING:
    from ledger.chain.client import Client

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0
SHORTEST_PAUSE = 0.05
SKEW = 3
"""Seconds by which a chain node's idea of the next block's time may run ahead of the block sealed in the end."""


@dataclass(slots=True)
class Watched:
    """What is remembered of a job between looks. Lost in a crash, it costs a look.

    `since` is when its present state was first seen, by the chain's clock; `first` the round it was in, or about to
    open, when it was first seen.
    """

    seen: Seen | None = None
    since: int = 0
    first: int = 0
    failures: int = 0
    rest_until: float = 0.0
    waiting: str = ""


class Worker(Protocol):
    """Takes a role's steps."""

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """Take the job's next step; the Wait where there is none to take now. Raises what stands in the way."""
        ...

    def note(self, action: str, state: JobState, text: str, **facts: object) -> None:
        """Write an action of a job down."""
        ...


class Watch:
    """A role at work. `only` names the one job to work for; `poll` is in seconds. Roles say when they are done."""

    def __init__(
        self,
        connection: Connection,
        worker: Worker,
        journal: Journal,
        *,
        serving: Serving | None = None,
        only: int | None = None,
        poll: float = 2.0,
    ) -> None:
        self._connection, self._worker, self._journal, self._serving = connection, worker, journal, serving
        self._only, self._poll = only, poll
        self._watched: dict[int, Watched] = {}
        self._troubles: dict[str, str] = {}
        self._idle = False

    @property
    def done(self) -> bool:
        """Whether this role is to stop."""
        return False

    def left(self, state: JobState) -> bool:
        """Whether this role has nothing more to do for a job."""
        return False

    def rest(self) -> None:
        """Called when nothing is due, before waiting."""

    def due_in(self) -> list[float]:
        """Seconds after which something is due that no change of the ledger will tell of."""
        return []

    def run(self) -> None:
        """Work until done. A chain that cannot be read for a while is waited for."""
        while True:
            try:
                acted = self.look()
                if self.done:
                    return
                if not acted:
                    self.rest()
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
        states = self.chosen(history)
        if not states:
            self._nothing_open()
        acted = [self._attend(history, state, now) for state in states]
        return any(acted)

    def chosen(self, history: History) -> list[JobState]:
        """The open jobs that this role works for."""
        return [state for state in history.jobs.values() if state.open and self._only in (None, state.number)]

    def _attend(self, history: History, state: JobState, now: int) -> bool:
        watched = self._watched.setdefault(state.number, Watched())
        self._notice(watched, state, now)
        if self.left(state) or time.monotonic() < watched.rest_until:
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
            self._worker.note("waiting", state, wait.why, until=wait.until)
        return wait is None

    def _notice(self, watched: Watched, state: JobState, now: int) -> None:
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

    def _refused(self, watched: Watched, state: JobState, error: Rejected) -> bool:
        """Another was faster, or a deadline passed: normal. A refusal while nothing changed is a failure."""
        fresh = self._connection.refresh().jobs.get(state.number)
        if fresh is None or present(fresh) == watched.seen:
            return self._failed(watched, state, error)
        self._worker.note("overtaken", state, f"the ledger went on: {error.message}", error=error.facts.get("error"))
        return True

    def _failed(self, watched: Watched, state: JobState, error: FedledgerError) -> bool:
        pause = min(FIRST_BACKOFF * 2.0**watched.failures, LONGEST_BACKOFF)
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
            self._journal.note("waiting", f"for {which} to be opened", until=None)

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
        rests = [watched.rest_until - now for watched in self._watched.values() if watched.rest_until > now]
        return max(min([self._poll, *rests, *self.due_in()]), SHORTEST_PAUSE)


def clock(client: "Client") -> int:
    """The chain's clock in seconds: never ahead of the block that a transaction sent now gets into.

    So a deadline that has passed by this clock has passed for everyone, and no update can still come in before it.
    """
    return max(client.latest().time, client.time() - SKEW)


def runnable(connection: Connection, state: JobState) -> Job:
    """The job's document, its terms those of the contract. Raises Malformed where no round of it can be verified."""
    job = connection.document(state)
    if job.terms != state.terms:
        raise Malformed(
            "the job's document has other terms than the contract: no round of it can be verified",
            expected=state.terms,
            actual=job.terms,
        )
    return job
