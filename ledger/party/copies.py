"""What a party keeps of rounds, besides its own updates: each additional copy is one more that must be lost before a
file is. An aggregator's copies of updates are made as soon as these are on the ledger, so that aggregation reads
locally, and a participant that dies after it submitted delays nobody.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid, of_file
from ledger.jobs.document import Job, committed_set
from ledger.party.connection import Connection
from ledger.party.pins import base_pin, job_pin, model_pin, set_pin, update_pin
from ledger.rounds.admission import to_read
from ledger.rounds.facts import Entry, RoundFacts
from ledger.scores.evaluation_set import layout_of

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds after which an update whose bytes could not be had is asked for again; doubled each time, up to the last."""


@dataclass(slots=True)
class _Gathered:
    """The round of a job that is gathered: the members whose updates were had, and when to ask for the others again."""

    round: int
    had: set[int] = field(default_factory=set)
    again: dict[int, tuple[float, float]] = field(default_factory=dict)


class Copies:
    """Keeps files in the own store. What it remembers only spares work: after a crash it looks again."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._kept: set[Cid] = set()
        self._gathered: dict[int, _Gathered] = {}

    def job(self, job: Job) -> None:
        """The job's document."""
        self._hold(job.cid, job_pin(job.digest), len(job.encode()))

    def base(self, facts: RoundFacts) -> None:
        """The model that a round builds on."""
        self._hold(facts.base.cid, base_pin(facts.state.number, facts.base), facts.size)

    def evaluation_set(self, job: Job) -> None:
        """The set that the job commits to, once somebody has opened it."""
        evidence = committed_set(job.scoring)
        if evidence is not None:
            size = layout_of(evidence.samples, evidence.shape).size
            self._hold(Cid.parse(evidence.cid), set_pin(evidence), size)

    def round(self, facts: RoundFacts) -> None:
        """All that a finalised round was made of, and its model."""
        self.updates(facts)
        round_ = facts.round
        if round_.final is not None:
            self._hold(of_file(round_.final.cid, facts.size), model_pin(round_.job, round_.number), facts.size)

    def updates(self, facts: RoundFacts) -> frozenset[int]:
        """A round's updates, each asked for now; the members whose updates' bytes are unavailable.

        An update whose weight is refused needs no bytes. One that is not a file of the job counts as had: admission
        says what is wrong with it.
        """
        return frozenset(entry.update.index for entry in to_read(facts) if not self._obtain(facts, entry))

    def gather(self, facts: RoundFacts) -> frozenset[int]:
        """The same for a round that is looked at again and again: what was had is not read again, and what was
        unavailable is asked for again only after a pause (see `retry_in`).
        """
        known = self._known(facts)
        asked = [entry for entry in to_read(facts) if entry.update.index not in known.had]
        return frozenset(entry.update.index for entry in asked if not self._try(facts, entry, known))

    def retry_in(self, job: int) -> float | None:
        """Seconds until `gather` asks for an update again; None where none is missing."""
        known = self._gathered.get(job)
        waits = [at for index, (at, _) in known.again.items() if index not in known.had] if known else []
        return max(0.0, min(waits) - self._clock()) if waits else None

    def lost(self, facts: RoundFacts, cid: object) -> None:
        """Take note that a file could not be read after all: where it is one of the round's updates, it is asked for
        again.
        """
        indices = {entry.update.index for entry in facts.entries if entry.cid == cid}
        self._known(facts).had -= indices
        self._kept = {kept for kept in self._kept if kept != cid}

    def _known(self, facts: RoundFacts) -> _Gathered:
        round_ = facts.round
        known = self._gathered.get(round_.job)
        if known is None or known.round != round_.number:
            known = self._gathered[round_.job] = _Gathered(round_.number)
        return known

    def _try(self, facts: RoundFacts, entry: Entry, known: _Gathered) -> bool:
        index = entry.update.index
        at, pause = known.again.get(index, (0.0, FIRST_PAUSE))
        if self._clock() < at:
            return False
        if self._obtain(facts, entry):
            known.had.add(index)
            known.again.pop(index, None)
            return True
        known.again[index] = (self._clock() + pause, min(2 * pause, LONGEST_PAUSE))
        return False

    def _obtain(self, facts: RoundFacts, entry: Entry) -> bool:
        """Whether an update's bytes can be had: in the own store or, where that cannot take them, from another holder.

        A full disk or a damaged own copy is no reason to call an update unavailable.
        """
        cid, pin = entry.cid, update_pin(facts.round.job, facts.round.number, entry.update.index)
        try:
            self._keep(cid, pin, facts.size)
        except Malformed:
            return True
        except Unavailable:
            return self._readable(cid, facts.size)
        return True

    def _hold(self, cid: Cid, pin: str, size: int) -> None:
        """Keep a file as far as it can be had now; what needs it says so if not."""
        with suppress(Malformed, Unavailable):
            self._keep(cid, pin, size)

    def _keep(self, cid: Cid, pin: str, size: int) -> None:
        if cid not in self._kept:
            self._connection.keep(cid, pin, limit=size)
            self._kept.add(cid)

    def _readable(self, cid: Cid, size: int) -> bool:
        try:
            for _ in self._connection.fetch(cid, 0, size + 1):
                pass
        except Malformed:
            return True
        except Unavailable:
            return False
        return True
