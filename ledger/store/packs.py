"""Packs: one file's blocks as one CARv1, written once, named by its root, never changed.

A pack becomes visible by a rename after all its bytes are on the disk, so a pack that is there is whole, and a crash
leaves only a nameless file behind, which the next writer sweeps. Any IPFS tool imports a pack as it is.
"""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from ledger.errors import Corrupt, Malformed, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, RAW, Cid
from ledger.formats.digest import sha256
from ledger.store import Blocks, Buffer, car, disk
from ledger.store.files import walk
from ledger.store.spread import MOST, digests, spread

T = TypeVar("T")
SUFFIX = ".car"
LISTED = 16_384
"""Files of one pack, at most: their list is one block."""
STRIDE = 16 << 20
"""Bytes after which the disk is asked to begin with what is written so far."""


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """Where a block lies in a pack."""

    cid: Cid
    offset: int
    length: int


class PackWriter(Blocks):
    """A pack being written. Hashing and writing go side by side, some chunks at a time.

    A block comes into the pack once; its bytes are written before its digest is known, and the frame after.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(8)}.part"
        self.name = f"unfinished pack {self.path.name}"
        self.rows: dict[Cid, BlockPlace] = {}
        self._end = car.HEADER
        self._handle = disk.create(self.path)
        self._synced, self._syncing = 0, list[Future[None]]()
        self._thread = ThreadPoolExecutor(1, "store-sync")

    def add(self, chunks: Sequence[Buffer]) -> list[Cid]:
        """Write leaves, and return their CIDs."""
        places, end = [], self._end
        for chunk in chunks:
            places.append((chunk, end + _before(chunk)))
            end = places[-1][1] + len(chunk)
        cids = [Cid(RAW, digest) for digest in spread(self._hashed, places)]
        new = len(set(cids) - self.rows.keys()) == len(cids)
        for cid, chunk in zip(cids, chunks, strict=True):
            if new:
                self._enter(cid, chunk)
            else:  # one that is here already is left out, and the others move up
                self.write(cid, chunk)
        self._begin_sync()
        return cids

    def write(self, cid: Cid, block: Buffer) -> None:
        """Write a block that has this CID, by the caller's own hashing."""
        if cid not in self.rows:
            disk.write(self._handle, self.path, block, self._end + _before(block))
            self._enter(cid, block)

    def _hashed(self, places: Sequence[tuple[Buffer, int]]) -> list[bytes]:
        """Write blocks at their places; their digests."""
        for chunk, start in places:
            disk.write(self._handle, self.path, chunk, start)
        return digests([chunk for chunk, _ in places])

    def _enter(self, cid: Cid, block: Buffer) -> None:
        """Write the frame of the next block, whose bytes are at their place."""
        disk.write(self._handle, self.path, car.frame(cid, len(block)), self._end)
        start = self._end + _before(block)
        self.rows[cid] = BlockPlace(cid, start, len(block))
        self._end = start + len(block)

    def _begin_sync(self) -> None:
        """Let the disk begin with a long pack while the rest of it is made."""
        idle = not self._syncing or self._syncing[-1].done()
        if idle and self._end - self._synced >= STRIDE:
            self._synced = self._end
            self._syncing.append(self._thread.submit(disk.sync, self._handle, self.path))

    def copy(self, cid: Cid) -> Buffer:
        """A block written before. Raises Malformed where the pack has none: its sender left it out."""
        row = self.rows.get(cid)
        if row is None:
            raise Malformed(f"a file with a block left out: {cid}", block=cid)
        return os.pread(self._handle, row.length, row.offset)

    def seal(self, root: Cid) -> None:
        """Write the header, and wait until all is on the disk."""
        disk.write(self._handle, self.path, car.header(root), 0)
        disk.trim(self._handle, self.path, self._end)
        for future in self._syncing:
            future.result()
        disk.sync(self._handle, self.path)

    def sections(self, piece: int) -> Iterator[bytes]:
        """All that a CAR says after its header, in pieces."""
        for at in range(car.HEADER, self._end, piece):
            yield os.pread(self._handle, min(piece, self._end - at), at)

    def discard(self) -> None:
        """Close, and remove what was not published. Harmless when called again."""
        self._thread.shutdown()
        if self._handle >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1


@contextmanager
def writing(folder: Path) -> Iterator[PackWriter]:
    """A pack to write, gone at the end unless it was published."""
    pack = PackWriter(folder)
    try:
        yield pack
    finally:
        pack.discard()


def fill(pack: PackWriter, pieces: Iterable[Buffer]) -> Cid:
    """Write a file's blocks into a pack, and return its root."""
    tree = unixfs.TreeBuilder()
    for group in unixfs.groups(pieces, MOST):
        for cid, chunk in zip(pack.add(group), group, strict=True):
            tree.add(cid, len(chunk))
    root, nodes = tree.finish()
    for cid, block in nodes:
        pack.write(cid, block)
    return root


