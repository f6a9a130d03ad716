"""One file, many holders: read from the fastest that has a good copy, and note whose copy is bad."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ledger import kernel
from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, RAW, Cid
from ledger.formats.copies import BadCopy
from ledger.formats.merkle import LEAF
from ledger.formats.unixfs import Part
from ledger.kernel.rooms import Lease, Rooms
from ledger.store import Blocks, Buffer, Pieces, Store, Unreachable
from ledger.store.bad_copies import bad_copy
from ledger.store.borrowed import Borrowed
from ledger.store.files import RUN, blocks_of, read, read_with
from ledger.store.rates import FLOOR, Rate

SHORTEST_REST = 1.0
LONGEST_REST = 120.0
"""Seconds for which a holder that asks for a pause is left alone, at most."""
ROOMS = 8
"""Runs of leaves that are in memory at a time, at most; what is read besides comes leaf by leaf."""

Said = list[tuple[Blocks, Unavailable]]
"""What each holder asked for a block said instead of returning it."""


class Late(Unavailable):
    """A file's deadline passed before all of it was had."""


class NoHolder(Unavailable):
    """No holder returned a block of a file, the own store included."""

    @property
    def kind(self) -> str:
        return "Unavailable"


@dataclass(slots=True)
class _Standing:
    """What is known of a holder. `turn` lets one request at a time through, so that waiting is not measured."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    rate: Rate = field(default_factory=Rate)
    waiting: int = 0
    rests_until: float = 0.0
    failed: str = ""

    @property
    def promise(self) -> float:
        """Bytes a second for one more reader. An unmeasured holder is tried at once, by one reader alone."""
        if self.rate.measured:
            return self.rate.speed / (self.waiting + 1)
        return self.rate.speed if self.waiting == 0 else 0.0


@dataclass(slots=True)
class _Reading:
    """One file being read: by when, whom to ask first, each holder's rate at it, those that lacked a block, and of how
    many bytes the leaves are whose hashes its reader asks for (0 for none).
    """

    file: Cid
    deadline: float | None = None
    first: Collection[str] = ()
    rates: dict[Blocks, Rate] = field(default_factory=dict)
    lacking: set[Blocks] = field(default_factory=set)
    leaf: int = 0

    def want_leaves(self) -> None:
        """Where they can be made along with the digests, those of the next runs are."""
        self.leaf = LEAF if kernel.leaves_along() else 0


class Holders:
    """The local store first, then the others by measured speed, an unmeasured one before all that are measured.

    - One that lacked a block of a file comes last for its other blocks.
    - One that falls below the floor (`rates.FLOOR`) is not asked for the rest of that file.
    - One that does not answer is not asked again for ten times as long as it kept us waiting, from a second up to
      `rest` seconds: a silent one delays a read once, not once a block, and one that restarts is soon asked again.
      One that asks for a pause (Retry-After) has it, up to two minutes.

    Threads may share it: a holder gets one request at a time, and a busy one counts as that much slower. `bad_copies`
    grows while reading; every entry in it is a finding. `near` is asked after the local store, but for what it has in
    memory, and never blamed.
    `clock` is monotonic; deadlines are in its seconds.
    """

    def __init__(
        self,
        local: Store | None,
        others: Sequence[Blocks] = (),
        *,
        near: Borrowed | None = None,
        rest: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.local, self.near = local, near
        self.bad_copies: list[BadCopy] = []
        self._rest, self._clock = rest, clock
        self._standings: dict[Blocks, _Standing] = {}
        self._lock = threading.Lock()
        self._rooms = Rooms(RUN * CHUNK, ROOMS)
        self._stopped = False
        self.replace(others)

    def replace(self, others: Iterable[Blocks]) -> None:
        """Ask these from now on. What was measured of those that stay is kept."""
        self.others = tuple(others)
        self._standings = {holder: self._standings.get(holder) or _Standing() for holder in self.others}

    def stop(self) -> None:
        """Let every read end, in other threads too, as soon as the request that it waits for has."""
        self._stopped = True

    def get(self, cid: Cid) -> Buffer:
        """A block, checked, from the first holder that has a good copy."""
        return self._fetch(_Reading(cid), Part(cid, 0, None, None if cid.codec != RAW else 0))

    def read(
        self,
        cid: Cid,
        start: int = 0,
        stop: int | None = None,
        *,
        limit: int = unixfs.MAX_SIZE,
        deadline: float | None = None,
        first: Collection[str] = (),
    ) -> Pieces:
        """A file's bytes, as `files.read` yields them, each block from any holder that has a good copy, those that are
        named `first` asked before the others.

        Raises Unavailable where a block cannot be had, with what each holder said, Late where not all came by
        `deadline`; Corrupt where every copy that there is is damaged; Malformed as `files.read` does.
        """
        reading = _Reading(cid, deadline, first)
        return read_with(
            lambda part: self._fetch(reading, part),
            cid,
            start,
            stop,
            limit=limit,
            fetch_run=lambda parts: self._fetch_run(reading, parts),
        )

    def keep(
        self,
        cid: Cid,
        pin: str,
        *,
        heal: bool = False,
        limit: int = unixfs.MAX_SIZE,
        deadline: float | None = None,
        first: Collection[str] = (),
    ) -> None:
        """Hold a whole file in the local store, pinned; what is missing comes from the others.

        A damaged local copy stays as it is, evidence, unless `heal` is given: then good bytes are written again.
        Raises Corrupt where it is not, what `read` raises, and Unavailable where the store did not take it whole.
        """
        if self.local is None:
            raise UsageError("there is no local store to keep a file in")
        state = None if self.local.fresh(cid) and not heal else self.trouble(cid)
        if state is None:
            self.local.pin(pin, cid)
            return
        if isinstance(state, Corrupt) and not heal:
            raise state
        blocks = self.blocks(cid, limit=limit, deadline=deadline, first=first)
        self.local.put_checked(cid, blocks, pin, replace=isinstance(state, Corrupt))
        if not self.local.fresh(cid) and (left := self.trouble(cid)) is not None:
            raise left

    def blocks(
        self, cid: Cid, *, limit: int = unixfs.MAX_SIZE, deadline: float | None = None, first: Collection[str] = ()
    ) -> Iterator[tuple[Cid, Buffer]]:
        """All blocks of a file, checked, leaves first. Raises as `read`."""
        reading = _Reading(cid, deadline, first)
        return blocks_of(lambda part: self._fetch(reading, part), cid, limit=limit)

    def trouble(self, cid: Cid) -> Unavailable | None:
        """What is wrong with the local store's copy of a file; None where all of it is there and good."""
        if self.local is None:
            return Unavailable("there is no local store")
        try:
            for _ in read(self.local, cid):
                pass
        except Unavailable as error:
            return error
        return None

    def _fetch(self, reading: _Reading, part: Part) -> Buffer:
        if self._stopped:
            raise Unavailable("reading was stopped", file=reading.file)
        said: Said = []
        block = self._local_block(part.cid, said)
        for holder in self._order(reading) if block is None else ():
            try:
                block = self._ask(holder, reading, part.cid)
                break
            except Late:
                self._note(said, reading.file, part, None)
                raise
            except Unavailable as error:
                said.append((holder, error))
        self._note(said, reading.file, part, block)
        if block is None:
            raise _unreadable(said, reading.file, part)
        return block

    def _fetch_run(self, reading: _Reading, parts: Sequence[Part]) -> list[Buffer]:
        """Leaves of the local store, joined; nothing where it has not all of them, good, or where no room is free."""
        if self.local is None or self._stopped:
            return []
        first, lengths = parts[0].start, [(part.stop or 0) - part.start for part in parts]
        room = self._rooms.take(sum(lengths))
        if room is None:
            return []
        places = [room[part.start - first : part.start - first + n] for part, n in zip(parts, lengths, strict=True)]
        lease = room.obj
        try:
            leaves = self.local.get_run([part.cid for part in parts], places, reading.leaf)
        except Unavailable:
            return []
        if leaves is None:
            return []
        if isinstance(lease, Lease):
            lease.leaves, lease.want = leaves, reading.want_leaves
        return [room.toreadonly()]

    def _local_block(self, cid: Cid, said: Said) -> Buffer | None:
        if self.near is not None and self.near.holds(cid):  # the local store did not have it when it was borrowed
            with suppress(Unavailable):  # its round may be over since then
                return self.near.get(cid)
        if self.local is not None:
            try:
                return self.local.get(cid)
            except Unavailable as error:
                said.append((self.local, error))
        if self.near is not None:
            with suppress(Unavailable):
                return self.near.get(cid)
        return None

    def _order(self, reading: _Reading) -> list[Blocks]:
        standings, first, lacking = self._standings, reading.first, reading.lacking
        return sorted(standings, key=lambda one: (one in lacking, one.name not in first, -standings[one].promise))

    def _ask(self, holder: Blocks, reading: _Reading, cid: Cid) -> Buffer:
        """A block from one holder. Raises Unavailable, and Late once the deadline has passed."""
        standing = self._standings.get(holder) or _Standing()
        own = reading.rates.setdefault(holder, Rate())
        if own.below_floor:
            raise Unreachable(f"too slow for this file: {own}, below the floor of {FLOOR:,}")
        self._check_rest(standing)
        with self._turn(standing, reading):
            self._check_rest(standing)
            left, began = self._left(reading), self._clock()
            try:
                return self._measured(holder, cid, left, (standing.rate, own))
            except Unavailable as error:
                waited = self._clock() - began
                if left is not None and waited >= left:
                    raise self._late(reading) from error
                reading.lacking.add(holder)
                if isinstance(error, Unreachable):
                    asked_for = float(str(error.facts.get("pause_seconds", 0)))
                    rest = max(min(max(10 * waited, SHORTEST_REST), self._rest), min(asked_for, LONGEST_REST))
                    standing.rests_until = self._clock() + rest
                    standing.failed = error.message
                raise

    def _check_rest(self, standing: _Standing) -> None:
        """Before one waits for a turn, and after: the reader before may have found that it does not answer."""
        if standing.rests_until > self._clock():
            raise Unreachable(f"not asked again so soon: {standing.failed}")

    def _measured(self, holder: Blocks, cid: Cid, seconds: float | None, rates: Iterable[Rate]) -> Buffer:
        began, length = self._clock(), None
        try:
            block = holder.get(cid, seconds)
            length = len(block)
            return block
        finally:
            for rate in rates:
                rate.add(self._clock() - began, length)

    @contextmanager
    def _turn(self, standing: _Standing, reading: _Reading) -> Iterator[None]:
        """Alone with a holder. Raises Late where that is not to be before the deadline, Unreachable once stopped."""
        left = self._left(reading)
        standing.waiting += 1
        try:
            if not standing.turn.acquire(timeout=-1 if left is None else left):
                raise self._late(reading)
            try:
                if self._stopped:
                    raise Unreachable("reading was stopped")
                yield
            finally:
                standing.turn.release()
        finally:
            standing.waiting -= 1

    def _left(self, reading: _Reading) -> float | None:
        """Seconds until the deadline; None without one. Raises Late."""
        left = None if reading.deadline is None else reading.deadline - self._clock()
        if left is not None and left <= 0:
            raise self._late(reading)
        return left

    def _late(self, reading: _Reading) -> Late:
        rates = "; ".join(f"{holder.name}: {rate}" for holder, rate in reading.rates.items())
        return Late(
            f"not all of {reading.file} was had in its time ({rates or 'no holder was asked'})",
            advice="a holder nearby, or faster, is needed",
            file=reading.file,
            floor_bytes_per_second=FLOOR,
        )

    def _note(self, said: Said, file: Cid, part: Part, good: Buffer | None) -> None:
        found = [bad_copy(holder, file, part, good) for holder, error in said if isinstance(error, Corrupt)]
        if not found:
            return
        with self._lock:
            known = {(bad.holder, bad.file, bad.block) for bad in self.bad_copies}
            self.bad_copies.extend(bad for bad in found if (bad.holder, bad.file, bad.block) not in known)


def is_missing(message: str) -> bool:
    """Whether a message says that no holder returned a block: `_unreadable`."""
    return "no holder returned block" in message


def _unreadable(said: Said, file: Cid, part: Part) -> Unavailable:
    damaged = any(isinstance(error, Corrupt) for _, error in said)
    unsure = any(isinstance(error, Unreachable) for _, error in said)
    kind = Corrupt if damaged and not unsure else NoHolder
    answers = {holder.name: error.message for holder, error in said}
    return kind(
        f"every copy of block {part.cid} is damaged" if kind is Corrupt else f"no holder returned block {part.cid}",
        advice="name a holder that has the file, or wait until one is back",
        block=part.cid,
        file=file,
        offset=part.start,
        holders="; ".join(f"{name}: {answer}" for name, answer in answers.items()) or "none were named",
    )
