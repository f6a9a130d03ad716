"""A participant's node: look at the ledger, take every job's next step, wait for the ledger to change, and again.

It holds nothing that chain and store do not: killed at any instruction it starts over and comes to the same step; an
update that was stored is registered as it is, one that was not is trained again to the same bytes, and a transaction
that was sent is not sent twice (the outbox knows it). One failing job never stops the others.
"""

import time
from dataclasses import dataclass

from ledger.connection import Connection
from ledger.errors import FedledgerError, Rejected
from ledger.history import History, JobState, Phase
from ledger.records import Role
from ledger.serving import Serving
from participant.journal import Journal
from participant.work import Worker, clock

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 60.0
SHORTEST_PAUSE = 0.05

Seen = tuple[int, Phase | None, int]


@dataclass(slots=True)
class _Watched:
    """What is remembered of a job between looks."""

    seen: Seen | None = None
    failures: int = 0
    rest_until: float = 0.0
    waiting: str = ""


class Node:
    """One member's node. `only` names the one job to work for; `poll` is in seconds."""

    def __init__(
        self,
        connection: Connection,
        worker: Worker,
        journal: Journal,
        *,
        serving: Serving | None = None,
        only: int | None = None,
        until_complete: bool = False,
        poll: float = 2.0,
    ) -> None:
        self._connection, self._worker, self._journal, self._serving = connection, worker, journal, serving
        self._only, self._until_complete, self._poll = only, until_complete, poll
        self._watched: dict[int, _Watched] = {}
        self._troubles: dict[str, str] = {}
        self._warm = False

    def run(self) -> None:
        """Work until interrupted, or until every job is complete. A chain that cannot be read is waited for."""
        while True:
            try:
                acted = self.look()
                if self.done:
                    return
                if not acted:
                    self._warm_up()
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
        acted = [self._attend(history, state, now) for state in self._chosen(history)]
        return any(acted)

    @property
    def done(self) -> bool:
        """Whether it was to run until every job is complete, and they are."""
        states = self._chosen(self._connection.history)
        complete = [state.complete and self._rests(state.number) for state in states]
        return self._until_complete and bool(states) and all(complete)

    def _rests(self, job: int) -> bool:
        """Whether nothing is left to do for a job: its last round's files are kept, too."""
        return self._watched[job].waiting != "" if job in self._watched else False

    def _chosen(self, history: History) -> list[JobState]:
        return [state for state in history.jobs.values() if state.open and self._only in (None, state.number)]

    def _attend(self, history: History, state: JobState, now: int) -> bool:
        watched = self._watched.setdefault(state.number, _Watched())
        self._notice(watched, state)
        if time.monotonic() < watched.rest_until:
            return False
        try:
            wait = self._worker.advance(history, state, now)
        except Rejected as error:
            return self._refused(watched, state, error)
        except FedledgerError as error:
            return self._failed(watched, state, error)
        watched.failures = 0
        if wait is not None and wait.why != watched.waiting:
            watched.waiting = wait.why
            self._worker.note("waiting", state, wait.why, until=wait.until)
        return wait is None

    def _notice(self, watched: _Watched, state: JobState) -> None:
        """A new state of the job ends waiting and backoff; its end is worth a line."""
        seen, round_ = _present(state), state.current
        if watched.seen == seen:
            return
        if watched.seen is not None and round_ is not None and round_.phase.terminal:
            self._worker.note("ended", state, f"round {round_.number} {round_.phase.value}", round=round_.number)
        watched.seen, watched.failures, watched.rest_until, watched.waiting = seen, 0, 0.0, ""

    def _refused(self, watched: _Watched, state: JobState, error: Rejected) -> bool:
        """Another was faster, or the deadline passed: normal. A refusal while nothing changed is a failure."""
        fresh = self._connection.refresh().jobs.get(state.number)
        if fresh is None or _present(fresh) == watched.seen:
            return self._failed(watched, state, error)
        self._worker.note("overtaken", state, f"the ledger went on: {error.message}", error=error.facts.get("error"))
        return True

    def _failed(self, watched: _Watched, state: JobState, error: FedledgerError) -> bool:
        pause = min(FIRST_BACKOFF * 2.0**watched.failures, LONGEST_BACKOFF)
        watched.failures += 1
        watched.rest_until = time.monotonic() + pause
        facts = {name: str(value) for name, value in error.facts.items()}
        text = f"{error.message}; looking again in {pause:g} s"
        self._worker.note("failed", state, text, error=type(error).__name__, advice=error.advice, facts=facts)
        return False

    def _serve(self) -> None:
        """Keep the gateway up; trouble with it stops no round."""
        if self._serving is None:
            return
        try:
            self._serving.check()
            self._trouble("gateway", None)
        except FedledgerError as error:
            self._trouble("gateway", error)

    def _warm_up(self) -> None:
        """Load torch while there is nothing to do: it takes seconds that a round would wait for."""
        member = self._connection.history.member_of(self._worker.key)
        if self._warm or self.done or member is None or not member.has(Role.PARTICIPANT):
            return
        self._warm = True
        try:
            import participant.local  # noqa: F401
        except ModuleNotFoundError as error:
            self._journal.note(
                "failed", 'this node cannot train: install "fedledger[node]"', error=type(error).__name__
            )

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
        return max(min([self._poll, *waits]), SHORTEST_PAUSE)


def _present(state: JobState) -> Seen:
    """The job's state as far as waiting depends on it."""
    round_ = state.current
    return (0, None, 0) if round_ is None else (round_.number, round_.phase, round_.attempt)
