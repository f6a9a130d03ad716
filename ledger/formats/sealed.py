"""How long sealed files are, and where their chunks begin (docs/spec/seals.md, "Sealed file"): what needs no key."""

from ledger.errors import Malformed
from ledger.formats.cid import CHUNK

HEAD = 104
"""Bytes of a sealed file before its first chunk: format, name, commitment."""
TAG = 16
ROOM = CHUNK - TAG
"""Bytes of the artifact in a chunk; the first has the head among them."""


def count_of(size: int) -> int:
    """Chunks of an artifact of `size` bytes."""
    return -(-(HEAD + size) // ROOM)


def sealed_size(size: int) -> int:
    """Bytes of the sealed file of an artifact of `size` bytes."""
    return HEAD + size + TAG * count_of(size)


def chunk_at(offset: int) -> tuple[int, int]:
    """The chunk in which a byte of the artifact is, and the artifact's first byte in it."""
    chunk = (HEAD + offset) // ROOM
    return chunk, max(chunk * ROOM - HEAD, 0)


def artifact_size(size: int) -> int:
    """Bytes of the artifact in a sealed file of `size` bytes. Raises Malformed where no artifact has such a file."""
    chunks = -(-size // CHUNK)
    inside = size - HEAD - TAG * chunks
    if inside < 1 or sealed_size(inside) != size:
        raise Malformed("no sealed file has this length", actual=size)
    return inside
