"""Where bytes live. Every byte read is checked against the CID that it was requested by, at every holder.

A store never decides anything: a lost or damaged copy is its holder's fault and makes a verdict unknown, not wrong.
The check is in one place, `Blocks.get` (and `get_all`), which no holder can override.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Protocol, final

from ledger import kernel
from ledger.errors import SHOWN, Corrupt, Malformed, Unavailable, UsageError
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.store.spread import digests, spread

Buffer = bytes | bytearray | memoryview
Pieces = Iterator[Buffer]


class Unreachable(Unavailable):
    """The holder did not answer at all; where it said that it has no such block, the error is plain Unavailable."""


class BlockSource(Protocol):
    """Anything that returns checked blocks: one holder, or several tried in turn."""

    def get(self, cid: Cid) -> Buffer: ...


class Blocks(ABC):
    """Something that holds blocks. `name` is what findings call it; one that is `side_by_side` answers several threads
    as fast as one.
    """

    name: str
    side_by_side = False

    @abstractmethod
    def copy(self, cid: Cid) -> Buffer:
        """The holder's copy as it is, NOT checked: for locating damage and for serving to those who check.

        Never longer than `unixfs.largest(cid)` and one byte. Raises Unavailable where the holder has none, Unreachable
        where it does not answer.
        """

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        """As `copy`, for a caller that waits no longer than `seconds`: a holder far away gives up in time."""
        return self.copy(cid)

    def copy_into(self, cid: Cid, room: memoryview) -> bool:
        """As `copy`, into `room`; whether it is filled by just this copy."""
        copy = self.copy(cid)
        if len(copy) != len(room):
            return False
        room[:] = copy
        return True

    @final
    def get(self, cid: Cid, seconds: float | None = None) -> Buffer:
        """The block, checked, at most `seconds` waited for if they are given.

        Raises Unavailable where the holder has none, Corrupt where its copy is damaged.
        """
        copy = self.copy(cid) if seconds is None else self.copy_within(cid, seconds)
        return self._checked(cid, copy, sha256(copy))

    @final
    def get_all(self, cids: Sequence[Cid]) -> list[Buffer]:
        """As `get`, of some blocks at a time: all of them, or it raises."""
        return spread(self._get_part, cids) if self.side_by_side else self._get_part(cids)

    def copies_into(self, cids: Sequence[Cid], rooms: Sequence[memoryview]) -> bool:
        """As `copy_into`, of some blocks; whether all rooms are filled."""
        return all(map(self.copy_into, cids, rooms))

    @final
    def get_run(self, cids: Sequence[Cid], rooms: Sequence[memoryview], leaf: int = 0) -> bytes | None:
        """As `get`, each block into its room, in this thread alone; None where not all rooms are filled by them.

        With `leaf`, of so many bytes, it returns the leaf hashes of the blocks, joined (`kernel.leaf_hashes`).
        """
        if not self.copies_into(cids, rooms):
            return None
        actual, leaves = kernel.digests_and_leaves(rooms, leaf) if leaf else (digests(rooms), [])
        for found in zip(cids, rooms, actual, strict=True):
            self._checked(*found)
        return b"".join(leaves)

    def _get_part(self, cids: Sequence[Cid]) -> list[Buffer]:
        copies = [self.copy(cid) for cid in cids]
        return [self._checked(*found) for found in zip(cids, copies, digests(copies), strict=True)]

    def _checked(self, cid: Cid, copy: Buffer, actual: bytes) -> Buffer:
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
    def put(self, pieces: Iterable[Buffer], pin: str, *, replace: bool = False, expected: Cid | None = None) -> Cid:
        """Store a file given as pieces of any size, pinned under `pin`. Nothing is left behind where it fails.

        With `replace` the bytes are written even where the store has them: so a damaged copy is healed. With `expected`
        nothing but that file is stored: any other raises Malformed.
        """

    def put_checked(self, root: Cid, blocks: Iterable[tuple[Cid, Buffer]], pin: str, *, replace: bool = False) -> None:
        """As `put`, of all blocks of a file, leaves first and in order, each checked against its CID by the caller, in
        memory that nobody else writes to.
        """
        leaves = (block for cid, block in blocks if cid.codec == RAW)
        self.put(leaves, pin, replace=replace, expected=root)

    def put_all(self, files: Sequence[tuple[str, Buffer]]) -> list[Cid]:
        """Store small files, each of at most one block and under its pin, together where the store can."""
        return [self.put([data], pin) for pin, data in files]

    def fresh(self, cid: Cid) -> bool:
        """Whether this very object stored the file whole, and the disk says that nobody wrote to it since."""
        return False

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


def check_file(root: Cid, expected: Cid | None) -> None:
    """Raises Malformed where a file is not the one that was expected."""
    if expected is not None and root != expected:
        raise Malformed("these bytes are not the file that was named", expected=expected, actual=root)


def check_pin(name: str) -> str:
    """A pin name that every store can hold. Raises UsageError for any other."""
    if not all(map(SHOWN.fullmatch, name)) or not 1 <= len(name.encode()) <= 160:
        raise UsageError("a pin name is 1 to 160 bytes of printable text", name=name[:80])
    return name
