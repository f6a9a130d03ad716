"""The threads behind the pages: one follows the chain, one reads job documents, one audits. No request waits."""

import gc
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from typing import Self

from ledger.config import LOCAL_CHAIN
from ledger.errors import FedledgerError
from ledger.history.fold import History
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from web.documents.answers import AuditLine
from web.reading.audits.auditors import Auditors
from web.reading.audits.headers import Headers
from web.reading.audits.history import AuditHistory, line_of
from web.reading.backlog import Backlog
from web.reading.events.feed import feed_of
from web.reading.judged import judged
from web.reading.latest import Audited, Latest
from web.reading.library import Library
from web.reading.snapshot import ended_rounds, freeze

POLL, LOCAL_POLL = 1.0, 0.25
TICK = 5
RETRY = 2.0
SHORTEST_REST, SHARE = 5.0, 10
"""An audit rests so many seconds after the last, and so many times as long as that took."""

SETTLED = 20_000
"""After so many more events the history is kept out of the garbage collector's way again."""

NEVER = Audited(0, 0.0, {}, None)
"""Before the first audit."""

Open = Callable[[], Connection]
_log = logging.getLogger("fedledger.web")


class Live:
    """Keeps the latest state while it is open. `visit` opens connections to the chain, `own` to chain and content."""

    def __init__(
        self,
        latest: Latest,
        library: Library,
        visit: Open,
        own: Open,
        *,
        source: bool = True,
        audits: AuditHistory | None = None,
        auditors: Auditors | None = None,
    ) -> None:
        self._latest, self._visit, self._own = latest, visit, own
        self._audits, self._auditors = audits, auditors
        self._backlog = Backlog(latest, library)
        self._source = source
        self._stop = Event()
        jobs = {"follow": self._follow, "library": self._read, "audit": self._audit}
        self._threads = [
            Thread(target=self._forever, args=(one,), name=name, daemon=True) for name, one in jobs.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)

    def _forever(self, work: Callable[[], None]) -> None:
        """Start again after any error, which is shown; a defect must not leave pages that look fresh."""
        while not self._stop.is_set():
            try:
                work()
            except FedledgerError as error:
                self._note(work, error.message)
            except Exception as error:  # noqa: BLE001  the edge of the thread
                _log.exception("a defect in a background thread")
                self._note(work, f"a defect of fedledger: {type(error).__name__}")
            self._stop.wait(RETRY)

    def _note(self, work: Callable[[], None], message: str) -> None:
        if work == self._follow and self._latest.state.trouble != message:
            self._latest.post(trouble=message)

    def _follow(self) -> None:
        with self._visit() as connection:
            poll = LOCAL_POLL if connection.place.chain == LOCAL_CHAIN else POLL
            seen: tuple[History | None, int, int] = (None, 0, 0)
            settled, ahead, fed, headers = 0, 0.0, None, Headers()
            while not self._stop.is_set():
                history = connection.refresh()
                block = connection.follower.tip.number
                state = self._latest.state
                now, times = int(time.time() + ahead), connection.follower.times()
                if history is not seen[0] or (history.applied, len(times)) != seen[1:] or state.trouble:
                    fed = feed_of(history, fed)
                    fed[1].extend(connection.follower.events_after(fed[1].block), block)
                    ahead, read_at = connection.client.time() - time.time(), int(time.time())
                    now = int(read_at + ahead)
                    self._latest.post(
                        snapshot=freeze(history, block, state.snapshot, times, fed[1]),
                        trouble="",
                        read_at=read_at,
                        time=now,
                    )
                    if seen[0] is not history or history.applied - settled >= SETTLED:
                        settled = _settle(history)
                    seen = (history, history.applied, len(times))
                elif time.time() - state.read_at >= TICK or (state.snapshot and state.snapshot.turned(state.time, now)):
                    ahead = connection.client.time() - time.time()
                    clock = time.time()
                    self._latest.tick(block, int(clock + ahead), int(clock))
                if (learned := headers.learn(connection.client, history, block, state.reports)) is not None:
                    self._latest.post(headers=learned)
                self._stop.wait(poll)

    def _read(self) -> None:
        while not self._stop.is_set():
            serial = self._latest.state.serial
            self._backlog.catch_up()
            found = self._auditors.changed() if self._auditors else None
            if self._auditors is not None and found is not None:
                self._latest.post(reports=found, norms=self._auditors.norms)
            if self._latest.state.serial == serial:
                self._latest.wait(serial, RETRY)

    def _audit(self) -> None:
        rested, judged = 0.0, None
        if self._audits is not None:
            self._latest.post(audits=self._audits.lines)
        while not self._stop.is_set():
            state = self._latest.state
            found, last = state.snapshot.judged if state.snapshot else (), state.audited
            due = state.snapshot and any(state.snapshot.jobs) and (found != judged or last is None or last.trouble)
            if not due or time.monotonic() < rested:
                self._stop.wait(0.5)
                continue
            seconds, judged = self._audit_once(), found
            rested = time.monotonic() + max(SHORTEST_REST, SHARE * seconds)

    def _audit_once(self) -> float:
        """Audit all that stands. Where that cannot be done, what the last audit said stays, with the trouble."""
        self._latest.post(auditing=True)
        began = time.monotonic()
        made = replace(self._latest.state.audited or NEVER, trouble="a defect of fedledger")
        try:
            with self._own() as connection:
                report = inspect(connection, AuditRequest(source=self._source))
                history = connection.history
            claims = (one.claim for one in report.right.claims)
            about = judged(claims, history.jobs, history.decisions)
            seconds = round(time.monotonic() - began, 2)
            made = Audited(int(time.time()), seconds, ended_rounds(history.jobs), report, judged=about)
        except FedledgerError as error:
            made = replace(made, trouble=error.message)
        finally:
            self._latest.post(audited=made, audits=self._remembered(made), auditing=False)
        return time.monotonic() - began

    def _remembered(self, made: Audited) -> tuple[AuditLine, ...]:
        if self._audits is None or made.report is None or made.trouble:
            return self._latest.state.audits
        return self._audits.add(line_of(made.report, made.at, made.seconds, made.rounds))


def _settle(history: History) -> int:
    """Take what is there out of the collector's passes, which would delay responses by 0.2 s for 10,000 rounds.

    A history has no cycles, so what a reorganisation drops is still freed.
    """
    gc.collect()
    gc.freeze()
    return history.applied
