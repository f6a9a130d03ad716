"""Bringing an index up to date with the chain."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, Protocol

from ledger.config import Network
from ledger.errors import FedledgerError, Unavailable
from ledger.events.records import AnyEvent
from ledger.history.foundation import foundation_of
from ledger.index.file import LAST_LOG, BlockTime, Damaged, IndexFile, Position, Tip, drop

ATTEMPTS = 8
BY_HASH, TOGETHER = 16, 64
"""So many new blocks are read by their hashes; so many, with their headers, in one request; more in pieces."""
Progress = Callable[[int, int], None]
"""Called with blocks read and blocks to read."""


class Header(Protocol):
    """What a source says of one of its blocks; `time` in seconds since 1970, `proved` if its hash covers it."""

    @property
    def number(self) -> int: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def parent(self) -> bytes: ...
    @property
    def time(self) -> int: ...
    @property
    def proved(self) -> bool: ...


class Piece(Protocol):
    """The events of some blocks up to `last`, in order, and their blocks' hashes."""

    @property
    def last(self) -> int: ...
    @property
    def events(self) -> Sequence[AnyEvent]: ...
    @property
    def hashes(self) -> Mapping[int, bytes]: ...


class EventSource(Protocol):
    """A chain to read from; `ledger.chain.client.Client` is one."""

    @property
    def network(self) -> Network: ...
    def latest(self) -> Header: ...
    def block_hash(self, block: int, /) -> bytes | None: ...
    def read(self, first: int, last: int, /) -> Iterable[Piece]: ...
    def read_blocks(self, blocks: Sequence[tuple[int, bytes]], /) -> Piece | None: ...
    def read_between(self, tip: tuple[int, bytes], head: Any, /) -> Piece | None: ...
    def blocks(self, numbers: Sequence[int], /) -> Sequence[Header | None]: ...


class Changes(NamedTuple):
    """What is new since the last call: events of blocks after `rewound_to`, if set, are gone; `added` came.

    `tip` is the block up to which this is all, `head` the source's latest when it was asked, if it was.
    """

    added: list[AnyEvent]
    rewound_to: int | None
    tip: Tip
    head: Header | None = None


class _Moved(FedledgerError):
    """The chain, or the index by another process, changed while it was read."""


