"""What a party keeps of rounds, besides its own updates: each additional copy is one more that must be lost before a
file is. Copies of updates are made as soon as these are opened, so that aggregation reads locally, and a participant
that dies after it showed its update delays nobody.

Files are copied in the background (`ledger.party.background`), each with a deadline; what a step needs of them is seen
in `Gathering`.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field

from ledger.errors import Unavailable
from ledger.formats.cid import RAW, Cid, of_file
from ledger.jobs.document import Job, committed_set
from ledger.party.connection import Connection
from ledger.party.copying import Copying
from ledger.party.pins import base_pin, job_pin, model_pin, receipts_pin, set_pin, update_pin
from ledger.rounds.facts import Base, RoundFacts, base_of
from ledger.rounds.receipts import MAX_SIZE as MAX_RECEIPTS
from ledger.scores.evaluation_set import layout_of

PROMPT = 0.5
"""Seconds that a look waits for the copies it began: those of a fast holder are there at once, in the same look."""
SOON = 0.25
"""Seconds until the next look while copies are being made."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How far a round's files are here. `copying` names those that are being copied for the first time; `missing` are
    the members whose updates' bytes could not be had, and why; `held` those whose updates the own store has whole.
    """

    copying: tuple[str, ...] = ()
    missing: Mapping[int, Unavailable] = field(default_factory=dict)
    held: frozenset[int] = frozenset()


class Copies:
    """Keeps files in the own store. What it remembers only spares work: after a crash it looks again."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._clock = connection, clock
        self._rounds: dict[int, tuple[int, dict[Cid, Copying]]] = {}
        self._kept: set[Cid] = set()
        self._whole: set[Cid] = set()

    @property
    def busy(self) -> bool:
        """Whether a copy is being made."""
        return any(not file.future.done() for file in self._known() if file.future is not None)

    def settle(self, seconds: float) -> bool:
        """Wait for the copies that are being made, no longer than `seconds`; whether there were any."""
        files = [file for file in self._known() if file.running]
        wait([file.future for file in files if file.future is not None], seconds)
        for file in files:
            file.look(self._clock())
        return bool(files)

    def job(self, job: Job) -> None:
        """The job's document, which is here: no holder is asked for it again."""
        if job.cid not in self._kept:
            with suppress(Unavailable):
                self._connection.put([job.encode()], job_pin(job.digest))
                self._kept.add(job.cid)

    def base(self, facts: RoundFacts, seconds: float) -> Gathering:
        """The model that a round builds on, copied in the background within `seconds`."""
        return self._gather([self._base(facts)], seconds)

    def check_base(self, facts: RoundFacts) -> None:
        """Raises Unavailable where the model that a round builds on could not be had when it was last asked for."""
        file = self._base(facts)
        if file.failed is not None:
            raise file.failed

    def gather(self, facts: RoundFacts, seconds: float, members: Collection[int] | None = None) -> Gathering:
        """A round's opened updates, all or those of `members`, and the model that it builds on, copied in the
        background, each within `seconds`.

        To be called again and again: what was had is not read again, and what was unavailable is asked for again only
        after a pause (see `retry_in`). One that is not a file of the job counts as had, and is not held: admission says
        what is wrong with it.
        """
        return self._gather([self._base(facts), *self._updates(facts, members)], seconds)

    def receipts(self, facts: RoundFacts, seconds: float) -> Gathering:
        """The receipts file that the round's latest aggregate names."""
        return self._gather([self._receipts(facts)], seconds)

    def check_receipts(self, facts: RoundFacts) -> None:
        """Raises Unavailable where that file could not be had when it was last asked for."""
        file = self._receipts(facts)
        if file.failed is not None:
            raise file.failed

    def round(self, facts: RoundFacts, seconds: float) -> Gathering:
        """All that a finalised round was made of, and its model; what could be read but not kept is tried again."""
        files, round_ = self._updates(facts), facts.round
        if round_.final is not None:
            pin = model_pin(round_.job, round_.number)
            files += [self._file(facts, of_file(round_.final.cid, facts.size), pin, "the model"), self._receipts(facts)]
        for file in files:
            file.keep_again(self._clock())
        return self._gather(files, seconds)

    def scored(self, facts: RoundFacts, seconds: float) -> Gathering:
        """What a finalised round's scores are worked out from: the updates of its model, those that it builds on, and
        the set that the job commits to, once somebody has opened that.
        """
        return self._gather(self._scored(facts), seconds)

    def check_scored(self, facts: RoundFacts) -> None:
        """Raises Unavailable where one of these could not be had when it was last asked for."""
        for file in self._scored(facts):
            if file.failed is not None:
                raise file.failed

    def retry_in(self, job: int) -> float | None:
        """Seconds until a file is asked for again, or may have come; None where all are had."""
        _, files = self._rounds.get(job, (0, {}))
        waits = [SOON if one.running else one.again - self._clock() for one in files.values() if not one.had]
        return max(0.0, min(waits)) if waits else None

    def lost(self, facts: RoundFacts, cid: object) -> None:
        """Take note that a file could not be read after all: it is asked for again."""
        files = self._files(facts)
        for known in [known for known in files if known == cid]:
            self._kept.discard(known)
            self._whole.discard(known)
            del files[known]

    def _known(self) -> list[Copying]:
        return [file for _, files in self._rounds.values() for file in files.values()]

    def _scored(self, facts: RoundFacts) -> list[Copying]:
        files = [self._base(facts), *self._updates(facts, {update.index for update in facts.round.admitted()})]
        if facts.base.round:
            files.append(self._base(facts, base_of(facts.state, facts.job, facts.base.round)))
        if (evidence := committed_set(facts.job.scoring)) is not None:
            size = layout_of(evidence.samples, evidence.shape).size
            files.append(self._file(facts, Cid.parse(evidence.cid), set_pin(evidence), "the evaluation set", size))
        return files

    def _base(self, facts: RoundFacts, base: Base | None = None) -> Copying:
        base = base or facts.base
        return self._file(facts, base.cid, base_pin(facts.state.number, base), "the base model")

    def _updates(self, facts: RoundFacts, members: Collection[int] | None = None) -> list[Copying]:
        job, number = facts.round.job, facts.round.number
        files = []
        for entry in facts.entries:
            index = entry.update.index
            if members is not None and index not in members:
                continue
            file = self._file(facts, entry.cid, update_pin(job, number, index), f"the update of member {index}")
            file.members.add(index)
            files.append(file)
        return files

    def _receipts(self, facts: RoundFacts) -> Copying:
        round_ = facts.round
        cid = Cid(RAW, round_.aggregates[-1].receipts)
        pin = receipts_pin(round_.job, round_.number, round_.attempt)
        return self._file(facts, cid, pin, "the receipts", MAX_RECEIPTS)

    def _files(self, facts: RoundFacts) -> dict[Cid, Copying]:
        """The round of the job that is gathered. Of an earlier one nothing is remembered."""
        round_ = facts.round
        number, files = self._rounds.get(round_.job, (0, {}))
        if number != round_.number:
            files = {}
            self._rounds[round_.job] = round_.number, files
        return files

    def _file(self, facts: RoundFacts, cid: Cid, pin: str, name: str, size: int = 0) -> Copying:
        files = self._files(facts)
        if cid not in files:
            files[cid] = Copying(self._connection, cid, pin, name, size or facts.size)
            files[cid].had = files[cid].kept = cid in self._kept
            files[cid].whole = cid in self._whole
        return files[cid]

    def _gather(self, files: Collection[Copying], seconds: float) -> Gathering:
        now = self._clock()
        begun = [future for file in files if (future := file.begin(now, seconds)) is not None]
        for late in wait(begun, PROMPT).not_done:
            late.add_done_callback(lambda _: self._connection.follower.nudge())
        now = self._clock()
        for file in files:
            file.look(now)
        self._kept.update(file.cid for file in files if file.had and file.kept)
        self._whole.update(file.cid for file in files if file.whole)
        copying = tuple(dict.fromkeys(file.name for file in files if file.first))
        missing = {index: file.failed for file in files if file.failed is not None for index in file.members}
        held = frozenset(index for file in files if file.whole for index in file.members)
        return Gathering(copying, missing, held)
