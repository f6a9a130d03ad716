"""Transactions signed but not yet seen in a block: each on disk before it is sent, so that none is ever signed twice.

One folder for one chain and one key, with one lock for all processes that use the key.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
from filelock import Timeout

from ledger.errors import Unavailable
from ledger.files.locks import SharedLock

LOCK_SECONDS = 60.0


class OutboxEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed transaction; `raw` and `hash` in hexadecimal with 0x, `to` empty where it creates a contract."""

    nonce: int
    hash: str
    raw: str
    to: str
    data: str


class Outbox:
    """The folder. Call `entries` and `add` under the lock, `remove` once the entry was seen in a block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = SharedLock(folder / "lock", LOCK_SECONDS)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the key's lock. Raises Unavailable where another process does not let go of it, or the disk has no room
        for it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock.held())
            except Timeout as error:
                raise Unavailable(
                    "another process is sending with this key and does not finish", lock=str(self._folder / "lock")
                ) from error
            except OSError as error:
                raise Unavailable(f"the outbox cannot be locked: {error}", file=str(self._folder / "lock")) from error
            yield

    def entries(self) -> list[OutboxEntry]:
        """All entries, by ascending nonce. Raises Unavailable where one is damaged."""
        entries = []
        for path in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):  # the process that waited for it removed it meanwhile
                entries.append(_decoded(path))
        return sorted(entries, key=lambda entry: entry.nonce)

    def add(self, entry: OutboxEntry) -> None:
        """Keep an entry: on disk, whole, before this returns."""
        path = self._path(entry)
        draft = path.with_suffix(".draft")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(entry))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            self._sync_folder()
        except OSError as error:
            raise Unavailable(f"the outbox cannot be written: {error}", file=str(path)) from error

    def remove(self, entry: OutboxEntry) -> None:
        """Forget an entry; one that is gone already is fine. One that comes back after a crash does no harm."""
        self._path(entry).unlink(missing_ok=True)

    def _path(self, entry: OutboxEntry) -> Path:
        """Its own: two may have one nonce, where a chain lost blocks between them."""
        return self._folder / f"{entry.nonce}-{entry.hash[2:18]}.json"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _decoded(path: Path) -> OutboxEntry:
    try:
        return msgspec.json.decode(path.read_bytes(), type=OutboxEntry)
    except msgspec.DecodeError as error:
        raise Unavailable(
            "a file of the outbox is damaged; a transaction may be on its way",
            advice="look on chain whether it took effect, then delete the file",
            file=str(path),
        ) from error
