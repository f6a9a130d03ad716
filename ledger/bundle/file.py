"""A bundle's file: its blocks indexed and hashed once, then read by their place (docs/spec/bundle.md, "File").

Memory grows with the number of blocks, not with their bytes: the file is read with `pread`, a block at a time.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from ledger import kernel
from ledger.bundle.broken import BrokenBundle
from ledger.errors import Malformed, Unavailable
from ledger.files.foreign import reading
from ledger.formats.cid import RAW, Cid
from ledger.store import Blocks, Buffer
from ledger.store.car import HEADER, LONGEST_FRAME, parse_frame, parse_header
from ledger.store.spread import spread

MAX_BLOCKS = 1 << 18
_TOGETHER, _ROOM = 256, 12 << 20
"""Blocks that are hashed at once, on all cores: so many, or of so many bytes."""


class BundleFile(Blocks):
    """The blocks of a bundle, by digest; `root` is the manifest's CID. Every one has its digest.

    Raises BrokenBundle where the file is not one, Unavailable where it cannot be read. `progress` hears of bytes read.
    """

    name = "the bundle"

    def __init__(self, path: Path, progress: Callable[[int], None] = lambda _: None) -> None:
        self._path, self._file = str(path), -1
        self._places: dict[bytes, int] = {}
        self.bundle = b""
        self.first, self.codec = b"", RAW
        self._progress = progress
        try:
            self._file = os.open(path, os.O_RDONLY)
            self.size = os.fstat(self._file).st_size
            self._index()
        except BaseException as error:
            self.close()
            if isinstance(error, BrokenBundle):
                error.bundle = self.bundle
            if isinstance(error, OSError):
                raise Unavailable(f"cannot read the bundle: {error.strerror}", file=self._path) from error
            raise

    def copy(self, cid: Cid) -> Buffer:
        """The block with a CID's digest. Raises Unavailable where it is not in the bundle."""
        place = self._places.get(cid.digest)
        if place is None:
            raise Unavailable("the bundle does not have this block", block=cid)
        start, length = divmod(place, 1 << 21)
        return self._read(start, length)

    def __contains__(self, digest: object) -> bool:
        return digest in self._places

    def length(self, digest: bytes) -> int:
        """The length of a block that is in the bundle, in bytes."""
        return self._places[digest] & (1 << 21) - 1

    def block(self, digest: bytes) -> bytes:
        """A raw block by its digest. Raises Unavailable."""
        return bytes(self.get(Cid(RAW, digest)))

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _index(self) -> None:
        try:
            root = parse_header(self._read(0, HEADER), "the bundle")
            self.bundle, self.codec = root.digest, root.codec
        except Malformed as error:
            raise BrokenBundle("CAR") from error
        at, place, held = HEADER, 0, 0
        waiting: list[tuple[bytes, bytes]] = []
        while at < self.size:
            if place == MAX_BLOCKS:
                self._hash(waiting, place)
                raise BrokenBundle("CAR", place)
            try:
                cid, used, length = parse_frame(self._read(at, LONGEST_FRAME), "the bundle", at)
                cut = at + used + length > self.size
            except Malformed:
                cut = True
            if cut or cid.digest in self._places:
                self._hash(waiting, place)
                raise BrokenBundle("CAR" if cut else "REPEATED", place)
            self._places[cid.digest] = (at + used << 21) + length
            self.first = self.first or cid.digest
            waiting.append((cid.digest, self._read(at + used, length)))
            at, place, held = at + used + length, place + 1, held + length
            if len(waiting) == _TOGETHER or held >= _ROOM or at >= self.size:
                self._hash(waiting, place)
                waiting, held = [], 0
            self._progress(used + length)

    def _hash(self, waiting: list[tuple[bytes, bytes]], after: int) -> None:
        """Hold blocks, the last ones before number `after`, against their digests."""
        actual = spread(kernel.digests, [block for _, block in waiting])
        for place, ((expected, _), digest) in enumerate(zip(waiting, actual, strict=True), after - len(waiting)):
            if digest != expected:
                raise BrokenBundle("BLOCK", place)

    def _read(self, start: int, length: int) -> bytes:
        parts: list[bytes] = []
        with reading(self._path):
            while length and (part := os.pread(self._file, length, start)):
                parts.append(part)
                start, length = start + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)
