"""The index on disk: one SQLite file (WAL) with the events of one ledger, up to one block, its tip.

Every event carries a running digest over all before it, so that damage anywhere is noticed when it is read.
"""

import contextlib
import sqlite3
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger.errors import FedledgerError, Unavailable
from ledger.events.records import AnyEvent
from ledger.files.write_ahead import write_ahead
from ledger.formats.digest import NOTHING, sha256

LOCK_SECONDS = 10.0
WINDOW = 256
"""So many of the latest blocks keep their hash though they hold no event: reorganisations are mostly shallow."""

LAST_LOG = 1 << 62
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_CONSTRAINT,
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
    id INTEGER PRIMARY KEY CHECK (id = 1), ledger TEXT, number INTEGER, hash BLOB, digest BLOB
);
CREATE TABLE IF NOT EXISTS blocks (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, time INTEGER, proved INTEGER);
CREATE INDEX IF NOT EXISTS untimed ON blocks (number) WHERE time IS NULL;
CREATE TABLE IF NOT EXISTS events (
    block INTEGER, log INTEGER, body BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (block, log)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rewinds (id INTEGER PRIMARY KEY AUTOINCREMENT, block INTEGER NOT NULL);
"""


class Tip(NamedTuple):
    """The last block the index covers; without a hash where it covers none yet."""

    number: int
    hash: bytes


class Position(NamedTuple):
    """Where an event stands."""

    block: int
    log: int


class BlockTime(NamedTuple):
    """What a block says of its time, in seconds since 1970; `proved` if its hash is known to cover that."""

    time: int
    proved: bool


class _Fresh(NamedTuple):
    """Events that were written by this object and not read since, between two running digests."""

    before: bytes
    after: bytes
    events: list[AnyEvent]


class Damaged(FedledgerError):
    """The file cannot be trusted; the index drops it and reads the chain again."""


class IndexFile:
    """An open file. `start` is the block before the ledger's first; `path` None keeps everything in memory.

    Raises Damaged where the file is broken or another ledger's, Unavailable where it cannot be used at all.
    """

    def __init__(self, path: Path | None, ledger: str, start: int) -> None:
        self._start = Tip(start, b"")
        self._fresh: _Fresh | None = None
        with _translated():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path or ":memory:", timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            self.close = weakref.finalize(self, self._db.close)
            write_ahead(self._db)
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute("INSERT OR IGNORE INTO state VALUES (1, ?, ?, ?, ?)", (ledger, start, b"", NOTHING))
            if self._db.execute("SELECT ledger FROM state").fetchall() != [(ledger,)]:
                raise Damaged("the index is of another ledger")
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(AnyEvent).decode

    def tip(self) -> Tip:
        """The last block covered."""
        with _translated():
            return Tip(*self._db.execute("SELECT number, hash FROM state").fetchone())

    def blocks(self) -> list[Tip]:
        """All blocks whose hash is known, by ascending number."""
        with _translated():
            return [Tip(*row) for row in self._db.execute("SELECT number, hash FROM blocks ORDER BY number")]

    def times(self) -> dict[int, BlockTime]:
        """The times of blocks as far as they are known, by number."""
        with _translated():
            rows = self._db.execute("SELECT number, time, proved FROM blocks WHERE time IS NOT NULL").fetchall()
        return {number: BlockTime(time, bool(proved)) for number, time, proved in rows}

    def untimed(self) -> list[Tip]:
        """The blocks that hold events and whose time is not known, the latest first."""
        with _translated():
            rows = self._db.execute(
                "SELECT number, hash FROM blocks WHERE time IS NULL"
                " AND EXISTS (SELECT 1 FROM events WHERE events.block = blocks.number) ORDER BY number DESC"
            ).fetchall()
        return [Tip(*row) for row in rows]

    def note_times(self, found: Mapping[Tip, BlockTime]) -> None:
        """Keep the times of blocks that are still known under their hash."""
        rows = [(time, proved, *block) for block, (time, proved) in found.items()]
        with _translated(), self._transaction():
            self._db.executemany("UPDATE blocks SET time = ?, proved = ? WHERE number = ? AND hash = ?", rows)

    def append(self, old: Tip, new: Tip, events: Sequence[AnyEvent], hashes: Mapping[int, bytes]) -> bool:
        """Cover the blocks from `old` to `new`, with these events; False, and nothing done, if `old` is not the tip."""
        with _translated(), self._transaction():
            if self.tip() != old:
                return False
            before = digest = self._digest_at(Position(new.number, LAST_LOG))
            rows = []
            for event in events:
                body = self._encode(event)
                digest = sha256(digest + body)
                rows.append((event.block, event.log, body, digest))
            self._db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            self._db.executemany("INSERT OR REPLACE INTO blocks (number, hash) VALUES (?, ?)", [*hashes.items(), new])
            self._move(new, digest)
            self._prune(old.number - WINDOW, new.number - WINDOW)
        self._remember(before, digest, events)
        return True

    def _remember(self, before: bytes, after: bytes, events: Sequence[AnyEvent]) -> None:
        """Keep what was written until it is read."""
        earlier = self._fresh
        if earlier is not None and earlier.after == before:
            earlier.events.extend(events)
            self._fresh = earlier._replace(after=after)
        else:
            self._fresh = _Fresh(before, after, list(events))

    def rewind(self, old: Tip, new: Tip | None) -> bool:
        """Forget all after `new` (None: all); False, and nothing done, if `old` is not the tip."""
        new = new or self._start
        with _translated(), self._transaction():
            if self.tip() != old:
                return False
            self._db.execute("DELETE FROM events WHERE block > ?", (new.number,))
            self._db.execute("DELETE FROM blocks WHERE number > ?", (new.number,))
            self._move(new, self._digest_at(Position(new.number, LAST_LOG)))
            self._db.execute("INSERT INTO rewinds (block) VALUES (?)", (new.number,))
        return True

    def rewinds(self, after: int) -> tuple[int, int | None]:
        """The number of the last rewind, and the lowest block that one after number `after` went back to, if any."""
        with _translated():
            last, lowest = self._db.execute(
                "SELECT max(id), min(CASE WHEN id > ? THEN block END) FROM rewinds", (after,)
            ).fetchone()
        return last or 0, lowest

    def events(self, after: Position) -> list[AnyEvent]:
        """The events behind a position, in order, to be called while `reading`. Those that this object has just written
        are not read back: the digests say that they are the same.

        Raises Damaged where they are not what was once stored.
        """
        fresh, self._fresh = self._fresh, None
        with _translated():
            digest = self._digest_at(after)
            (last,) = self._db.execute("SELECT digest FROM state").fetchone()
            if fresh is not None and (fresh.before, fresh.after) == (digest, last):
                return fresh.events
            rows = self._db.execute(
                "SELECT block, log, body, digest FROM events WHERE (block, log) > (?, ?) ORDER BY block, log", after
            ).fetchall()
        events = []
        for block, log, body, stored in rows:
            digest = sha256(digest + body)
            if digest != stored:
                raise Damaged("the index holds an event that was changed")
            event = self._event(body)
            if (event.block, event.log) != (block, log):
                raise Damaged("the index holds an event in a wrong place")
            events.append(event)
        if digest != last:
            raise Damaged("the index has lost events")
        return events

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read within is of one moment, even where other processes write."""
        with _translated(), self._transaction("DEFERRED"):
            yield

    def _event(self, body: bytes) -> AnyEvent:
        try:
            event: AnyEvent = self._decode(body)
        except msgspec.DecodeError as error:
            raise Damaged("the index holds an event that cannot be read") from error
        return event

    def _digest_at(self, position: Position) -> bytes:
        """The running digest up to a position, it included."""
        row = self._db.execute(
            "SELECT digest FROM events WHERE (block, log) <= (?, ?) ORDER BY block DESC, log DESC LIMIT 1", position
        ).fetchone()
        return bytes(row[0]) if row else NOTHING

    def _move(self, tip: Tip, digest: bytes) -> None:
        self._db.execute("UPDATE state SET number = ?, hash = ?, digest = ?", (*tip, digest))

    def _prune(self, first: int, last: int) -> None:
        """Of the blocks before `first` those without events are gone already."""
        self._db.execute(
            "DELETE FROM blocks WHERE number BETWEEN ? AND ?"
            " AND NOT EXISTS (SELECT 1 FROM events WHERE events.block = blocks.number)",
            (first, last),
        )

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def drop(path: Path | None) -> None:
    """Delete an index and what SQLite keeps beside it."""
    if path is None:
        return
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"the index cannot be deleted: {error}", file=str(path)) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF) in _DAMAGE:
            raise Damaged(f"the index is damaged: {error}") from error
        raise Unavailable(f"the index cannot be used: {error}") from error
    except OSError as error:
        raise Unavailable(f"the index cannot be used: {error}") from error
