"""Packs: one file's blocks as one CARv1, written once, named by its root, never changed after.

A pack becomes visible by a rename after all its bytes are on the disk, so a pack that is there is whole, and a crash
leaves only a nameless file behind, which the next writer sweeps. Any IPFS tool imports a pack as it is.
"""

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ledger import unixfs
from ledger.cid import RAW, Cid
from ledger.digest import sha256
from ledger.errors import Corrupt, Malformed
from ledger.store import Blocks, Buffer, car, disk

SUFFIX = ".car"


@dataclass(frozen=True, slots=True)
class Row:
    """Where a block lies in a pack."""

    cid: Cid
    offset: int
    length: int


class PackWriter(Blocks):
    """A pack being written. Hashing and writing go side by side, a chunk at a time.

    A block comes into the pack once; its bytes are written before its digest is known, and the frame after.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(8)}.part"
        self.name = f"unfinished pack {self.path.name}"
        self.rows: dict[Cid, Row] = {}
        self._end = car.HEADER
        self._handle = disk.create(self.path)
        self._thread = ThreadPoolExecutor(1, "store-write")

    def add(self, chunk: Buffer, codec: int = RAW) -> Cid:
        """Write a block and give its CID."""
        start = self._end + len(unixfs.varint(36 + len(chunk))) + 36
        written = self._thread.submit(disk.write, self._handle, self.path, chunk, start)
        try:
            cid = Cid(codec, sha256(chunk))
        finally:
            written.result()
        if cid not in self.rows:
            disk.write(self._handle, self.path, car.frame(cid, len(chunk)), self._end)
            self.rows[cid] = Row(cid, start, len(chunk))
            self._end = start + len(chunk)
        return cid

    def copy(self, cid: Cid) -> Buffer:
        """A block written before. Raises Malformed where the pack has none: whoever sent the file left it out."""
        row = self.rows.get(cid)
        if row is None:
            raise Malformed(f"a file with a block left out: {cid}", block=cid)
        return os.pread(self._handle, row.length, row.offset)

    def seal(self, root: Cid) -> None:
        """Write the header, and wait until all is on the disk."""
        disk.write(self._handle, self.path, car.header(root), 0)
        disk.trim(self._handle, self.path, self._end)
        disk.sync(self._handle, self.path)

    def discard(self) -> None:
        """Close, and remove what was not published. Harmless when called again."""
        self._thread.shutdown()
        if self._handle >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1


def name_of(root: Cid) -> str:
    """The file name of a pack."""
    return f"{root}{SUFFIX}"


def root_of(name: str) -> Cid | None:
    """The root that a pack's file name promises; None for a file that is no pack."""
    try:
        return Cid.parse(name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else None
    except Malformed:
        return None


def scan(path: Path) -> Iterator[Row]:
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
            yield Row(cid, at + used, length)
            at += used + length


def read(path: Path, row: Row) -> bytes:
    """A block's bytes as they lie in a pack. Raises FileNotFoundError, and Corrupt where the disk cannot read it.

    Read into memory, not mapped: mapped bytes could change after they were checked, and kill the process where the
    file is cut under it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(handle, row.length, row.offset)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Corrupt(f"cannot read {path}: {error.strerror}", block=row.cid, offset=row.offset) from error
