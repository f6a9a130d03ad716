"""What a party keeps of rounds, besides its own updates: each additional copy is one more that must be lost before a
file is. Copies of updates are made as soon as these are opened, so that aggregation reads locally, and a participant
that dies after it showed its update delays nobody. Updates that others keep (`ledger.rounds.assignment`) are borrowed
for the round; small files that come at a time are stored together.

Files are copied in the background (`ledger.party.background`), each with a deadline; what a step needs of them is seen
in `Gathering`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ledger.errors import Unavailable
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.jobs.document import Job
from ledger.jobs.rules import CentredClipping
from ledger.jobs.scores import committed_set
from ledger.party.connection import Connection
from ledger.party.copying import Copying, store_together, streams_of
from ledger.party.edges.files import FileBeside, list_of, member_lists, updates_of
from ledger.party.pins import base_pin, carried_pin, job_pin, model_pin, receipts_pin, set_pin, state_pin, update_pin
from ledger.party.relayed import Relay, RelayedUpdates, no_relay
from ledger.rounds.carried import MAX_SIZE as MAX_CARRIED
from ledger.rounds.carried import StateStream
from ledger.rounds.facts import Base, Entry, RoundFacts, base_of
from ledger.rounds.receipts import MAX_SIZE as MAX_RECEIPTS
from ledger.rounds.server_state import layout_of as state_layout
from ledger.scores.evaluation_set import layout_of

PROMPT = 0.5
"""Seconds that a look waits for the copies it began: those of a fast holder are there at once, in the same look."""
SOON = 0.25
"""Seconds until the next look while copies are being made."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How far a round's files are here. `copying` names those that are being copied for the first time, `lacking` those
    that were asked for before and are not kept; `missing` are the members whose updates' bytes could not be had, and
    why; `held` those whose updates the own store has whole.
    """

    copying: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    missing: Mapping[int, Unavailable] = field(default_factory=dict)
    held: frozenset[int] = frozenset()


Keeps = Callable[[RoundFacts], Collection[int]]
"""The authors whose updates of a round are kept; others are borrowed where they are needed."""
Signers = Callable[[RoundFacts, int], Collection[int]]
"""The members that signed for an author's update of a round, as far as is known: they have it."""


def all_updates(facts: RoundFacts) -> Collection[int]:
    """For a role that keeps whatever it works with."""
    return facts.round.updates


def nobody(facts: RoundFacts, author: int) -> Collection[int]:
    """For a role that hears no signatures."""
    return ()


