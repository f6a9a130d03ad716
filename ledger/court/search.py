"""The search for what refutes an aggregate: one pass over the base, the admitted updates and the published model.

It takes the aggregator's verdicts as they stand, as the court does: what it finds is a value that does not follow from
them, or a verdict that the job's terms alone forbid.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np

from ledger import kernel
from ledger.court.judge import bounds_of, require_by_value
from ledger.court.refutation import HASH, Accused, Point, place_of
from ledger.errors import Malformed, Unavailable
from ledger.events.court import Convicted, Ground
from ledger.formats import merkle
from ledger.formats.cid import Cid, of_file
from ledger.history.state import Aggregate, Update
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Band, Fetch, Inputs, in_turn
from ledger.rounds.model import inputs_of
from ledger.rounds.rules.arithmetic import Ints, Saturated, Sums

_VOTE = "vote against it (fedledger node run does); fedledger audit says to everybody what is wrong"


class NoModelToShow(Malformed):
    """An attempt says that there is no model, and there is one: false, and not for the court, which judges values."""


def accused_of(facts: RoundFacts, aggregate: Aggregate) -> Accused:
    """An aggregate of a round, with what its claim covers, from the ledger alone."""
    round_ = facts.round
    opened = [round_.updates[index] for batch in round_.batches for index in batch]
    updates = b"".join(round_.entry(one).packed for one in opened)
    batches = bytes(len(batch) for batch in round_.batches)
    where = (round_.job, round_.number, facts.base.round, facts.state.digest)
    return Accused(*where, aggregate.said, updates, batches)


def find_point(facts: RoundFacts, aggregate: Aggregate, fetch: Fetch, threads: int = 1) -> Point | None:
    """What the court convicts an aggregate by; None where there is nothing.

    1. The job is one that the court judges.
    2. So many updates are admitted as its terms ask for, where there is a model.
    3. None of them has a larger weight than they allow.
    4. Every value of the model follows; where it says that there is none, none can be made.
    5. No admitted update has a value above the bound.

    Raises Malformed for another job, or one with false terms, NoModelToShow where 4 fails of an attempt without a
    model; Unavailable where the bytes under a root cannot be had: nobody can show a leaf.
    """
    terms = facts.state.model
    require_by_value(terms)
    if terms != facts.job.model_terms:
        raise Malformed(
            "the job's terms on the ledger are not those of its document: the court judges by other ones than members",
            advice="fedledger audit says whose fault that is",
        )
    admitted = accused_of(facts, aggregate).admitted
    enough = len(admitted) >= terms.min_updates
    if not enough and not aggregate.empty:
        return Point(Ground.TOO_FEW)
    heavy = next((entry.member for entry in admitted if entry.weight > terms.max_weight), None)
    if heavy is not None:
        return Point(Ground.WEIGHT, heavy)
    reading = _Reading(facts, aggregate, [facts.round.updates[entry.member] for entry in admitted], fetch)
    return reading.find_beyond(threads, enough=enough) if aggregate.empty else reading.find(threads)


def point_at(facts: RoundFacts, aggregate: Aggregate, fetch: Fetch, value: int, threads: int = 1) -> Point:
    """The proof of one value of an aggregate's model, right or wrong. Raises as `find_point`."""
    require_by_value(facts.state.model)
    admitted = [facts.round.updates[entry.member] for entry in accused_of(facts, aggregate).admitted]
    return _Reading(facts, aggregate, admitted, fetch).prove(value, threads)


def point_of(facts: RoundFacts, aggregate: Aggregate, fetch: Fetch, said: Convicted, threads: int = 1) -> Point:
    """What a conviction was of, made again from the bytes, whatever call brought it. Raises as `point_at`."""
    if said.ground is Ground.VALUE:
        return point_at(facts, aggregate, fetch, said.value, threads)
    if said.ground is not Ground.LIMIT:
        return Point(said.ground, said.member)
    require_by_value(facts.state.model)
    update = facts.round.updates.get(said.member)
    if update is None:
        raise Malformed("no update of this member was opened", member=said.member)
    return _Reading(facts, aggregate, [update], fetch).prove_of(said.member, said.value)


class _Hashed:
    """A file's values in bands; the hashes of its leaves, and its first value above a bound, are kept."""

    def __init__(self, cid: Cid, root: bytes, values: Iterator[Ints], bound: int) -> None:
        self.cid, self.root = cid, root
        self._values, self._bound, self._read = values, bound, 0
        self._hashes, self._stack = list[bytes](), kernel.Stack()
        self.beyond: int | None = None

    def __iter__(self) -> Iterator[Ints]:
        return self

    def __next__(self) -> Ints:
        band = next(self._values)
        self._hashes.append(kernel.leaf_hashes(band, merkle.LEAF))
        self._stack.add(self._hashes[-1])
        if self.beyond is None and max(int(band.max()), -int(band.min())) > self._bound:
            self.beyond = self._read + int(np.argmax(np.abs(band.astype(np.int64)) > self._bound))
        self._read += len(band)
        return band

    def path(self, leaf: int) -> list[bytes]:
        """The path of a leaf, once all was read. Raises Unavailable where the file does not have its root."""
        self.require_root()
        joined = b"".join(self._hashes)
        return merkle.proof([joined[at : at + HASH] for at in range(0, len(joined), HASH)], leaf)

    def require_root(self) -> None:
        """Refuse a file, once all was read, that does not have its root. Raises Unavailable."""
        found = self._stack.root()
        if found != self.root:
            raise Unavailable(
                "the file under a CID does not have the root that stands on the ledger beside it: nobody can show a "
                "leaf of that root, so the court cannot judge it",
                advice=_VOTE,
                cid=self.cid,
                expected=self.root,
                actual=found,
            )


