"""Where bytes live. Every byte read is checked against the CID that it was requested by, at every holder.

A store never decides anything: a lost or damaged copy is its holder's fault and makes a verdict unknown, not wrong.
The check is in one place, `Blocks.get`, which no holder can override.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol, final

from ledger.errors import SHOWN, Corrupt, Unavailable, UsageError
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256

Buffer = bytes | bytearray | memoryview
Pieces = Iterator[Buffer]


class Unreachable(Unavailable):
    """The holder did not answer at all; where it said that it has no such block, the error is plain Unavailable."""


class BlockSource(Protocol):
    """Anything that returns checked blocks: one holder, or several tried in turn."""

    def get(self, cid: Cid) -> Buffer: ...


class Blocks(ABC):
    """Something that holds blocks. `name` is what findings call it."""

    name: str

    @abstractmethod
    def copy(self, cid: Cid) -> Buffer:
        """The holder's copy as it is, NOT checked: for locating damage and for serving to those who check.

        Never longer than `unixfs.largest(cid)` and one byte. Raises Unavailable where the holder has none, Unreachable
        where it does not answer.
        """

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        """As `copy`, for a caller that waits no longer than `seconds`: a holder far away gives up in time."""
        return self.copy(cid)

    @final
    def get(self, cid: Cid, seconds: float | None = None) -> Buffer:
        """The block, checked, at most `seconds` waited for if they are given.

        Raises Unavailable where the holder has none, Corrupt where its copy is damaged.
        """
        copy = self.copy(cid) if seconds is None else self.copy_within(cid, seconds)
        actual = sha256(copy)
        if actual != cid.digest:
            raise Corrupt(
                f"{self.name} holds a damaged copy of block {cid}",
                advice="read it from another holder, then heal this copy",
                holder=self.name,
                block=cid,
                expected=cid.digest.hex(),
                actual=actual.hex(),
                length=len(copy),
            )
        return copy


class Store(Blocks):
    """A home for content. What `put` or `import_car` returned survives a crash; pins say what is kept.

    Putting the same bytes again is harmless and returns the same CID. Pin names are unique; to pin a name
    again moves it.
    """

    @abstractmethod
    def put(self, pieces: Iterable[Buffer], pin: str, *, replace: bool = False) -> Cid:
        """Store a file given as pieces of any size, pinned under `pin`. Nothing is left behind where it fails.

        With `replace` the bytes are written even where the store has them: so a damaged copy is healed.
        """

    @abstractmethod
    def has(self, cid: Cid) -> bool:
        """Whether the store lists this block. Says nothing of its condition."""

    @abstractmethod
    def pin(self, name: str, cid: Cid) -> None:
        """Keep a whole file under `name`. Raises Unavailable where a block of it is missing."""

    @abstractmethod
    def unpin(self, name: str) -> None:
        """Remove a name. Raises UsageError where there is none of that name."""

    @abstractmethod
    def pins(self) -> dict[str, Cid]:
        """Every name, and the file it keeps."""

    @abstractmethod
    def export_car(self, cid: Cid, out: BinaryIO) -> None:
        """Write a file as CARv1, blocks in depth-first order, each once and checked."""

    @abstractmethod
    def import_car(self, source: BinaryIO, pin: str) -> Cid:
        """Read a CARv1 with one root, check every block and that the file is whole, and pin it.

        Raises Malformed where it is not a CARv1 or not the whole file and nothing else, Corrupt where a block does not
        have its digest. Nothing is left behind then.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections and files; closing again is harmless."""


def check_pin(name: str) -> str:
    """A pin name that every store can hold. Raises UsageError for any other."""
    if not all(map(SHOWN.fullmatch, name)) or not 1 <= len(name.encode()) <= 160:
        raise UsageError("a pin name is 1 to 160 bytes of printable text", name=name[:80])
    return name