class Index:
    """The cache at `path` (None: in memory). It opens at the first `sync`, which says which ledger it is of."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IndexFile | None = None
        self._lock = RLock()
        self._start = -1
        self._delivered = Position(-1, -1)
        self._generation = 0
        self._rebuilt = False

    def sync(self, source: EventSource, progress: Progress | None = None, head: Header | None = None) -> Changes:
        """Catch up with the source's head and say what is new since this object's last call. A `head` that it has just
        shown is not asked for again.

        The first call returns all events. Raises Unavailable where the source cannot be read, or never stands still.
        """
        with self._lock:
            for _ in range(ATTEMPTS):
                try:
                    self._open(source.network)
                    if head is None or head.number < self._opened().tip().number:
                        head = source.latest()
                    self._catch_up(source, progress, head)
                    return self._changes()._replace(head=head)
                except _Moved:
                    head = None
                except Damaged:
                    self._drop()
        raise Unavailable("the chain changes faster than it can be read", url=source.network.chain.rpc)

    def replay(self) -> Changes:
        """All events again, without a look at the chain."""
        with self._lock:
            self._delivered = Position(-1, -1)
            return self._changes()

    def after(self, block: int) -> list[AnyEvent]:
        """The events of later blocks than that, without a look at the chain."""
        with self._lock:
            file = self._opened()
            with file.reading():
                return file.events(Position(block, LAST_LOG))

    def times(self) -> dict[int, BlockTime]:
        """The times of blocks as far as they are known, by number, without a look at the chain."""
        with self._lock:
            return self._opened().times()

    def untimed(self) -> list[Tip]:
        """The blocks that hold events and whose time is not known, the latest first."""
        with self._lock:
            return self._opened().untimed()

    def learn_times(self, source: EventSource, blocks: Sequence[Tip]) -> dict[int, BlockTime]:
        """Ask for the times of these blocks and keep them: those that the source shows under their hash.

        Raises Unavailable where the source cannot be read.
        """
        shown = source.blocks([block.number for block in blocks])
        same = [(block, one) for block, one in zip(blocks, shown, strict=True) if one and one.hash == block.hash]
        found = {block: BlockTime(one.time, one.proved) for block, one in same}
        with self._lock:
            self._opened().note_times(found)
        return {block.number: time for block, time in found.items()}

    def forget(self, after: Tip | None) -> None:
        """Forget the blocks after one, or all: the next `sync` reads them again, unless another process has read on."""
        with self._lock:
            file = self._opened()
            file.rewind(file.tip(), after)

    def rebuild(self, source: EventSource) -> Changes:
        """Forget everything and read the chain again."""
        with self._lock:
            self._drop()
            return self.sync(source)

    def close(self) -> None:
        """Close the file; the next `sync` opens it again."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _opened(self) -> IndexFile:
        if self._file is None:
            raise Unavailable("the index has not been synchronised yet")
        return self._file

    def _open(self, network: Network) -> None:
        if self._file is not None:
            return
        record = foundation_of(network).record
        self._start = record.block - 1
        self._file = IndexFile(self._path, f"index/3 {record.leaf.hex()}", self._start)

    def _drop(self) -> None:
        self.close()
        drop(self._path)
        self._rebuilt = True

    def _catch_up(self, source: EventSource, progress: Progress | None, head: Header) -> None:
        file = self._opened()
        tip = file.tip()
        if (head.number, head.hash) == tip:
            return
        if (found := _successors(source, head, tip)) is not None:
            self._append(tip, Tip(head.number, head.hash), found)
            if progress is not None:
                progress(head.number - tip.number, head.number - tip.number)
            return
        if not _follows(source, head, tip):
            if not file.rewind(tip, _fork(source, file.blocks())):
                raise _Moved("another process moved the index")
            tip = file.tip()
        first = tip.number + 1
        for piece in source.read(first, head.number):
            end = head.hash if piece.last == head.number else source.block_hash(piece.last)
            # What was read belongs to one chain if the head is still on it.
            if end is None or source.block_hash(head.number) != head.hash:
                raise _Moved("the chain was reorganised")
            tip = self._append(tip, Tip(piece.last, end), piece)
            if progress is not None:
                progress(tip.number - first + 1, head.number - first + 1)

    def _append(self, tip: Tip, new: Tip, piece: Piece) -> Tip:
        if not self._opened().append(tip, new, piece.events, piece.hashes):
            raise _Moved("another process moved the index")
        return new

    def _changes(self) -> Changes:
        file = self._opened()
        with file.reading():
            tip = file.tip()
            generation, lowest = file.rewinds(self._generation)
            if self._rebuilt:
                generation, lowest = file.rewinds(0)[0], self._start
            lost = lowest is not None and lowest < self._delivered.block
            if lowest is not None and lost:
                self._delivered = Position(lowest, LAST_LOG)
            added = file.events(self._delivered)
        if added:
            self._delivered = Position(added[-1].block, added[-1].log)
        self._generation, self._rebuilt = generation, False
        return Changes(added, lowest if lost else None, tip)


def _successors(source: EventSource, head: Header, tip: Tip) -> Piece | None:
    """The events of the blocks after the tip, where these are few, and each names the one before as its parent. They
    are asked for by their hashes, or held to them, so they are of these blocks whatever becomes of the chain meanwhile.
    """
    count = head.number - tip.number
    if not tip.hash or not 0 < count <= TOGETHER:
        return None
    if count > 1 and (found := source.read_between(tip, head)) is not None:
        return found
    if count > BY_HASH:
        return None
    between = source.blocks(range(tip.number + 1, head.number)) if count > 1 else ()
    blocks, parent = [], tip.hash
    for one in (*between, head):
        if one is None or one.parent != parent:
            return None
        blocks.append((one.number, one.hash))
        parent = one.hash
    return source.read_blocks(blocks)


def _follows(source: EventSource, head: Header, tip: Tip) -> bool:
    """Whether the tip is still on the chain; the common cases cost no request."""
    if not tip.hash:
        return True
    if head.number == tip.number + 1 and head.parent == tip.hash:
        return True
    return head.number > tip.number and source.block_hash(tip.number) == tip.hash


def _fork(source: EventSource, blocks: list[Tip]) -> Tip | None:
    """The last of the blocks that is still on the chain. If one is, all before it are: so bisect."""
    low, high = 0, len(blocks)
    while low < high:
        middle = (low + high) // 2
        if source.block_hash(blocks[middle].number) == blocks[middle].hash:
            low = middle + 1
        else:
            high = middle
    return blocks[low - 1] if low else None