class _Reading:
    """The artifacts of an attempt, read side by side; `admitted` in the order of the openings."""

    def __init__(self, facts: RoundFacts, aggregate: Aggregate, admitted: Sequence[Update], fetch: Fetch) -> None:
        job, self._terms = facts.job, facts.state.model
        self._whose = f"attempt {aggregate.attempt} of round {facts.round.number}"
        self._inputs: Inputs = inputs_of(facts.state, job, facts.round, facts.base, admitted, fetch)
        self._members = [update.index for update in admitted]
        self._updates = [
            self._file(cid, update.root, self._inputs.update_reader(cid))
            for cid, update in zip(self._inputs.updates, admitted, strict=True)
        ]
        self._base = self._file(self._inputs.base, facts.base.root, self._inputs.reader(self._inputs.base))
        self._models = [] if aggregate.empty else [self._published(of_file(aggregate.cid, job.layout.size), aggregate)]
        self._files = (*self._models, self._base, *self._updates)

    def _published(self, cid: Cid, aggregate: Aggregate) -> _Hashed:
        return self._file(cid, aggregate.root, self._inputs.reader(cid))

    def _file(self, cid: Cid, root: bytes, values: Iterator[Ints]) -> _Hashed:
        return _Hashed(cid, root, values, self._terms.max_value)

    def find(self, threads: int) -> Point | None:
        """The first wrong value, else the first of an update above the bound."""
        value = self._first_difference(threads)
        if value is not None:
            return self._point(value)
        if (point := self._beyond()) is None:
            self._require_roots(self._files)
        return point

    def find_beyond(self, threads: int, *, enough: bool) -> Point | None:
        """Of an attempt without a model: the first value of an update above the bound. Raises NoModelToShow where
        `enough` updates are admitted, and every value that they lead to fits.
        """
        fits = enough
        with _ours():
            if enough:
                for band in self._bands(threads):
                    fits &= _fits(band)
            else:
                for update in self._updates:
                    deque(update, maxlen=0)
        if (point := self._beyond()) is not None:
            return point
        self._require_roots(self._updates)
        if fits:
            raise NoModelToShow(
                f"{self._whose} says that there is no model, and by its own verdicts there is one: the court judges "
                "values of models, so nobody can have it convict this",
                advice=f"{_VOTE}; where a majority agreed, open the next round: nothing was built on this one",
                admitted=len(self._members),
                needed=self._terms.min_updates,
            )
        return None

    def _beyond(self) -> Point | None:
        for member, update in zip(self._members, self._updates, strict=True):
            if update.beyond is not None:
                return Point(Ground.LIMIT, member, update.beyond, proof=self._record(update, update.beyond))
        return None

    def _require_roots(self, files: Sequence[_Hashed]) -> None:
        for file in files:
            file.require_root()

    def prove(self, value: int, threads: int) -> Point:
        """What shows one value."""
        self._first_difference(threads)
        return self._point(value)

    def prove_of(self, member: int, value: int) -> Point:
        """What shows one value of the one update that it was made with."""
        (update,) = self._updates
        with _ours():
            deque(update, maxlen=0)
        return Point(Ground.LIMIT, member, value, proof=self._record(update, value))

    def _point(self, value: int) -> Point:
        proof = b"".join(self._record(file, value) for file in self._files)
        values = [int(self._inputs.values(one.cid, value, value + 1)[0]) for one in self._updates]
        return Point(Ground.VALUE, 0, value, *bounds_of(self._terms, values), proof)

    def _first_difference(self, threads: int) -> int | None:
        """The first value of the published model that does not follow; every file is read to its end."""
        first = None
        with _ours(), closing(in_turn(self._models, 1)) as published:
            for band in self._bands(threads):
                theirs = next(published)
                if first is None and (different := np.flatnonzero(_following(band) != theirs)).size:
                    first = band.start + int(different[0])
        return first

    def _bands(self, threads: int) -> Iterator[Band]:
        return self._inputs.bands(threads, [*self._updates, self._base])

    def _record(self, file: _Hashed, value: int) -> bytes:
        """The leaf of a file that holds a value, and its path. Raises Unavailable where the root is another's."""
        place = place_of(value, self._terms.values)
        start = place.leaf * merkle.VALUES
        path = file.path(place.leaf)
        return self._inputs.values(file.cid, start, start + place.length // 4).tobytes() + b"".join(path)


@contextmanager
def _ours() -> Iterator[None]:
    """Reading artifacts of a round. Raises Unavailable for a file that is none of its."""
    try:
        yield
    except Malformed as error:
        raise Unavailable(
            f"a file is not one of this round's, so nobody can show a leaf of its root: {error.message}",
            advice=_VOTE,
        ) from error


def _fits(band: Band) -> bool:
    return _following(band).dtype == np.int32


def _following(band: Band) -> Ints | Sums:
    """The values that a band leads to, also where one does not fit into int32."""
    try:
        return band.model()
    except Saturated:
        following: Sums = band.base.astype(np.int64) + band.mean.divided()
        return following
