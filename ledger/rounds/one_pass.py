"""One pass over a round's bytes: each update is judged, and the model of all of them made on the way.

Nobody knows before the end whether every update is admitted; nearly always they are. So the model is made as if they
were, band by band over all updates together, and is worth nothing where one turns out refused: the rest is then judged
without arithmetic, and the model made again of those admitted (`ledger.rounds.outcome.conclude`).

A rule by shares needs a pass before that of the model (`ledger.rounds.scaled`): updates are judged in the first one.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from ledger import kernel
from ledger.errors import FedledgerError, Unavailable
from ledger.formats.artifact import Buffer
from ledger.formats.cid import CHUNK
from ledger.history.state import Update
from ledger.jobs.document import Job
from ledger.jobs.rules import ByShares, WeightedMean
from ledger.rounds.admission import Decision, Progress, UpdateReading, Verdict, settle, weigh
from ledger.rounds.edges.lists import Rosters
from ledger.rounds.edges.reading import EdgeTask, SumReading
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.inputs import Fetch, Halted, Inputs
from ledger.rounds.masking.reading import MaskedReading
from ledger.rounds.masking.summed import MaskedSum
from ledger.rounds.model import Keep, KeepState, Model, hashed, inputs_of, make_model
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Ints
from ledger.rounds.scaled import ScaledInputs, is_scaled, scaled
from ledger.rounds.sealed import SealedReading, key_of, unsealed
from ledger.rounds.server_state import step_into
from ledger.seals.keys import ContentKey, UpdateName

HELD = 8 << 20
"""Bytes that may be held while headers are judged: first blocks that together are more are read again after it."""


class Pass:
    """Reads the updates of `members` once, by `threads` threads; `progress` hears of their bytes as they are read.

    `model`, where it is wanted, comes first; then `finish`, then `decision`. `summed` is what makes the model of a
    masked round: without it there is none, and no update is outside of cast or set.
    """

    def __init__(
        self,
        facts: RoundFacts,
        fetch: Fetch,
        members: Collection[int],
        *,
        threads: int = 1,
        progress: Progress = lambda _: None,
        summed: MaskedSum | None = None,
    ) -> None:
        self._facts, self._progress, self._summed = facts, progress, summed
        self._threads = readers_of(facts.job, threads)
        self._bytes, self._fetch = fetch, unsealed(fetch, facts.keys, facts.artifact_size)
        self._rosters = Rosters(facts.job.hierarchy, fetch)
        self._known: dict[int, Decision] = {}
        self._readings: dict[int, UpdateReading] = {}
        self._told = 0
        for entry in facts.entries:
            index = entry.update.index
            light = weigh(entry.update.weight, facts.job.admission.cap(index))
            light = settle(light, paid=facts.has_paid(index))
            if summed is not None and index not in summed.cast:
                light = summed.decision(index, light)
            if light.verdict is not Verdict.ADMITTED:
                self._known[index] = light
            elif index in members:
                self._readings[index] = self._reading(entry)

    def model(self, members: Collection[int], keep: Keep | None, keep_state: KeepState | None = None) -> Model | None:
        """The model of these members' updates; None where not all are admitted, or are too few, or where bytes of an
        update, of the base model or of its state cannot be had.

        Where it is None nothing was kept: `keep` and `keep_state`, if asked, were ended by an error.
        """
        self._open()
        chosen = self._chosen(members)
        if not chosen:
            return None
        updates: list[Iterator[Ints]] = [self._readings[one.index] for one in chosen]
        try:
            inputs = step_into(self._inputs(chosen), self._facts, self._fetch)
        except FedledgerError:
            return None
        try:
            if is_scaled(self._facts.job):
                inputs, updates = self._scaled(inputs, updates)
            readers = [*updates, _Unjudged(inputs.reader(inputs.base))]
            keeping = self._telling(keep or hashed)
            return make_model(inputs, self._facts.binding, self._threads, keeping, readers, keep_state)
        except Halted:
            return None

    def _scaled(self, plain: Inputs, updates: list[Iterator[Ints]]) -> tuple[ScaledInputs, list[Iterator[Ints]]]:
        """The inputs by their scalars, and what is summed: of a rule by shares the updates are read here, to their
        verdicts, and then again.
        """
        facts = self._facts
        inputs = scaled(plain, facts.state, facts.job, facts.base)
        first = inputs.summed(updates)
        if not isinstance(inputs.rule, ByShares):
            return inputs, first
        whole = len(updates)
        inputs = inputs.shared(self._threads, [*first[:whole], *map(_Unjudged, first[whole:])])
        self._tell(self._read())
        return inputs, [_Unjudged(one) for one in inputs.summed()]

    def finish(self) -> None:
        """Read what is left of every update, to its verdict."""
        self._each(_read_on)
        self._tell(sum(self._size(entry) for entry in self._facts.entries))

    def decision(self, index: int) -> Decision:
        """The decision on a member's update. Raises Unavailable where its bytes cannot be had."""
        judged = self._known[index] if index in self._known else self._readings[index].judge()
        return judged if self._summed is None else self._summed.decision(index, judged)

    def platforms(self) -> dict[int, bytes]:
        """The SHA-256 of the platform documents that headers name, by member index, as far as they were read."""
        whole = {index: reading.whole for index, reading in self._readings.items()}
        return {index: one.platform for index, one in sorted(whole.items()) if one is not None and one.platform}

    def check_had(self) -> None:
        """Raises Unavailable where bytes turned out by now that cannot be had: those of the first such update."""
        for reading in self._readings.values():
            if reading.missing is not None:
                raise reading.missing

    def _reading(self, entry: Entry) -> UpdateReading:
        job, fetch, size = self._facts.job, self._fetch, self._size(entry)
        key = key_of(self._facts.keys, entry.update.cid, UpdateName(self._facts.name, entry.update.party))
        if key is not None:
            fetch = unsealed(self._bytes, {entry.update.cid: key}, self._facts.artifact_size)
        kind = UpdateReading if job.masked is None else MaskedReading

        def pieces(start: int) -> Iterator[Buffer]:
            return fetch(entry.cid, start, size + 1)

        said = (job.layout, entry.binding, entry.update.root, job.admission, pieces)
        rest = (blocks_of(job.aggregation), job.packing)
        if job.hierarchy is not None and job.is_edge(entry.update.index):
            return SumReading(EdgeTask.of(entry.update, job.hierarchy, self._rosters, fetch), *said, rest[0])
        if isinstance(key, ContentKey):
            return SealedReading(key, *said, *rest)
        return kind(*said, *rest, ages=self._facts.ages)

    def _size(self, entry: Entry) -> int:
        return self._facts.job.size_of(entry.update.index)

    def _chosen(self, members: Collection[int]) -> list[Update]:
        """Whose updates make the model: those of `members` that may count, or the whole set of a masked round; nothing
        where they make none.
        """
        entries, summed = self._facts.entries, self._summed
        if self._facts.job.masked is not None:
            whole = frozenset() if summed is None or summed.summed is None else summed.set
            updates = [one.update for one in entries if one.update.index in whole]
            return updates if all(self._may_count(one, members) for one in updates) else []
        chosen = [one.update for one in entries if self._may_count(one.update, members)]
        lost = any(self._readings[index].missing for index in self._readings.keys() & set(members))
        return [] if lost or len(chosen) < self._facts.job.admission.min_updates else chosen

    def _inputs(self, chosen: list[Update]) -> Inputs:
        facts = self._facts
        if self._summed is not None:
            return self._summed.inputs(facts, self._fetch)
        ages = [self._readings[one.index].staleness for one in chosen] if facts.job.buffered else []
        return inputs_of(facts.state, facts.job, facts.round, facts.base, chosen, self._fetch, ages)

    def _open(self) -> None:
        """Judge all headers: what they refuse is known before any arithmetic."""
        sizes = [self._facts.job.size_of(index) for index in self._readings]
        hold = sum(min(size, CHUNK) for size in sizes) <= HELD
        self._each(lambda reading: reading.open(hold=hold))

    def _may_count(self, update: Update, members: Collection[int]) -> bool:
        return update.index in members and update.index in self._readings and not self._readings[update.index].unfit

    def _each(self, work: Callable[[UpdateReading], object]) -> None:
        undecided = [one for one in self._readings.values() if one.decision is None]
        if not self._threads:
            for one in undecided:
                before = one.read
                work(one)
                self._tell(self._told + one.read - before)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="reader") as pool:
            for _ in pool.map(work, undecided):
                self._tell(self._read())

    def _telling(self, keep: Keep) -> Keep:
        def told(pieces: Iterator[Buffer]) -> Iterator[Buffer]:
            for piece in pieces:
                self._tell(self._read())
                yield piece

        return lambda pieces: keep(told(pieces))

    def _read(self) -> int:
        return sum(reading.read for reading in self._readings.values())

    def _tell(self, read: int) -> None:
        self._progress(read - self._told)
        self._told = read


def readers_of(job: Job, threads: int) -> int:
    """How many of so many threads read: where hashing is most of it, `kernel.readers`."""
    plain = isinstance(job.aggregation, WeightedMean) and job.masked is None and job.packing is None
    return kernel.readers(threads) if plain else threads


class _Unjudged:
    """Bands of what is not judged, such as the base model. What is wrong with it matters only once it is known that a
    model can be made.
    """

    def __init__(self, bands: Iterator[Ints]) -> None:
        self._bands = bands

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        try:
            return next(self._bands)
        except FedledgerError as error:
            raise Halted from error


def _read_on(reading: UpdateReading) -> None:
    """To the verdict; what cannot be had is known of the reading."""
    try:
        reading.judge()
    except Unavailable:
        return
