"""Files as trees of blocks, profile unixfs-v1-2025 (IPIP-499). Pure: bytes in, bytes out.

A file of at most one chunk is its own raw leaf. A longer file is a balanced tree: raw leaves of 1 MiB (the last may be
shorter), inner dag-pb nodes of at most 1,024 links, every leaf at the same height. So a file's size alone fixes the
shape of its tree: every byte of a node but the digests in it follows from the size it covers and its height. A reader
holds nodes to exactly that, which is why a hostile tree can neither loop nor lie about its size, and why one file has
one CID only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ledger import kernel
from ledger.errors import Malformed
from ledger.formats.cid import CHUNK, DAG_PB, RAW, Cid
from ledger.formats.digest import NOTHING, sha256

Buffer = bytes | bytearray | memoryview

MAX_LINKS = 1024
MAX_HEIGHT = 2
MAX_SIZE = CHUNK * MAX_LINKS**MAX_HEIGHT
"""The longest file there is here: 1 TiB, two levels of nodes."""
MAX_NODE = 1 << 16
"""No node is longer: 1,024 links of at most 49 bytes, as many block sizes of at most 7, and a few bytes of framing."""

_TOGETHER = 3
"""Chunks that are hashed together: as many as the kernel does at once."""
_CID = b"\x0a\x24"
"""Protobuf field 1, 36 bytes: a link's CID."""


@dataclass(frozen=True, slots=True)
class Part:
    """A block's place in a file: it carries or covers the bytes from `start` up to `stop`.

    `height` is 0 for a leaf. A root's `stop` is None until its block is read.
    """

    cid: Cid
    start: int
    stop: int | None
    height: int | None


def largest(cid: Cid) -> int:
    """The length that no block filed under this CID may exceed."""
    return CHUNK if cid.codec == RAW else MAX_NODE


def height_of(size: int) -> int:
    """How many levels of nodes stand above the leaves of a file. Raises Malformed for a size out of bounds."""
    if not 0 <= size <= MAX_SIZE:
        raise Malformed("a file size out of bounds", size=size, largest=MAX_SIZE)
    height = 0
    while size > _span(height):
        height += 1
    return height


def encode(size: int, height: int, children: Sequence[Cid]) -> bytes:
    """The node at `height` over `size` bytes: links first, then the UnixFS data."""
    sizes = _sizes(size, height)
    links = b"".join(_link(bytes(cid), _tsize(length, height - 1)) for cid, length in zip(children, sizes, strict=True))
    data = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(length) for length in sizes)
    return links + b"\x0a" + varint(len(data)) + data


def parse_root(block: Buffer, cid: Cid) -> tuple[int, list[Part]]:
    """The size of the file under an inner root node, and the root's children. Raises Malformed."""
    node = _bounded(block, cid)
    _, at = _scan_links(node, cid)
    size = _read_size(node, at, cid)
    height = height_of(size)
    if height == 0:
        raise Malformed("a file that fits one chunk is its own raw leaf", cid=cid, size=size)
    return size, parse(block, Part(cid, 0, size, height))


def parse(block: Buffer, part: Part) -> list[Part]:
    """The children of an inner node that stands at `part`.

    Raises Malformed where the block is anything but the one node that the profile has for that size and height.
    """
    if part.stop is None or not part.height:
        raise ValueError("only an inner node with a known size has children")
    node = _bounded(block, part.cid)
    names, _ = _scan_links(node, part.cid)
    sizes = _sizes(part.stop - part.start, part.height)
    codec = RAW if part.height == 1 else DAG_PB
    children = [Cid.from_bytes(name) for name in names]
    if len(children) != len(sizes) or any(child.codec != codec for child in children):
        raise Malformed("a node with other links than its size asks for", cid=part.cid, links=len(children))
    if encode(part.stop - part.start, part.height, children) != node:
        raise Malformed("a node that is not in the form of the profile", cid=part.cid)
    parts, start = [], part.start
    for child, length in zip(children, sizes, strict=True):
        parts.append(Part(child, start, start + length, part.height - 1))
        start += length
    return parts


