"""Where bytes live. Every byte read is checked against the CID it was asked by, whoever holds it.

A store never decides anything: a lost or damaged copy is its holder's fault and makes a verdict unknown, not wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from ledger.cid import Cid

Buffer = bytes | bytearray | memoryview


class Blocks(Protocol):
    """Something that holds blocks, by whatever name `name` it is called in findings."""

    @property
    def name(self) -> str: ...

    def get(self, cid: Cid) -> Buffer:
        """The block, checked. Raises Unavailable where the holder has none, Corrupt where its copy is damaged."""
        ...


class Store(Blocks, Protocol):
    """A home for content. What `put` or `import_car` returned survives a crash; pins say what is kept.

    Putting the same bytes again is harmless and gives the same CID. Pin names are unique; pinning a name again moves it.
    """

    def put(self, pieces: Iterable[Buffer], pin: str) -> Cid:
        """Store a file given as pieces of any size, pinned under `pin`. Nothing is left behind where it fails."""
        ...

    def has(self, cid: Cid) -> bool: ...

    def pin(self, name: str, cid: Cid) -> None:
        """Keep a whole file under `name`. Raises Unavailable where a block of it is missing."""
        ...

    def unpin(self, name: str) -> None: ...

    def pins(self) -> dict[str, Cid]: ...

    def export_car(self, cid: Cid, out: BinaryIO) -> None:
        """Write a file as CARv1, blocks in depth-first order, each checked."""
        ...

    def import_car(self, source: BinaryIO, pin: str) -> Cid:
        """Read a CARv1 with one root, check every block and that the file is whole, and pin it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BadCopy:
    """A copy that does not match its CID.

    `offset` is the first byte in the file that differs, where a good copy was found to compare with (`located`);
    else the damaged block's first byte. `end` is the byte after the damaged block.
    """

    holder: str
    file: Cid
    block: Cid
    offset: int
    end: int
    located: bool


Pieces = Iterator[Buffer]
