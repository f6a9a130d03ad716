"""Transactions signed but not yet seen in a block: each on disk before it is sent, so that none is ever signed twice.

One folder for one chain and one key, with one lock for all processes that use the key, and a journal: a line for each
transaction, and one more once it was seen. So a transaction costs one wait for the disk. A line torn off at the end by
a crash was never acknowledged, so what it says was never sent; a damaged line before it is damage.
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
LONG = 1 << 20
"""Bytes of a journal after which what was seen in a block leaves it."""
_Version = tuple[int, int, int] | None


class OutboxEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed transaction; `raw` and `hash` in hexadecimal with 0x, `to` empty where it creates a contract."""

    nonce: int
    hash: str
    raw: str
    to: str
    data: str


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The transaction with this hash was seen in a block, or is not to be sent."""

    seen: str


class Outbox:
    """The folder. Call `entries` and `add` under the lock, `remove` once the entry was seen in a block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self.journal = folder, folder / "journal.jsonl"
        self._lock = SharedLock(folder / "lock", LOCK_SECONDS)
        self._read: tuple[_Version, dict[str, OutboxEntry]] = None, {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the key's lock. Raises Unavailable where another process does not let go of it."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._lock.held())
            except Timeout as error:
                raise Unavailable(
                    "another process is sending with this key and does not finish", lock=str(self._folder / "lock")
                ) from error
            yield

    def entries(self) -> list[OutboxEntry]:
        """All entries, by ascending nonce. Raises Unavailable where the journal is damaged."""
        now = _version(self.journal)
        if now is None or now != self._read[0]:
            self._read = now, _parsed(self.journal)
        return sorted(self._read[1].values(), key=lambda entry: entry.nonce)

    def add(self, entry: OutboxEntry) -> None:
        """Keep an entry: on disk, whole, before this returns."""
        try:
            size = self.journal.stat().st_size if self.journal.exists() else 0
            if not 0 < size <= LONG:
                self._begin(self.entries() if size else [])
            _append(self.journal, _line(entry), durable=True)
        except OSError as error:
            raise Unavailable(f"the outbox cannot be written: {error}", file=str(self.journal)) from error

    def remove(self, entry: OutboxEntry) -> None:
        """Forget an entry; one that is gone already is fine. The disk is not waited for: one that comes back after a
        crash does no harm.
        """
        with suppress(OSError, Unavailable), self.locked():
            if any(entry.hash == other.hash for other in self.entries()):
                _append(self.journal, _line(_Seen(entry.hash)), durable=False)

    def _begin(self, entries: list[OutboxEntry]) -> None:
        """A journal of these entries, in the place of the one before."""
        draft = self.journal.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _append(draft, b"".join(map(_line, entries)), durable=True)
        draft.replace(self.journal)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(said: OutboxEntry | _Seen) -> bytes:
    return msgspec.json.encode(said) + b"\n"


def _append(path: Path, lines: bytes, *, durable: bool) -> None:
    """Add lines after the last whole one. What is not written whole leaves nothing. Raises OSError."""
    with path.open("r+b" if path.exists() else "x+b", buffering=0) as file:
        end = file.read().rfind(b"\n") + 1
        file.truncate(end)
        file.seek(end)
        try:
            while lines:
                lines = lines[file.write(lines) :]
            if durable:
                os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _parsed(path: Path) -> dict[str, OutboxEntry]:
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    entries: dict[str, OutboxEntry] = {}
    for number, line in enumerate(lines, 1):
        try:
            if line.startswith(b'{"seen":'):
                entries.pop(msgspec.json.decode(line, type=_Seen).seen, None)
            else:
                entry = msgspec.json.decode(line, type=OutboxEntry)
                entries[entry.hash] = entry
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"line {number} of the outbox is damaged; a transaction may be on its way",
                advice="look on chain whether it took effect, then delete the line",
                file=str(path),
                line=number,
            ) from error
    return entries


def _version(path: Path) -> _Version:
    """What changes with the file's bytes; None without one."""
    with suppress(FileNotFoundError):
        said = path.stat()
        return said.st_ino, said.st_size, said.st_mtime_ns
    return None