class TreeBuilder:
    """Takes a file's leaves in order, and returns its root and inner nodes at the end."""

    def __init__(self) -> None:
        self.size = 0
        self._leaves: list[Cid] = []

    def add(self, leaf: Cid, size: int) -> None:
        """The next leaf. Every leaf but the last is a full chunk; an empty file has one empty leaf."""
        full = self.size == CHUNK * len(self._leaves)
        if leaf.codec != RAW or not full or size > CHUNK or (size == 0 and self._leaves):
            raise ValueError(f"not a leaf that can follow: {leaf}, {size} bytes after {self.size}")
        self._leaves.append(leaf)
        self.size += size

    def finish(self) -> tuple[Cid, list[tuple[Cid, bytes]]]:
        """The root, and every inner node below and with it, children before parents. Raises Malformed when too long."""
        if not self._leaves:
            raise ValueError("a tree without a leaf")
        nodes: list[tuple[Cid, bytes]] = []
        level = self._leaves
        for height in range(1, height_of(self.size) + 1):
            left = self.size
            above: list[Cid] = []
            for first in range(0, len(level), MAX_LINKS):
                block = encode(min(left, _span(height)), height, level[first : first + MAX_LINKS])
                left -= _span(height)
                above.append(Cid(DAG_PB, sha256(block)))
                nodes.append((above[-1], block))
            level = above
        return level[0], nodes


def chunks(pieces: Iterable[Buffer]) -> Iterator[Buffer]:
    """Cut pieces of any length into chunks, copying only what straddles a border; an empty file is one empty chunk.

    A chunk may share memory with the piece it came from, so use it before asking for the next.
    """
    for group in groups(pieces, 1):
        yield from group


def groups(pieces: Iterable[Buffer], most: int) -> Iterator[list[Buffer]]:
    """As `chunks`, up to `most` at a time: use them all before asking for the next ones.

    Of pieces that are not `bytes`, and may be filled again, only what is of one piece comes together.
    """
    group: list[Buffer] = []
    held = bytearray()
    some = False
    for piece in pieces:
        view = memoryview(piece).cast("B")
        while len(view) >= (take := CHUNK - len(held)):
            group.append(held + view[:take] if held else view[:take])
            held, view, some = bytearray(), view[take:], True
            if len(group) == most:
                yield group
                group = []
        held += view
        if group and not isinstance(view.obj, bytes):
            yield group
            group = []
    if held or not some:
        group.append(held)
    if group:
        yield group


def cid_of(pieces: Iterable[Buffer]) -> tuple[Cid, int]:
    """The CID and the size of a file given as pieces of any length."""
    tree = TreeBuilder()
    for group in groups(pieces, _TOGETHER):
        for digest, chunk in zip(kernel.digests(group), group, strict=True):
            tree.add(Cid(RAW, digest), len(chunk))
    return tree.finish()[0], tree.size


def _span(height: int) -> int:
    """How many bytes a full tree of this height covers."""
    return int(CHUNK * MAX_LINKS**height)


def _sizes(size: int, height: int) -> list[int]:
    """How many bytes each child of a node covers."""
    full = _span(height - 1)
    count = -(-size // full)
    if not 1 <= count <= MAX_LINKS:
        raise Malformed("a node over a size that it cannot cover", size=size, height=height)
    return [full] * (count - 1) + [size - full * (count - 1)]


@lru_cache(maxsize=256)
def _tsize(size: int, height: int) -> int:
    """The bytes of all blocks of a subtree together, which links call Tsize."""
    if height == 0:
        return size
    sizes = _sizes(size, height)
    own = len(encode(size, height, [Cid(RAW, NOTHING)] * len(sizes)))
    return own + sum(_tsize(length, height - 1) for length in sizes)


def _link(cid: bytes, tsize: int) -> bytes:
    body = _CID + cid + b"\x12\x00\x18" + varint(tsize)
    return b"\x12" + bytes([len(body)]) + body


def varint(number: int) -> bytes:
    """A number in groups of seven bits, lowest first: protobuf's and multiformats' form, as short as can be."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bounded(block: Buffer, cid: Cid) -> bytes:
    if len(block) > MAX_NODE:
        raise Malformed("a node is longer than any may be", cid=cid, length=len(block), largest=MAX_NODE)
    return bytes(block)


def _scan_links(node: bytes, cid: Cid) -> tuple[list[bytes], int]:
    """The CIDs named by a node's links, and where its links end. Only finds them: what decides is `encode`."""
    names: list[bytes] = []
    at = 0
    while node[at : at + 1] == b"\x12":
        if len(names) == MAX_LINKS or node[at + 2 : at + 4] != _CID or len(node) < at + 40:
            raise Malformed("a link that is not in the form of the profile", cid=cid, at=at)
        names.append(node[at + 4 : at + 40])
        at += 2 + node[at + 1]
    return names, at


def _read_size(node: bytes, at: int, cid: Cid) -> int:
    """The file size in the UnixFS data that follows the links."""
    try:
        start = at + 1
        while node[start] & 0x80:
            start += 1
        start += 1 + 3
        size = shift = 0
        for byte in node[start : start + 7]:
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return size
    except IndexError:
        pass
    raise Malformed("a node without a file size", cid=cid, at=at)
