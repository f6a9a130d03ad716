"""Which pack holds a block, in SQLite. A cache: what it says is in the packs, and it is rebuilt from them at will."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from ledger.errors import Unavailable
from ledger.files.write_ahead import write_ahead
from ledger.formats.cid import Cid
from ledger.store.packs import BlockPlace

T = TypeVar("T")
VERSION = 1
_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS blocks (
    cid BLOB NOT NULL, pack INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (cid, pack)
) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
"""
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class IndexDamaged(Exception):
    """The file is not an index, or of another version: rebuild it."""


class BlockIndex:
    """One connection, shared by the threads of a process; other processes have their own and see what is committed.

    Raises IndexDamaged from any method, and Unavailable where the disk or a lock is in the way.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._open()

    def find(self, cid: Cid) -> list[tuple[str, BlockPlace]]:
        """Every pack that holds a block, and where."""
        return self.find_all([cid])[0]

    def find_all(self, cids: Sequence[Cid]) -> list[list[tuple[str, BlockPlace]]]:
        """The same of each of some blocks, by one query for two."""
        query = "SELECT cid, name, start, length FROM blocks JOIN packs ON packs.id = pack WHERE cid IN (?, ?)"
        pairs = [(bytes(cid), bytes(next_)) for cid, next_ in zip(cids[::2], [*cids[1::2], cids[-1]], strict=False)]
        rows = self._run(lambda database: [row for pair in pairs for row in database.execute(query, pair).fetchall()])
        return [
            [(name, BlockPlace(cid, start, length)) for said, name, start, length in rows if said == bytes(cid)]
            for cid in cids
        ]

    def names(self) -> set[str]:
        """The packs that are listed."""
        return self._run(lambda database: {name for (name,) in database.execute("SELECT name FROM packs")})

    def lists(self, name: str) -> bool:
        """Whether a pack is listed."""
        query = "SELECT 1 FROM packs WHERE name = ?"
        return self._run(lambda database: database.execute(query, (name,)).fetchone()) is not None

    def totals(self) -> tuple[int, int]:
        """How many blocks are listed, and their bytes."""
        query = "SELECT count(*), coalesce(sum(length), 0) FROM blocks"
        blocks, size = self._run(lambda database: database.execute(query).fetchone())
        return int(blocks), int(size)

    def replace(self, name: str, rows: Iterable[BlockPlace]) -> None:
        """List a pack, all its blocks at once, in place of what was listed for it."""

        def change(database: sqlite3.Connection) -> None:
            _forget(database, name)
            pack = database.execute("INSERT INTO packs (name) VALUES (?)", (name,)).lastrowid
            values = ((bytes(row.cid), pack, row.offset, row.length) for row in rows)
            database.executemany("INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?)", values)

        self._change(change)

    def forget(self, name: str) -> None:
        """Take a pack off the list."""
        self._change(lambda database: _forget(database, name))

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def stale(self) -> bool:
        """Whether another process has put a rebuilt index in this one's place."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self._run(_prepare)
            self._inode = self.path.stat().st_ino
        except BaseException:
            self._database.close()
            raise

    def _change(self, change: Callable[[sqlite3.Connection], None]) -> None:
        def whole(database: sqlite3.Connection) -> None:
            database.execute("BEGIN IMMEDIATE")
            try:
                change(database)
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

        self._run(whole)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._lock:
                return work(self._database)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in _DAMAGE:
                raise IndexDamaged(str(error)) from error
            raise Unavailable(f"cannot use the index {self.path}: {error}", path=str(self.path)) from error


def _prepare(database: sqlite3.Connection) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        raise IndexDamaged(f"an index of version {version}")
    if version == 0:  # until there is something in it, nothing can be lost but the making of it
        database.execute("PRAGMA synchronous = OFF")
        write_ahead(database)
        database.executescript(_TABLES)
    database.execute("PRAGMA synchronous = NORMAL")


def _forget(database: sqlite3.Connection, name: str) -> None:
    for (pack,) in database.execute("SELECT id FROM packs WHERE name = ?", (name,)).fetchall():
        database.execute("DELETE FROM blocks WHERE pack = ?", (pack,))
        database.execute("DELETE FROM packs WHERE id = ?", (pack,))
