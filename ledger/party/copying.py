"""One file on its way into the own store, in the background; small files wait there to be stored together."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.party.connection import Connection
from ledger.rounds.carried import StateStream
from ledger.rounds.server_state import read_carried
from ledger.store import Pieces
from ledger.store.holders import Late, NoHolder

SMALL = 1 << 18
"""The longest file, in bytes, that is stored together with others: one pack, and one wait for the disk."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds after which a file whose bytes could not be had is asked for again; doubled each time, up to the last."""
LONGEST_UNKEPT = 600.0
"""The same of one that is had, and that the own store did not take: to offer it again, others are asked for it."""


class Copying:
    """Begins, looks, and begins again after a pause. Only its own `future` runs in another thread.

    `had` is whether the bytes can be read: from the own store (`kept`) or, where that cannot take them, from others; a
    full disk or a damaged own copy is no reason to call an update unavailable. What is had and not kept is offered to
    the own store again after a pause, and stays had meanwhile: nothing waits for it. `whole` is whether the own store
    has all of them: what is not a file counts as kept, and is not whole. `failed` is why they could not be had when
    they were last asked for; `again` is when they may be asked for again. A small file that came is its `block` until
    it is stored (`store_together`). One that is only needed for a round, which is then `borrowed`, is not stored at
    all.
    """

    def __init__(
        self,
        connection: Connection,
        cid: Cid,
        pin: str,
        name: str,
        size: int,
        *,
        borrowed: tuple[int, int] | None = None,
        first: Collection[str] = (),
    ) -> None:
        self.cid, self.pin, self.name, self.borrowed, self.ask_first = cid, pin, name, borrowed, first
        self.members: set[int] = set()
        self.had = self.kept = self.whole = False
        self.block: bytes | None = None
        self.failed: Unavailable | None = None
        self.future: Future[None] | None = None
        self.again, self._pause = 0.0, FIRST_PAUSE
        self._connection, self.size = connection, size

    @property
    def running(self) -> bool:
        """Whether it is being copied, or was and nobody looked yet."""
        return self.future is not None or self.block is not None

    @property
    def came(self) -> bool:
        """Whether a copy has ended, well or not, and nobody has looked yet or stored it."""
        return self.block is not None if self.future is None else self.future.done()

    @property
    def first(self) -> bool:
        """Whether it is being copied, and neither because it failed before nor because it was not kept."""
        return self.running and self.failed is None and not self.had

    def begin(self, now: float, seconds: float) -> Future[None] | None:
        """Start to copy within `seconds`, where that is due; what is to be waited for a moment."""
        if not self.is_due(now):
            return None
        self.future = self._connection.background.start(self.copy(seconds))
        return self.future

    def is_due(self, now: float) -> bool:
        """Whether it is to be copied now."""
        return not self.kept and not self.running and now >= self.again

    def take(self, block: bytes) -> None:
        """The file, a good block that came. Where the disk does not take what is borrowed it is had, and not kept."""
        if self.borrowed is None:
            self.block = block
            return
        with suppress(Unavailable):
            self._connection.borrowed.take(*self.borrowed, self.cid, block)
            self.kept = True

    def copy(self, seconds: float) -> Callable[[], None]:
        """The work of copying it within `seconds` from now. It raises Unavailable where the bytes cannot be had."""
        deadline = time.monotonic() + seconds
        return lambda: self._copy(deadline)

    def look(self, now: float) -> None:
        """Take note of what became of it. Raises what is neither Unavailable nor Malformed."""
        if self.future is None or not self.future.done():
            return
        future, self.future = self.future, None
        try:
            future.result()
            self.had, self.failed = self.had or self.block is None, None
        except Unavailable as error:
            self.failed = None if self.had else error
        if not self.kept and self.block is None:
            longest = LONGEST_UNKEPT if self.had else LONGEST_PAUSE
            self.again, self._pause = now + self._pause, min(2 * self._pause, longest)

    def _copy(self, deadline: float) -> None:
        """Raises Unavailable where the bytes cannot be had."""
        connection, size, first = self._connection, self.size, self.ask_first
        try:
            if self.borrowed is not None:
                connection.borrow(self.cid, self.borrowed, limit=size, deadline=deadline, first=first)
                self.kept = True
            elif size <= SMALL and self.cid.codec == RAW and not connection.holds(self.cid):
                block = b"".join(bytes(piece) for piece in self._pieces(deadline))
                self.kept = len(block) > size
                self.block = None if self.kept else block
            else:
                connection.keep(self.cid, self.pin, limit=size, deadline=deadline, first=first)
                self.kept = self.whole = True
        except Malformed:
            self.kept = True
        except (Late, NoHolder):  # a holder may have it a moment later: had by reading then, it would never be kept
            raise
        except Unavailable:
            if not self.had:
                self._read(deadline)

    def _read(self, deadline: float) -> None:
        try:
            for _ in self._pieces(deadline):
                pass
        except Malformed:
            return

    def _pieces(self, deadline: float) -> Pieces:
        return self._connection.fetch(self.cid, 0, self.size + 1, deadline=deadline, first=self.ask_first)


def streams_of(connection: Connection, digest: bytes) -> tuple[StateStream, ...]:
    """The streams that a carried file names; none where it cannot be read, or is not one."""
    with suppress(Malformed, Unavailable):
        return read_carried(digest, connection.fetch).streams
    return ()


def store_together(connection: Connection, files: Sequence[Copying]) -> None:
    """Store the small files that came, in one pack; where the store does not take them, others have them."""
    try:
        connection.put_all([(file.pin, file.block or b"") for file in files])
        for file in files:
            file.kept = file.whole = True
    except Unavailable:
        pass
    finally:
        for file in files:
            file.block = None
