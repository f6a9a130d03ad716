"""What an edge keeps of a round: each client's update with the receipt for it, and at last whose updates are counted.

    edge/rounds/<job>-<round>/
        base              root of the model that the round's updates build on
        <address>.update  the bytes of a client's update
        <address>.receipt what the client signed, and the edge's receipt for it (edge-receipt/1)
        <address>.other   what the same client signed besides, and was refused
        counted.json      whose updates the edge's sum is made of: once it is there, no update is taken
        children.json     the list that follows from these receipts, once somebody asked for it

An update is taken once its receipt is on disk, behind its bytes, and only then anybody is shown the receipt. So a kill
at any point leaves an update that counts, or one that nobody was promised. All that changes the folder is done under
its lock, by whichever process of the home.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from filelock import Timeout

from ledger.errors import Corrupt, Malformed, Unavailable
from ledger.files.foreign import read_foreign
from ledger.files.locks import SharedLock
from ledger.formats.artifact import Buffer
from ledger.formats.cid import CHUNK, Cid
from ledger.formats.digest import decode, encode
from ledger.formats.edges.children import MAX_SIZE as MAX_LIST
from ledger.formats.edges.children import ChildRecord, Children
from ledger.formats.edges.receipts import MAX_SIZE, EdgeReceipt, parse
from ledger.formats.strict import Strict
from ledger.rounds.inputs import Fetch
from ledger.store import disk

PATIENCE = 30.0
"""Seconds that the lock is waited for."""
MAX_COUNTED = 1 << 20


class Counted(Strict, frozen=True):
    """Whose updates a sum is made of, ascending by the address's bytes."""

    fedledger: Literal["edge-counted/1"]
    parties: tuple[str, ...]


