"""The store that needs no daemon: a folder of packs, an index and a journal of pins.

    FOLDER/format       names this layout
    FOLDER/packs/*.car  one file each, whole, as CARv1; never changed once there
    FOLDER/parts/       packs being written
    FOLDER/index.db     which pack holds a block: a cache
    FOLDER/pins.jsonl   which file is kept under which name
    FOLDER/lock         held while a pack is published or a pin changes, never while bytes are written

Any number of processes may share a folder. Each sees what another stored as soon as that other's `put` returns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.locks import SharedLock
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.store import Buffer, Store, car, check_file, check_pin, disk, packs
from ledger.store.files import walk
from ledger.store.pack_index import PackIndex
from ledger.store.pins import Pins

FORMAT = b"fedledger store 1\n"
REMEMBERED = 4096
"""Files that are remembered as stored, at most."""
PATIENCE = 120.0
"""Seconds to wait for another process that is publishing; it holds the lock for milliseconds."""


class Embedded(Store):
    """A store in `folder`. Raises Unavailable where there is none and `create` is not given.

    Opening compares the list of packs with the index and repairs the index; one that is damaged or of another version
    is rebuilt from the frames alone. Nothing in a pack is trusted for that: blocks are checked when read.
    """

    side_by_side = True

    def __init__(self, folder: Path, *, create: bool = False, name: str = "") -> None:
        self.folder = folder
        self.name = name or f"store {folder}"
        self.packs, self._parts = folder / "packs", folder / "parts"
        self._stored: dict[Cid, disk.Version] = {}
        self._lock = SharedLock(folder / "lock", PATIENCE)
        self.pin_journal = Pins(folder / "pins.jsonl")
        if create:
            self._create()
        self._check_format()
        self._index = PackIndex(self.packs, folder / "index.db", self.locked)
        self._repair()

    def put(self, pieces: Iterable[Buffer], pin: str, *, replace: bool = False, expected: Cid | None = None) -> Cid:
        check_pin(pin)
        with self._writing() as pack:
            root = packs.fill(pack, pieces)
            check_file(root, expected)
            self._publish(pack, root, {pin: root}, replace)
        return root

    def put_checked(self, root: Cid, blocks: Iterable[tuple[Cid, Buffer]], pin: str, *, replace: bool = False) -> None:
        check_pin(pin)
        with self._writing() as pack:
            for cid, block in blocks:
                pack.write(cid, block)
            self._publish(pack, root, {pin: root}, replace)

    def import_car(self, source: BinaryIO, pin: str, *, limit: int = unixfs.MAX_SIZE, replace: bool = False) -> Cid:
        """As `Store.import_car`; a CAR of more than `limit` bytes of blocks is refused as soon as it is."""
        check_pin(pin)
        with self._writing() as pack:
            root = packs.take(pack, source, limit)
            self._publish(pack, root, {pin: root}, replace)
        return root

    def export_car(self, cid: Cid, out: BinaryIO) -> None:
        for piece in car.write(self, cid):
            out.write(piece)

    def copy(self, cid: Cid) -> Buffer:
        """As `Blocks.copy`; of a block in several packs, the first good copy, or else the first."""
        copies = []
        found = self.find(cid)
        for name, row in found:
            try:
                copies.append(packs.read(f"{self.packs}/{name}", row))
            except FileNotFoundError:
                continue
            if len(found) == 1 or sha256(copies[-1]) == cid.digest:
                return copies[-1]
        if not copies:
            raise Unavailable(f"{self.name} does not hold block {cid}", holder=self.name, block=cid)
        return copies[0]

    def copy_into(self, cid: Cid, room: memoryview) -> bool:
        found = self.find(cid)
        if len(found) != 1:
            return super().copy_into(cid, room)
        name, row = found[0]
        return row.length == len(room) and packs.read_into(f"{self.packs}/{name}", [row], [room])

    def copies_into(self, cids: Sequence[Cid], rooms: Sequence[memoryview]) -> bool:
        """As `Blocks.copies_into`; of blocks in one pack alone by one look into the index, and one file opened."""
        found = self._index.find_all(cids)
        (name, *others) = {name for places in found for name, _ in places} or {""}
        if others or any(len(places) != 1 for places in found):
            return super().copies_into(cids, rooms)
        rows = [row for ((_, row),) in found]
        fit = all(row.length == len(room) for row, room in zip(rows, rooms, strict=True))
        return fit and packs.read_into(f"{self.packs}/{name}", rows, rooms)

    def put_all(self, files: Sequence[tuple[str, Buffer]]) -> list[Cid]:
        """As `Store.put_all`: one pack, whose root is the list of its files (`packs.fill_list`)."""
        if len(files) < 2:
            return super().put_all(files)
        with self._writing() as pack:
            cids, root = packs.fill_list(pack, [data for _, data in files])
            self._publish(pack, root, {check_pin(pin): cid for (pin, _), cid in zip(files, cids, strict=True)})
        return cids

    def unpin_all(self, names: Iterable[str]) -> None:
        """Remove names, all at once; one that is not there is harmless."""
        with self.locked():
            there = self.pin_journal.read()
            if gone := {name: None for name in names if name in there}:
                self.pin_journal.set(gone)

    def fresh(self, cid: Cid) -> bool:
        stored = self._stored.get(cid)
        return stored is not None and stored == disk.version(self.packs / packs.name_of(cid))

    def has(self, cid: Cid) -> bool:
        return bool(self.find(cid))

    def pin(self, name: str, cid: Cid) -> None:
        check_pin(name)
        with self.locked():
            for part, node in walk(lambda part: self.get(part.cid), cid):
                if node is None and not self.has(part.cid):
                    raise Unavailable(f"cannot pin {cid}: a block is missing", holder=self.name, block=part.cid)
            self.pin_journal.set({name: cid})

    def unpin(self, name: str) -> None:
        with self.locked():
            if name not in self.pin_journal.read():
                raise UsageError(f"no pin is called {name!r}", advice="list the pins")
            self.pin_journal.set({name: None})

    def pins(self) -> dict[str, Cid]:
        return self.pin_journal.read()

    def close(self) -> None:
        self._index.close()

    def pack_paths(self) -> list[Path]:
        """Every pack, by name."""
        return sorted(self.packs / name for name in packs.names(self.packs))

    def find(self, cid: Cid) -> list[tuple[str, packs.BlockPlace]]:
        """Every pack that holds a block, and where in it."""
        return self._index.find(cid)

    def drop(self, path: Path) -> None:
        """Remove a pack. Only under `locked`, and only what nothing keeps."""
        self._index.forget(path.name)
        with disk.translated(path):
            path.unlink(missing_ok=True)

    def totals(self) -> tuple[int, int]:
        """How many blocks there are, and their bytes."""
        return self._index.totals()

    def _create(self) -> None:
        with disk.translated(self.folder / "format"):
            for folder in (self.packs, self._parts):
                folder.mkdir(parents=True, exist_ok=True)
        with self.locked():
            marker = self.folder / "format"
            if not marker.exists():
                part = self._parts / "format"
                with disk.translated(part):
                    part.write_bytes(FORMAT)
                disk.publish(part, marker)

    def _check_format(self) -> None:
        try:
            found = (self.folder / "format").read_bytes()
        except OSError as error:
            raise Unavailable(
                f"no store at {self.folder}: {error.strerror}", advice="name another folder, or add a file to make one"
            ) from error
        if found != FORMAT:
            raise Malformed(f"{self.folder} is not a store of this version", expected=FORMAT, actual=found[:80])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in the folder: nothing is published, pinned or dropped by anybody else."""
        with ExitStack() as stack:
            with disk.translated(self.folder / "lock"):
                try:
                    stack.enter_context(self._lock.held())
                except Timeout as error:
                    raise Unavailable(
                        f"another process keeps the store {self.folder} locked",
                        advice="see which process holds the file, and end it",
                        lock=str(self.folder / "lock"),
                        waited_seconds=PATIENCE,
                    ) from error
            yield

    @contextmanager
    def _writing(self) -> Iterator[packs.PackWriter]:
        with self.locked():
            pack = packs.PackWriter(self._parts)
        try:
            yield pack
        finally:
            pack.discard()

    def _publish(self, pack: packs.PackWriter, root: Cid, pins: Mapping[str, Cid], replace: bool = False) -> None:
        """Make a pack visible and pin its files; where all of it is listed already, pin only."""
        final = self.packs / packs.name_of(root)
        sealed = replace or not self._lists(final, pack.rows)
        if sealed:
            pack.seal(root)
        with self.locked():
            new = not final.exists()
            if not new and not self._index.lists(final.name):
                self._index.add(final.name)
            write = replace or not self._lists(final, pack.rows)
            if write:
                if not sealed:
                    pack.seal(root)
                disk.publish(pack.path, final)
                self._remember(root, final)
            try:
                if write:
                    self._index.add(final.name, pack.rows.values())
                self.pin_journal.set(pins)
            except BaseException:
                if new:
                    final.unlink(missing_ok=True)
                raise

    def _lists(self, path: Path, blocks: Iterable[Cid]) -> bool:
        """Whether a pack is there, and the index lists all these blocks in it: of one that is torn it does not."""
        return path.exists() and all(any(name == path.name for name, _ in self.find(cid)) for cid in blocks)

    def _remember(self, root: Cid, path: Path) -> None:
        if len(self._stored) >= REMEMBERED:
            self._stored.clear()
        self._stored[root] = disk.version(path)

    def _repair(self) -> None:
        """Bring the index in step with the folder, and sweep what no process is writing."""
        if not self._index.differs() and not any(disk.abandoned(path) for path in self._parts.iterdir()):
            return
        with self.locked():
            self._index.repair()
            for path in self._parts.iterdir():
                if disk.abandoned(path):
                    path.unlink(missing_ok=True)