class Copies:
    """Keeps files in the own store: of updates those that it is said to keep. What it remembers only spares work: after
    a crash it looks again.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Callable[[], float] = time.monotonic,
        keeps: Keeps = all_updates,
        signers: Signers = nobody,
        relay: Relay = no_relay,
    ) -> None:
        self._connection, self._clock, self._keeps, self._signers = connection, clock, keeps, signers
        self._relayed = RelayedUpdates(connection, relay)
        self._rounds: dict[int, tuple[int, dict[Cid, Copying]]] = {}
        self._kept: set[Cid] = set()
        self._whole: set[Cid] = set()
        self._children: dict[Cid, tuple[FileBeside, ...]] = {}
        self._unsaid: set[Cid] = set()

    @property
    def busy(self) -> bool:
        """Whether a copy is being made, or waits to be stored."""
        return any(file.block is not None or self._is_made(file) for file in self._known())

    @property
    def is_copying(self) -> bool:
        """Whether a copy is being made: one that came has woken a look."""
        return any(map(self._is_made, self._known()))

    def settle(self, seconds: float) -> bool:
        """Wait for the copies that are being made, no longer than `seconds`; whether there were any. One that came, and
        is stored once it is asked for again, is not being made.
        """
        files = {file: file.future for file in self._known() if file.future is not None}
        wait(files.values(), seconds)
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
        """The model that a round builds on, and its state, copied in the background within `seconds`."""
        return self._gather_on(facts, list, seconds)

    def check_base(self, facts: RoundFacts) -> None:
        """Raises Unavailable where the model that a round builds on, or its state, could not be had when it was last
        asked for.
        """
        for file in self._bases(facts):
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
        self._wait(self._relayed.begin(facts, self._updates(facts, members, keep), self._clock(), seconds))
        return self._gather_on(facts, lambda: self._updates(facts, members, keep), seconds)

    def receipts(self, facts: RoundFacts, seconds: float) -> Gathering:
        """The receipts file that the round's latest aggregate names."""
        return self._gather([self._receipts(facts)], seconds)

    def check_receipts(self, facts: RoundFacts) -> None:
        """Raises Unavailable where that file could not be had when it was last asked for."""
        file = self._receipts(facts)
        if file.failed is not None:
            raise file.failed

    def round(self, facts: RoundFacts, seconds: float) -> Gathering:
        """What is kept of a finalised round: updates, its model, its receipts."""
        return self._gather_all(lambda: self._finished(facts), seconds)

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
        """Seconds until a file is asked for again, or may have come; None where none is due. One that came late, or was
        due for a while, has woken a look, and is not waited for where that did not gather it.
        """
        return min(self._dues(job), default=None)

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

    def _dues(self, job: int) -> list[float]:
        """For each file of the job that is due: seconds until it is asked for again, or may have come."""
        _, files = self._rounds.get(job, (0, {}))
        return self._due_of(files.values())

    def _due_of(self, files: Iterable[Copying]) -> list[float]:
        now = self._clock()
        due = [file for file in files if not (file.kept or file.came) and (file.running or file.again >= now)]
        return [SOON if file.running else file.again - now for file in due]

    def _is_made(self, file: Copying) -> bool:
        return file.running and not file.came

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

    def _bases(self, facts: RoundFacts) -> list[Copying]:
        """The model that a round builds on, its state, as far as that is known by now, and the one before where the
        job's rule starts from the step between them. What else a round carries, no later one is made of.
        """
        files = [self._base(facts), *(self._state(facts, facts.base) if facts.job.server.streams else ())]
        if isinstance(facts.job.aggregation, CentredClipping) and facts.base.round:
            files.append(self._base(facts, base_of(facts.state, facts.job, facts.base.round)))
        return files

    def _state(self, facts: RoundFacts, base: Base) -> list[Copying]:
        """The carried file of a model, and the streams that it names once it is here."""
        if base.carried == NOTHING:
            return []
        job, cid, layout = facts.round.job, Cid(RAW, base.carried), facts.job.layout
        file = self._file(facts, cid, carried_pin(job, base.round), "what the base model carries", MAX_CARRIED)
        known = streams_of(self._connection, base.carried) if file.had else ()
        return [file, *(self._stream(facts, base, stream, state_layout(layout, stream.name).size) for stream in known)]

    def _stream(self, facts: RoundFacts, base: Base, stream: StateStream, size: int) -> Copying:
        pin, name = state_pin(facts.round.job, base.round, stream.name), f"the state {stream.name} of the base model"
        return self._file(facts, stream.file(size), pin, name, size)

    def _finished(self, facts: RoundFacts) -> list[Copying]:
        """What is kept of a finalised round, as far as it is known by now."""
        files, final = self._updates(facts, self._keeps(facts)), facts.round.final
        if final is not None:
            pin = model_pin(facts.round.job, facts.round.number)
            files += [
                self._file(facts, of_file(final.cid, facts.model_size), pin, "the model"),
                self._receipts(facts),
                *self._state(facts, Base(facts.round.number, NOTHING, facts.base.cid, final.carried)),
            ]
        return files

    def _gather_on(self, facts: RoundFacts, more: Callable[[], list[Copying]], seconds: float) -> Gathering:
        """Files, and what the round builds on."""
        return self._gather_all(lambda: [*self._bases(facts), *more()], seconds)

    def _gather_all(self, wanted: Callable[[], list[Copying]], seconds: float) -> Gathering:
        """Files, of which some are named by others: what a model carries, what a sum is made of."""
        files, unsaid = wanted(), frozenset(self._unsaid)
        found = self._gather(files, seconds)
        while len(known := wanted()) > len(files) or self._unsaid != unsaid:
            files, unsaid = known, frozenset(self._unsaid)
            found = self._gather(files, seconds)
        return found

    def _updates(
        self, facts: RoundFacts, members: Collection[int] | None = None, keep: Collection[int] = ()
    ) -> list[Copying]:
        wanted = [entry for entry in facts.entries if members is None or entry.update.index in members]
        kept, files = {*self._keeps(facts), *keep}, list[Copying]()
        for entry in wanted:
            file = self._update(facts, entry, entry.update.index in kept)
            for one in (file, *self._beside(facts, entry, file)):
                one.members.add(entry.update.index)
                files.append(one)
        return files

    def _beside(self, facts: RoundFacts, entry: Entry, update: Copying) -> list[Copying]:
        """What an edge's sum cannot be judged without, as far as it is known by now: lists are kept or borrowed with
        the sum that names them, and so are children's updates.
        """
        files = [self._file(facts, *one[:3], size=one.size) for one in member_lists(facts, entry)]
        if not files:
            return files
        self._unsaid.add(entry.cid)
        if not update.had:
            return files
        with suppress(Unavailable):
            if (named := list_of(facts, entry, self._connection.fetch)) is not None:
                files.append(self._made_of(facts, named, update))
                if entry.cid not in self._children and all(one.had for one in files):
                    self._children[entry.cid] = updates_of(facts, entry, self._connection.fetch)
                files += [self._made_of(facts, one, update) for one in self._children.get(entry.cid, ())]
            self._unsaid.discard(entry.cid)
        return files

    def _made_of(self, facts: RoundFacts, file: FileBeside, update: Copying) -> Copying:
        """One that was borrowed with an update that is to be kept after all is copied again."""
        known = self._files(facts).get(file.cid)
        if known is not None and known.borrowed and not update.borrowed and not known.running:
            self.lost(facts, file.cid)
        return self._file(facts, *file[:3], size=file.size, borrowed=update.borrowed)

    def _update(self, facts: RoundFacts, entry: Entry, kept: bool) -> Copying:
        """One that was borrowed, and is to be kept after all, is copied again."""
        index, job, number = entry.update.index, facts.round.job, facts.round.number
        file = self._files(facts).get(entry.cid)
        if file is not None:
            if not (file.borrowed and kept) or file.running:
                return file
            self.lost(facts, entry.cid)
        pin, name = update_pin(job, number, index), f"the update of member {index}"
        return self._file(facts, entry.cid, pin, name, borrowed=None if kept else (job, number), author=index)

    def _receipts(self, facts: RoundFacts) -> Copying:
        round_, aggregate = facts.round, facts.round.aggregates[-1]
        pin = receipts_pin(round_.job, round_.number, round_.attempt)
        makers = [index for index, key in round_.keys.items() if key == aggregate.aggregator]
        first = self._names(makers)
        return self._file(facts, Cid(RAW, aggregate.receipts), pin, "the receipts", MAX_RECEIPTS, first=first)

    def _files(self, facts: RoundFacts) -> dict[Cid, Copying]:
        """The round of the job that is gathered. Of an earlier one nothing is remembered."""
        round_ = facts.round
        number, files = self._rounds.get(round_.job, (0, {}))
        if number != round_.number:
            for cid in files:
                self._children.pop(cid, None)
                self._unsaid.discard(cid)
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
        first: Collection[str] = (),
    ) -> Copying:
        files = self._files(facts)
        if cid not in files:
            first = first or self._sources(facts, author)
            size = size or (facts.model_size if author is None else facts.job.size_of(author))
            said = self._connection, cid, pin, name, size
            files[cid] = Copying(*said, borrowed=borrowed, first=first)
            files[cid].had = files[cid].kept = cid in self._kept
            files[cid].whole = cid in self._whole
        return files[cid]

    def _sources(self, facts: RoundFacts, author: int | None) -> frozenset[str]:
        """The names of those to be asked first for an update: its author, and those that signed for it. Those
        that are to keep it may still be copying it, all at the same time.
        """
        if author is None:
            return frozenset()
        return self._names([author, *self._signers(facts, author)])

    def _names(self, members: Collection[int]) -> frozenset[str]:
        known = self._connection.history.members
        return frozenset(known[index].name for index in members if index in known)

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
        refused = tuple(dict.fromkeys(file.name for file in files if not file.kept and not file.first))
        missing = {index: file.failed for file in files if file.failed is not None for index in file.members}
        lacking = {index for file in files if not file.whole or file.cid in self._unsaid for index in file.members}
        held = frozenset(index for file in files for index in file.members) - lacking
        return Gathering(copying, refused, missing, held)