class Collected:
    """The folder of one round. Raises Unavailable where the disk does not take it or cannot be read."""

    def __init__(self, rounds: Path, job: int, round_: int) -> None:
        self.folder = rounds / f"{job}-{round_}"
        self.sum = self.folder / "sum"
        self._lock: SharedLock | None = None
        self._weights: dict[str, int] | None = None

    def begin(self, base: bytes) -> bool:
        """Make the folder for updates that build on this model; whether it is of no other model."""
        with disk.translated(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / "base"
        if not path.exists():
            disk.sync_folder(self.folder.parent)
        disk.write_private(path, [base.hex().encode()], replace=False)
        return self._read(path, 64) == base.hex().encode()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder's lock. Raises Unavailable where another holds it for too long, or the disk takes no lock."""
        path = self.folder / "lock"
        self._lock = self._lock or SharedLock(path, PATIENCE)
        with ExitStack() as stack:
            with disk.translated(path):
                try:
                    stack.enter_context(self._lock.held())
                except Timeout as error:
                    raise Unavailable(
                        "another process keeps the edge's folder locked",
                        advice="see that no process of this home hangs",
                        file=str(path),
                    ) from error
            yield

    def find(self, party: str) -> EdgeReceipt | None:
        """The receipt for a client's update; None where none was taken."""
        path = self._path(party, "receipt")
        return parse(self._read(path, MAX_SIZE)) if path.exists() else None

    def take(self, receipt: EdgeReceipt, draft: Path) -> None:
        """Keep an update, whose bytes are in a file that is on the disk, and then its receipt. With the lock held."""
        known = self.weights()
        disk.publish(draft, self._path(receipt.party, "update"))
        disk.write_private(self._path(receipt.party, "receipt"), [receipt.encode()])
        known[receipt.party] = receipt.weight

    def note_other(self, party: str, said: bytes) -> None:
        """Keep what a client signed besides the update that was taken; of several the first."""
        disk.write_private(self._path(party, "other"), [said], replace=False)

    def receipts(self) -> list[EdgeReceipt]:
        """All receipts that were given, ascending by the clients' addresses."""
        found = [parse(self._read(path, MAX_SIZE)) for path in self._receipts()]
        return sorted(found, key=lambda one: bytes.fromhex(one.party[2:]))

    @property
    def count(self) -> int:
        """How many updates were taken."""
        return len(self._receipts())

    def weights(self) -> dict[str, int]:
        """What each update weighs that was taken, by client: as many as there are receipts. Read once, then kept up by
        `take`; read again where another thread's update came while they were read.
        """
        known = self._weights
        if known is None or len(known) != self.count:
            self._weights = known = {one.party: one.weight for one in self.receipts()}
        return known

    def close(self) -> Children:
        """Take no further update; what the sum is made of, the same whenever it is asked for."""
        with self.held():
            path = self.folder / "counted.json"
            if not path.exists():
                parties = tuple(one.party for one in self.receipts())
                disk.write_private(path, [encode(Counted(fedledger="edge-counted/1", parties=parties))])
        children = self.children()
        if children is None:
            raise Unavailable("the edge's folder lost a file while it was used", folder=str(self.folder))
        return children

    @property
    def is_closed(self) -> bool:
        return (self.folder / "counted.json").exists()

    def children(self) -> Children | None:
        """What the sum is made of; None while updates are taken. Raises Corrupt where a receipt is lost."""
        path = self.folder / "counted.json"
        if not path.exists():
            return None
        counted = decode(self._read(path, MAX_COUNTED), Counted, "what an edge counted")
        return Children.of([self._child(party) for party in counted.parties])

    def listed(self) -> bytes | None:
        """The same as a document, which is worked out once: anyone may ask for it, as often as they like."""
        path = self.folder / "children.json"
        if path.exists():
            return self._read(path, MAX_LIST)
        found = self.children()
        if found is None:
            return None
        disk.write_private(path, [found.encode()])
        return found.encode()

    def fetch_from(self, listed: Children, otherwise: Fetch) -> Fetch:
        """Bytes of the updates of a list from this folder, all else from elsewhere."""
        parties = {one.cid: one.party for one in listed.children}

        def fetch(cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
            party = parties.get(cid.digest.hex(), "")
            path = self._path(party, "update")
            if party and path.exists():
                return file_at(path)(cid, start, stop)
            return otherwise(cid, start, stop)

        return fetch

    def path_of(self, party: str) -> Path:
        """Where the bytes of a client's update are, unless they were forgotten."""
        return self._path(party, "update")

    def forget_bytes(self) -> None:
        """Delete the updates' bytes, which others keep by now, or nobody needs; what was signed stays."""
        with disk.translated(self.folder):
            for path in self.folder.glob("*.update"):
                path.unlink(missing_ok=True)

    def _receipts(self) -> list[Path]:
        return [path for path in self.folder.glob("*.receipt") if not path.name.startswith(".")]

    def _child(self, party: str) -> ChildRecord:
        receipt = self.find(party)
        if receipt is None:
            path = self._path(party, "receipt")
            raise Corrupt("a receipt is lost that the edge counted", advice="restore it from a copy", file=str(path))
        return receipt.child

    def _path(self, party: str, suffix: str) -> Path:
        return self.folder / f"{party}.{suffix}"

    def _read(self, path: Path, most: int) -> bytes:
        with disk.translated(path):
            try:
                return read_foreign(path, "a file of the edge's folder", most)
            except Malformed as error:
                raise Corrupt(error.message, advice="restore it from a copy", file=str(path)) from error


class EdgeFolder:
    """The folder `edge` of a member's home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "edge"
        self.members = self.folder / "members.json"
        self.drafts = self.folder / "drafts"
        self.rounds = self.folder / "rounds"

    @property
    def exists(self) -> bool:
        return self.folder.is_dir()

    def make(self) -> None:
        """Make it. Raises Unavailable."""
        for path in (self.folder, self.drafts, self.rounds):
            with disk.translated(path):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.folder.parent, self.folder):
            disk.sync_folder(path)

    def round(self, job: int, number: int) -> Collected:
        return Collected(self.rounds, job, number)


def file_at(path: Path) -> Fetch:
    """Bytes of one file, whatever is asked for. Raises Unavailable where it cannot be read.

    Between two pieces no file is open and no piece is kept: thousands of updates are read side by side.
    """

    def fetch(_: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        at = start
        while stop is None or at < stop:
            piece = [_read_at(path, at, CHUNK if stop is None else min(stop - at, CHUNK))]
            if not piece[0]:
                return
            at += len(piece[0])
            yield piece.pop()

    return fetch


def _read_at(path: Path, start: int, length: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, start)
    except OSError as error:
        raise Unavailable(f"cannot read the file: {error.strerror}", file=str(path)) from error
