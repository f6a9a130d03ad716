"""What a party keeps of rounds, besides its own updates: each additional copy is one more that must be lost before a
file is. Copies of updates are made as soon as these are opened, so that aggregation reads locally, and a participant
that dies after it showed its update delays nobody. Updates that others keep (`ledger.rounds.assignment`) are borrowed
for the round; small files that come at a time are stored together.

Files are copied in the background (`ledger.party.background`), each with a deadline; what a step needs of them is seen
in `Gathering`.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ledger.errors import Unavailable
from ledger.formats.cid import RAW, Cid, of_file
from ledger.jobs.document import Job, committed_set
from ledger.party.connection import Connection
from ledger.party.copying import Copying, store_together
from ledger.party.pins import base_pin, job_pin, model_pin, receipts_pin, set_pin, update_pin
from ledger.rounds.assignment import assigned, copies_wanted
from ledger.rounds.facts import Base, Entry, RoundFacts, base_of
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


Keeps = Callable[[RoundFacts], Collection[int]]
"""The authors whose updates of a round are kept; others are borrowed where they are needed."""


def all_updates(facts: RoundFacts) -> Collection[int]:
    """For a role that keeps whatever it works with."""
    return facts.round.updates


class Copies:
    """Keeps files in the own store: of updates those that it is said to keep. What it remembers only spares work: after
    a crash it looks again.
    """

    def __init__(
        self, connection: Connection, clock: Callable[[], float] = time.monotonic, keeps: Keeps = all_updates
    ) -> None:
        self._connection, self._clock, self._keeps = connection, clock, keeps
        self._rounds: dict[int, tuple[int, dict[Cid, Copying]]] = {}
        self._kept: set[Cid] = set()
        self._whole: set[Cid] = set()

    @property
    def busy(self) -> bool:
        """Whether a copy is being made."""
        return any(file.future is None or not file.future.done() for file in self._known() if file.running)

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

    def gather(
        self,
        facts: RoundFacts,
        seconds: float,
        members: Collection[int] | None = None,
        keep: Collection[int] = (),
    ) -> Gathering:
        """A round's opened updates, all or those of `members`, and the model that it builds on, copied in the
        background, each within `seconds`. Those of `keep` are kept even where it is others' to keep them.

        To be called again and again: what was had is not read again, and what was unavailable is asked for again only
        after a pause (see `retry_in`). One that is not a file of the job counts as had, and is not held: admission says
        what is wrong with it.
        """
        return self._gather([self._base(facts), *self._updates(facts, members, keep)], seconds)

    def receipts(self, facts: RoundFacts, seconds: float) -> Gathering:
        """The receipts file that the round's latest aggregate names."""
        return self._gather([self._receipts(facts)], seconds)

    def check_receipts(self, facts: RoundFacts) -> None:
        """Raises Unavailable where that file could not be had when it was last asked for."""
        file = self._receipts(facts)
        if file.failed is not None:
            raise file.failed

    def round(self, facts: RoundFacts, seconds: float) -> Gathering:
        """What is kept of a finalised round: updates, its model, its receipts; what could be read but not kept is tried
        again.
        """
        files, round_ = self._updates(facts, self._keeps(facts)), facts.round
        if round_.final is not None:
            pin = model_pin(round_.job, round_.number)
            files += [
                self._file(facts, of_file(round_.final.cid, facts.model_size), pin, "the model"),
                self._receipts(facts),
            ]
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
        return min((self._due(file) for file in files.values() if not file.had), default=None)

    def lost(self, facts: RoundFacts, cid: object) -> None:
        """Take note that a file could not be read after all: it is asked for again."""
        files = self._files(facts)
        for known in [known for known in files if known == cid]:
            self._kept.discard(known)
            self._whole.discard(known)
            del files[known]

    def _wait(self, futures: Collection[Future[None]]) -> None:
        """A moment; for what takes longer the next look is soon."""
        for late in wait(futures, PROMPT).not_done:
            late.add_done_callback(lambda _: self._connection.follower.nudge())

    def _store(self, files: Collection[Copying]) -> None:
        """The small files that came since the last look, in one pack."""
        came = [file for file in files if file.block is not None and file.future is None]
        if not came:
            return
        stored = self._connection.background.start(partial(store_together, self._connection, came))
        for file in came:
            file.future = stored
        self._wait([stored])
        now = self._clock()
        for file in came:
            file.look(now)

    def _due(self, file: Copying) -> float:
        return SOON if file.running else max(0.0, file.again - self._clock())

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

    def _updates(
        self, facts: RoundFacts, members: Collection[int] | None = None, keep: Collection[int] = ()
    ) -> list[Copying]:
        wanted = [entry for entry in facts.entries if members is None or entry.update.index in members]
        kept, files = {*self._keeps(facts), *keep}, list[Copying]()
        for entry in wanted:
            file = self._update(facts, entry, entry.update.index in kept)
            file.members.add(entry.update.index)
            files.append(file)
        return files

    def _update(self, facts: RoundFacts, entry: Entry, kept: bool) -> Copying:
        """One that was borrowed, and is to be kept after all, is copied again."""
        index, job, number = entry.update.index, facts.round.job, facts.round.number
        file = self._files(facts).get(entry.cid)
        if file is not None and file.borrowed and kept and not file.running:
            self.lost(facts, entry.cid)
        pin, name = update_pin(job, number, index), f"the update of member {index}"
        return self._file(facts, entry.cid, pin, name, borrowed=None if kept else (job, number), author=index)

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

    def _file(
        self,
        facts: RoundFacts,
        cid: Cid,
        pin: str,
        name: str,
        size: int = 0,
        borrowed: tuple[int, int] | None = None,
        author: int | None = None,
    ) -> Copying:
        files = self._files(facts)
        if cid not in files:
            first = self._sources(facts, author)
            size = size or (facts.model_size if author is None else facts.update_size)
            said = self._connection, cid, pin, name, size
            files[cid] = Copying(*said, borrowed=borrowed, first=first)
            files[cid].had = files[cid].kept = cid in self._kept
            files[cid].whole = cid in self._whole
        return files[cid]

    def _sources(self, facts: RoundFacts, author: int | None) -> frozenset[str]:
        """The names of those to be asked first for an update: those that keep it, where not everyone does."""
        asked, members = self._connection.network.replication, self._connection.history.members
        if author is None or copies_wanted(facts.round.members, asked) == facts.round.members:
            return frozenset()
        return frozenset(members[index].name for index in assigned(facts.round, author, asked) if index in members)

    def _gather(self, files: Collection[Copying], seconds: float) -> Gathering:
        now = self._clock()
        self._wait([future for file in files if (future := file.begin(now, seconds)) is not None])
        now = self._clock()
        for file in files:
            file.look(now)
        self._store(files)
        self._kept.update(file.cid for file in files if file.had and file.kept and not file.borrowed)
        self._whole.update(file.cid for file in files if file.whole)
        copying = tuple(dict.fromkeys(file.name for file in files if file.first))
        missing = {index: file.failed for file in files if file.failed is not None for index in file.members}
        held = frozenset(index for file in files if file.whole for index in file.members)
        return Gathering(copying, missing, held)
