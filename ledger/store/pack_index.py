"""The index of a folder of packs, kept in step with it: repaired when opened, rebuilt when damaged.

Other processes use the same folder. An index that one of them rebuilt is noticed and opened in place of the old one.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from ledger.errors import Unavailable
from ledger.formats.cid import Cid
from ledger.store import disk, packs
from ledger.store.block_index import BlockIndex, IndexDamaged

T = TypeVar("T")
_SIDE_FILES = ("-wal", "-shm")


class PackIndex:
    """Which of the packs in `folder` hold a block; the index is the file at `path`. `locked` is the store's lock.

    Raises Unavailable from any method where the disk or a lock is in the way.
    """

    def __init__(self, folder: Path, path: Path, locked: Callable[[], AbstractContextManager[None]]) -> None:
        self._folder, self._path, self._locked = folder, path, locked
        self._index = self._open()

    def find(self, cid: Cid) -> list[tuple[str, packs.BlockPlace]]:
        """Every pack that holds a block, and where in it."""
        found = self._use(lambda index: index.find(cid))
        if not found and self._index.stale():
            self._reopen()
            found = self._use(lambda index: index.find(cid))
        return found

    def find_all(self, cids: Sequence[Cid]) -> list[list[tuple[str, packs.BlockPlace]]]:
        """As `find`, of each of some blocks."""
        found = self._use(lambda index: index.find_all(cids))
        return found if all(found) else [self.find(cid) for cid in cids]

    def lists(self, name: str) -> bool:
        """Whether a pack is listed."""
        return self._use(lambda index: index.lists(name))

    def add(self, name: str, rows: Collection[packs.BlockPlace] | None = None) -> None:
        """List a pack, all its blocks at once, in place of what was listed for it: these, or what its frames say."""
        found = packs.rows(self._folder / name) if rows is None else rows
        self._use(lambda index: index.replace(name, found))

    def forget(self, name: str) -> None:
        """Take a pack off the list."""
        self._use(lambda index: index.forget(name))

    def totals(self) -> tuple[int, int]:
        """How many blocks are listed, and their bytes."""
        return self._use(lambda index: index.totals())

    def differs(self) -> bool:
        """Whether a crash has left the list other than the folder."""
        return self._use(lambda index: index.names()) != packs.names(self._folder)

    def repair(self) -> None:
        """List the packs that a crash kept from the index, and drop those that are gone. Only under the lock."""
        there, known = packs.names(self._folder), self._use(lambda index: index.names())
        for name in there - known:
            self._index.replace(name, packs.rows(self._folder / name))
        for name in known - there:
            self._index.forget(name)

    def rebuild(self) -> None:
        """Make the index again from the frames of all packs."""
        with self._locked():
            self._index.close()
            self._index = self._rebuilt()

    def close(self) -> None:
        self._index.close()

    def _use(self, work: Callable[[BlockIndex], T]) -> T:
        """Use the index; where it fails, once more with the one that another process made, or that is made here."""
        try:
            return work(self._index)
        except (IndexDamaged, Unavailable) as error:
            if self._index.stale():
                self._reopen()
            elif isinstance(error, IndexDamaged):
                self.rebuild()
            else:
                raise
            return work(self._index)

    def _reopen(self) -> None:
        self._index.close()
        self._index = self._open()

    def _open(self) -> BlockIndex:
        try:
            return BlockIndex(self._path)
        except IndexDamaged:
            with self._locked():
                return self._rebuilt()

    def _rebuilt(self) -> BlockIndex:
        """A new index, made beside the old one and put in its place when it is complete."""
        fresh = self._path.with_suffix(".new")
        for ending in ("", *_SIDE_FILES):
            Path(f"{fresh}{ending}").unlink(missing_ok=True)
        index = BlockIndex(fresh)
        for name in packs.names(self._folder):
            index.replace(name, packs.rows(self._folder / name))
        index.close()
        for ending in _SIDE_FILES:
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        disk.publish(fresh, self._path)
        return BlockIndex(self._path)
