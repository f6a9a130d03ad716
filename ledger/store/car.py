"""CARv1, the archive of blocks that every IPFS tool reads: a header that names the root, then one section a block.

Written and read with one root, of the CIDs that fedledger uses. All lengths are bounded before anything is read.
"""

from collections.abc import Iterator
from typing import BinaryIO

from ledger.errors import Malformed
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.formats.unixfs import varint
from ledger.store import BlockSource, Buffer
from ledger.store.files import walk

_BEFORE = b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
_AFTER = b"\x67version\x01"
HEADER = len(_BEFORE) + 36 + len(_AFTER)
"""The length of every header written here."""
LONGEST_FRAME = 3 + 36
"""The most that a section puts before its block."""


def header(root: Cid) -> bytes:
    """The header: {"roots": [root], "version": 1} in DAG-CBOR, after its length."""
    return _BEFORE + bytes(root) + _AFTER


def parse_header(data: bytes, what: str) -> Cid:
    """The root that a header names. Raises Malformed for anything but what `header` writes."""
    if len(data) != HEADER or not data.startswith(_BEFORE) or not data.endswith(_AFTER):
        raise Malformed(f"{what} does not begin with the header of a CARv1 that has one root")
    return Cid.from_bytes(data[len(_BEFORE) : -len(_AFTER)])


def frame(cid: Cid, length: int) -> bytes:
    """What stands before a block: the length of the section, and the CID."""
    return varint(36 + length) + bytes(cid)


def parse_frame(data: bytes, what: str, at: int) -> tuple[Cid, int, int]:
    """A section's CID, the length of its frame and of its block. `data` may be longer. Raises Malformed.

    1. the section's length is a varint of at most three bytes, as short as can be; 2. it holds a whole CID, one that
    fedledger uses; 3. the block is no longer than any block of its kind.
    """
    total = shift = used = 0
    for byte in data[:3]:
        total |= (byte & 0x7F) << shift
        shift += 7
        used += 1
        if not byte & 0x80:
            break
    if used == 0 or data[used - 1] & 0x80 or varint(total) != data[:used]:
        raise Malformed(f"{what}: a section's length is not a number", at=at)
    if total < 36 or len(data) < used + 36:
        raise Malformed(f"{what}: a section without a whole CID", at=at, length=total)
    cid = Cid.from_bytes(bytes(data[used : used + 36]))
    if total - 36 > unixfs.largest(cid):
        raise Malformed(f"{what}: a block longer than any of its kind", at=at, cid=cid, length=total - 36)
    return cid, used + 36, total - 36


def write(source: BlockSource, root: Cid) -> Iterator[Buffer]:
    """A file as the pieces of a CARv1: depth first, each block once, each checked by `source`."""
    yield header(root)
    seen: set[Cid] = set()
    for part, node in walk(lambda part: source.get(part.cid), root):
        if part.cid in seen:
            continue
        seen.add(part.cid)
        block = source.get(part.cid) if node is None else node
        yield frame(part.cid, len(block))
        yield block


def read(source: BinaryIO, what: str) -> tuple[Cid, Iterator[tuple[Cid, bytes]]]:
    """The root, and the blocks as they come, NOT checked against their CIDs. Raises Malformed, also while iterating."""
    return parse_header(_exactly(source, HEADER), what), _sections(source, what)


def _sections(source: BinaryIO, what: str) -> Iterator[tuple[Cid, bytes]]:
    at = HEADER
    while first := source.read(1):
        lead = first
        while lead[-1] & 0x80 and len(lead) < 3:
            lead += source.read(1) or b"\0"
        cid, used, length = parse_frame(lead + _exactly(source, 36), what, at)
        block = _exactly(source, length)
        if len(block) != length:
            raise Malformed(f"{what} ends inside a block", at=at, cid=cid, expected=length, actual=len(block))
        yield cid, block
        at += used + length


def _exactly(source: BinaryIO, length: int) -> bytes:
    """Up to `length` bytes: fewer only where the source ends."""
    data = source.read(length)
    if data and len(data) < length:
        parts = [data]
        left = length - len(data)
        while left and (more := source.read(left)):
            parts.append(more)
            left -= len(more)
        data = b"".join(parts)
    return data
