"""Files on their way into a store, block by block, in any order that their trees allow; kept across restarts.

    FOLDER/CID/BLOCK    a block that came, checked

A block is taken only where the file's tree, as far as it came, names it: so what is kept is bounded by the file's size.
"""

import shutil
import threading
from collections.abc import Collection
from pathlib import Path

from ledger.errors import Corrupt, Malformed, Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.formats.unixfs import Part
from ledger.store import Blocks, Buffer, Store, disk, files

LISTED = 256
"""Missing blocks that are listed at once, at most."""


class Arrivals:
    """The files that come into `store`; several threads may bring blocks of one."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder, self._store = folder, store
        self._lock = threading.Lock()
        self._coming: dict[Cid, _Arrival] = {}

    def missing(self, file: Cid, size: int, pin: str) -> list[Cid]:
        """Blocks of a file of at most `size` bytes that are to come next; none where the store has all of it, pinned.

        Raises Unavailable where the disk or the store cannot be used.
        """
        return self._arrival(file, size, pin).missing()

    def take(self, file: Cid, size: int, pin: str, block: Cid, data: bytes) -> bool:
        """Keep a block of a file; whether the store has all of it now, pinned. One that is here already is harmless.

        Raises Malformed for a block that the file does not have there, and what `missing` does.
        """
        return self._arrival(file, size, pin).take(block, data)

    def sweep(self, owed: Collection[Cid]) -> None:
        """Forget what came of other files than these."""
        names = {str(cid) for cid in owed}
        with self._lock:
            self._coming = {cid: arrival for cid, arrival in self._coming.items() if cid in owed}
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if path.name not in names:
                    shutil.rmtree(path, ignore_errors=True)

    def _arrival(self, file: Cid, size: int, pin: str) -> "_Arrival":
        with self._lock:
            if file not in self._coming:
                self._coming[file] = _Arrival(self._folder / str(file), self._store, file, size, pin)
            return self._coming[file]


class _Staged(Blocks):
    """The blocks that came of a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, f"what came in {folder.name}"

    def copy(self, cid: Cid) -> Buffer:
        try:
            return (self.folder / str(cid)).read_bytes()
        except OSError as error:
            raise Unavailable(f"{self.name} has no block {cid}", block=cid) from error


class _Arrival:
    """One file: `wanted` are the places of the blocks that are named and did not come yet; the store's copy may be
    `damaged`.
    """

    def __init__(self, folder: Path, store: Store, file: Cid, size: int, pin: str) -> None:
        self._folder, self._store, self._file, self._size, self._pin = folder, store, file, size, pin
        self._staged = _Staged(folder)
        self._lock = threading.Lock()
        self._wanted: dict[Cid, Part] = {}
        self._whole = self._begun = self._damaged = False

    def missing(self) -> list[Cid]:
        with self._lock:
            self._begin()
            self._finish()
            return list(self._wanted)[:LISTED]

    def take(self, block: Cid, data: bytes) -> bool:
        with self._lock:
            self._begin()
            part = self._wanted.get(block)
            if part is not None:
                children = self._check(part, data)
                self._write(block, data)
                del self._wanted[block]
                self._want(children)
            elif not self._whole and not (self._folder / str(block)).exists():
                raise Malformed("the file has no such block, as far as its tree came", file=self._file, block=block)
            self._finish()
            return self._whole

    def _begin(self) -> None:
        """Look once what is here: the whole file in the store, all of it read, or blocks that came before a restart."""
        if self._begun:
            return
        try:
            if not self._store.fresh(self._file):
                for _ in files.read(self._store, self._file):
                    pass
            self._store.pin(self._pin, self._file)
            self._whole = True
        except Unavailable as error:
            self._damaged = isinstance(error, Corrupt)
            self._want([Part(self._file, 0, None, 0 if self._file.codec == RAW else None)])
        self._begun = True

    def _want(self, parts: Collection[Part]) -> None:
        """Name parts, and all that is under those which are here."""
        waiting = list(parts)[::-1]
        while waiting:
            part = waiting.pop()
            try:
                waiting += self._check(part, bytes(self._staged.get(part.cid)))[::-1]
            except (Unavailable, Malformed):
                self._wanted[part.cid] = part

    def _check(self, part: Part, data: bytes) -> list[Part]:
        """The parts under a block that is right at its place. Raises Malformed."""
        if sha256(data) != part.cid.digest:
            raise Malformed("the block does not have its digest", block=part.cid, length=len(data))
        if part.height is None:
            size, children = unixfs.parse_root(data, part.cid)
            if size > self._size:
                raise Malformed("the file is longer than it may be", file=self._file, size=size, limit=self._size)
            return children
        if part.height:
            return unixfs.parse(data, part)
        if len(data) > min(self._size, unixfs.largest(part.cid)):
            raise Malformed("the file is longer than it may be", file=self._file, size=len(data), limit=self._size)
        if part.stop is not None and len(data) != part.stop - part.start:
            raise Malformed("a leaf that is not as long as its place", block=part.cid, length=len(data))
        return []

    def _write(self, block: Cid, data: bytes) -> None:
        path = self._folder / str(block)
        draft = path.with_suffix(".part")
        with disk.translated(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(path)

    def _finish(self) -> None:
        """Bring the file into the store once all of it came."""
        if self._whole or self._wanted:
            return
        self._store.put(files.read(self._staged, self._file, limit=self._size), self._pin, replace=self._damaged)
        self._whole = True
        shutil.rmtree(self._folder, ignore_errors=True)
