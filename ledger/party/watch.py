"""The loop that every role runs: look at the ledger, take each job's next step, wait for a change, and again.

It holds nothing that chain and store do not: killed at any instruction a role starts over, comes to the same step, and
sends the same transaction, which the outbox knows.
"""

import time
from collections.abc import Hashable

from ledger.errors import FedledgerError
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.copies import SOON
from ledger.party.gateway import Serving
from ledger.party.journal import Journal
from ledger.party.pacing import Pacing
from ledger.party.worker import Worker

SHORTEST_PAUSE = 0.05
"""Seconds between two looks at what no change of the ledger announces, at least, among few members."""
PART, LATE = 0.5, 2
"""The part of the time in which what is waited for is expected, after which one looks how far it is; and so many times
as long as news is gathered, at most: it may come sooner.
"""


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
        self._pacing = Pacing(connection, worker)
        self._first: dict[int, int] = {}
        self._troubles: dict[str, str] = {}
        self._idle = False
        self._read: History | None = None
        self._from: tuple[Hashable, int, float] = None, 0, 0.0
        self._looked: Hashable = None

    @property
    def done(self) -> bool:
        """Whether this role is to stop."""
        return False

    def finished(self, state: JobState) -> bool:
        """Whether this role has nothing more to do for a job."""
        return False

    def rest(self) -> None:
        """Called when nothing is due, before waiting."""

    def settle(self, seconds: float) -> bool:
        """Wait for what is copied or asked beside this thread, no longer than `seconds` each; whether there was any."""
        connection = self._connection
        copied = self._worker.copies.settle(seconds)
        asked = connection.witnesses.settle(seconds)
        return connection.documents.settle(seconds) or asked or copied

    def due_in(self) -> list[float]:
        """Seconds after which something is due that no change of the ledger announces."""
        asking = [SOON] if self._connection.witnesses.busy or self._connection.documents.busy else []
        return self._pacing.due_in() + asking

    def run(self) -> None:
        """Work until done. A chain that cannot be read for a while is waited for."""
        while True:
            try:
                acted = self.look()
                if self.done:
                    return
                if not acted:
                    self.rest()
                    crowded = self._connection.follower.crowded
                    self._wait(max(min([self._poll, *self.due_in()]), SHORTEST_PAUSE, crowded))
            except FedledgerError as error:
                self._trouble("chain", error)
                time.sleep(self._poll)

    def look(self) -> bool:
        """One look at every job; whether anything was done, so that another look is due at once. Among many members it
        is not, after a step that nothing but news follows on: a look at what all of them did will come.

        Raises Unavailable or HistoryError where the chain cannot be read.
        """
        history, self._read = self._read or self._connection.refresh(), None
        self._looked = self._told(history)
        now = self._connection.time()
        self._trouble("chain", None)
        self._trouble("clock", self._connection.doubt)
        self._serve()
        states = self.chosen(history)
        if not states:
            self._nothing_open()
        patient = self._connection.follower.crowded > 0
        acted = [state.number for state in states if self.attend(history, state, now)]
        return any(not (patient and self._worker.awaits_news(job)) for job in acted)

    def _wait(self, seconds: float) -> None:
        """Wait for something to look at. What other members do in a round, each in a block of its own, is only read:
        where many of them commit or attest, one look at all of it does. Among many the chain is left alone meanwhile
        for a part of the time that they are expected to take.
        """
        follower, end, before = self._connection.follower, time.monotonic() + seconds, self._connection.history
        told, applied = self._told(before), before.applied
        if self._looked not in (None, told):  # a step has read more than the look that it was taken in
            return
        while follower.wait(max(end - time.monotonic(), 0.0), self._rest(told)) and follower.is_behind:
            history = self._connection.refresh()
            more, applied = history.applied > applied, history.applied
            one_of_many = more and history is before and self._told(history) == told
            if not one_of_many or self._connection.network.chain.confirmations or time.monotonic() >= end:
                self._read = history
                return

    def _rest(self, told: Hashable) -> float:
        """Seconds until so many members may have acted as must before there is a step to take: a part of what they
        take if they go on as they did since anything else happened. 0 where that is not known, and among few.
        """
        history, now = self._connection.history, time.monotonic()
        before, applied, since = self._from
        if before != told or history.applied < applied:
            self._from = told, history.applied, now
            return 0.0
        rounds = [state.current for state in self.chosen(history)]
        lacking = min((one.lacks if one is not None else 0 for one in rounds), default=0)
        if not lacking or history.applied == applied:
            return 0.0
        expected = lacking * (now - since) / (history.applied - applied)
        return min(PART * expected, LATE * self._connection.follower.crowded)

    def _told(self, history: History) -> Hashable:
        """What this role may have to act on."""
        return history.told, tuple((state.number, self._worker.seen(state)) for state in self.chosen(history))

    def chosen(self, history: History) -> list[JobState]:
        """The open jobs that this role works for."""
        return [state for state in history.jobs.values() if state.open and self._only in (None, state.number)]

    def first_round(self, job: int) -> int:
        """The round that a job was in, or about to open, when it was first seen; 0 where it was not seen yet."""
        return self._first.get(job, 0)

    def attend(self, history: History, state: JobState, now: int) -> bool:
        """One look at one job; whether anything was done. The end of a round is worth a line."""
        if self._pacing.notice(state, now):
            round_ = state.current
            ended = round_ is not None and round_.phase.terminal
            if state.number not in self._first:
                self._first[state.number] = len(state.rounds) + (round_ is None or ended)
            elif round_ is not None and ended:
                text = f"round {round_.number} {round_.phase.value}"
                self._worker.note("ended", state, text, round=round_.number)
        return not self.finished(state) and self._pacing.advance(history, state, now)

    def _nothing_open(self) -> None:
        """Say once what is waited for: it may be a mistyped number."""
        if not self._first and not self._idle:
            self._idle = True
            which = "a job" if self._only is None else f"job {self._only}"
            self._journal.note("waiting", f"waits for {which} to be opened", until=None)

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
        self._journal.note("failed" if error else "recovered", text, error=error.kind if error else None)