def fill_list(pack: PackWriter, files: Sequence[Buffer]) -> tuple[list[Cid], Cid]:
    """Write files of one block each into a pack: their CIDs, and the pack's root, a block that lists these, one a
    line. Raises UsageError for a longer file, or too many.
    """
    if not 1 <= len(files) <= LISTED or any(len(data) > CHUNK for data in files):
        raise UsageError("these are not small files, or too many", files=len(files), most=LISTED)
    cids = [cid for at in range(0, len(files), MOST) for cid in pack.add(files[at : at + MOST])]
    return cids, pack.add(["".join(f"{cid}\n" for cid in cids).encode()])[0]


def take(pack: PackWriter, source: BinaryIO, limit: int = unixfs.MAX_SIZE) -> Cid:
    """Write a CAR's blocks into a pack, and return its root.

    1. it is a CARv1 with one root; 2. every block has its digest; 3. there are no more than `limit` bytes; 4. every
    block of the root's file is there, in its length; 5. there is no other. Raises Corrupt for 2, else Malformed.
    """
    what = str(getattr(source, "name", "the CAR"))
    root, blocks = car.read(source, what)
    for cid, block in blocks:
        if sha256(block) != cid.digest:
            raise Corrupt(f"{what} holds a damaged copy of block {cid}", holder=what, block=cid)
        pack.write(cid, block)
        limit -= len(block)
        if limit < 0:
            raise Malformed(f"{what} is longer than allowed", root=root)
    _check_whole(pack, root, what)
    return root


def _check_whole(pack: PackWriter, root: Cid, what: str) -> None:
    wanted: set[Cid] = set()
    for part, node in walk(lambda part: pack.get(part.cid), root):
        row = pack.rows.get(part.cid)
        if row is None:
            raise Malformed(f"{what} leaves out a block of file {root}", block=part.cid, offset=part.start)
        if node is None and part.stop is not None and row.length != part.stop - part.start:
            raise Malformed("a leaf that is not as long as its place", block=part.cid, length=row.length, part=part)
        wanted.add(part.cid)
    if stray := pack.rows.keys() - wanted:
        raise Malformed(f"{what} holds blocks that are not of file {root}", stray=min(stray))


def _before(block: Buffer) -> int:
    """The length of what stands before a block in a pack."""
    return len(unixfs.varint(36 + len(block))) + 36


def name_of(root: Cid) -> str:
    """The file name of a pack."""
    return f"{root}{SUFFIX}"


def root_of(name: str) -> Cid | None:
    """The root that a pack's file name promises; None for a file that is not a pack."""
    try:
        return Cid.parse(name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else None
    except Malformed:
        return None


def names(folder: Path) -> set[str]:
    """The file names of the packs in a folder."""
    return {path.name for path in folder.iterdir() if root_of(path.name)}


def root_in(path: Path) -> Cid:
    """The root that a pack's header names."""
    with path.open("rb") as file:
        return car.parse_header(file.read(car.HEADER), str(path))


def rows(path: Path) -> list[BlockPlace]:
    """As `scan`, as far as the frames can be read; `store verify` reports the rest."""
    found: list[BlockPlace] = []
    try:
        for row in scan(path):
            found.append(row)
    except Malformed:
        return found
    return found


def scan(path: Path) -> Iterator[BlockPlace]:
    """Where each block of a pack lies, read from its frames alone. Raises Malformed at the first damaged frame."""
    with path.open("rb", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size
        at = car.HEADER
        while at < end:
            cid, used, length = car.parse_frame(os.pread(file.fileno(), car.LONGEST_FRAME, at), str(path), at)
            if at + used + length > end:
                raise Malformed(
                    f"{path} ends inside a block", at=at, block=cid, expected=length, actual=end - at - used
                )
            yield BlockPlace(cid, at + used, length)
            at += used + length


def read(path: str | Path, row: BlockPlace) -> bytes:
    """A block's bytes as they lie in a pack. Raises FileNotFoundError, and Corrupt where the disk cannot read it.

    Read into memory, not mapped: mapped bytes could change after they were checked, and kill the process where the
    file is cut under it.
    """
    return _opened(path, row, lambda handle: os.pread(handle, row.length, row.offset))


def read_into(path: str | Path, rows: Sequence[BlockPlace], rooms: Sequence[memoryview]) -> bool:
    """As `read`, of some blocks, each into its room, which is as long; whether the pack is there and has them all."""
    places = list(zip(rows, rooms, strict=True))
    try:
        return _opened(
            path,
            rows[0],
            lambda handle: all(os.preadv(handle, [room], row.offset) == len(room) for row, room in places),
        )
    except FileNotFoundError:
        return False


def _opened(path: str | Path, row: BlockPlace, use: Callable[[int], T]) -> T:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return use(handle)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Corrupt(f"cannot read {path}: {error.strerror}", block=row.cid, offset=row.offset) from error
