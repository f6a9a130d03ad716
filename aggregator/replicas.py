"""Own copies of a round's updates, made as soon as they are on the ledger: so that aggregation reads locally, and a
participant that dies after it submitted holds nobody up.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid, of_file
from ledger.history.state import Round, Update
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.rounds.admission import Verdict, weigh

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


def update_pin(round_: Round, index: int) -> str:
    """Under what name an update is kept."""
    return f"update/{round_.job}/{round_.number}/{index}"


def model_pin(job: int, number: int) -> str:
    """Under what name the global model of a round is kept."""
    return f"model/{job}/{number}"


@dataclass(slots=True)
class _Gathered:
    """What is known of the present round of one job: who has been read, and when to ask again for the others."""

    round: int
    had: set[int] = field(default_factory=set)
    again: dict[int, tuple[float, float]] = field(default_factory=dict)


class Replicas:
    """Gathers updates. What it remembers only spares work: after a crash it looks again."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._gathered: dict[int, _Gathered] = {}
        self._held: set[Cid] = set()

    def hold(self, cid: Cid, pin: str, size: int) -> None:
        """Keep a copy of a file that rounds stand on, as far as it can be had now; who reads it will say if not."""
        if cid in self._held:
            return
        with suppress(Malformed, Unavailable):
            self._connection.keep(cid, pin, limit=size)
            self._held.add(cid)

    def gather(self, job: Job, round_: Round) -> frozenset[int]:
        """Copy what is not here yet; the members whose updates' bytes nobody gives now.

        An update whose weight is refused needs no bytes. One that is no file of the job is had as well: admission says
        what is wrong with it.
        """
        known = self._known(round_)
        missing = set()
        for update in round_.sorted_updates():
            if update.index in known.had or weigh(update.weight, job.admission).verdict is not Verdict.ADMITTED:
                continue
            if self._try(job, round_, update, known):
                known.had.add(update.index)
            else:
                missing.add(update.index)
        return frozenset(missing)

    def retry_in(self, job: int) -> float | None:
        """Seconds until an update is to be asked for again; None where none is missing."""
        known = self._gathered.get(job)
        waits = [at for index, (at, _) in known.again.items() if index not in known.had] if known else []
        return max(0.0, min(waits) - self._clock()) if waits else None

    def lost(self, round_: Round, cid: object, size: int) -> bool:
        """Take note that a file could not be read after all; whether it was one of the round's updates."""
        known = self._known(round_)
        indices = {update.index for update in round_.updates.values() if of_file(update.cid, size) == cid}
        known.had -= indices
        return bool(indices)

    def _known(self, round_: Round) -> _Gathered:
        known = self._gathered.get(round_.job)
        if known is None or known.round != round_.number:
            known = self._gathered[round_.job] = _Gathered(round_.number)
        return known

    def _try(self, job: Job, round_: Round, update: Update, known: _Gathered) -> bool:
        at, pause = known.again.get(update.index, (0.0, FIRST_PAUSE))
        if self._clock() < at:
            return False
        if self._copy(of_file(update.cid, job.layout.size), update_pin(round_, update.index), job.layout.size):
            known.again.pop(update.index, None)
            return True
        known.again[update.index] = (self._clock() + pause, min(2 * pause, LONGEST_PAUSE))
        return False

    def _copy(self, cid: Cid, pin: str, size: int) -> bool:
        """Whether the bytes can be had: in the own store, or, where that cannot take them, from another holder.

        A full disk or a damaged own copy is no reason to say that an update is unavailable.
        """
        try:
            self._connection.keep(cid, pin, limit=size)
        except Malformed:
            return True
        except Unavailable:
            return self._readable(cid, size)
        return True

    def _readable(self, cid: Cid, size: int) -> bool:
        try:
            for _ in self._connection.fetch(cid, 0, size + 1):
                pass
        except Malformed:
            return True
        except Unavailable:
            return False
        return True
