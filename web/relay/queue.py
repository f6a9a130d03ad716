"""Messages that wait to be relayed, or were: in an SQLite file, on disk before the server says that it took them.

Nothing in it decides anything: whether a message took effect is read from the chain.
"""

import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import msgspec

from ledger.errors import Unavailable
from ledger.files.write_ahead import write_ahead
from web.documents.refusals import AlreadyQueued
from web.documents.relay import MessageKind, Status

WAITING = ("queued", "sent")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, slot TEXT NOT NULL, body BLOB NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL, words TEXT NOT NULL, tx TEXT NOT NULL, block INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_waits ON messages (slot) WHERE status IN ('queued', 'sent');
CREATE INDEX IF NOT EXISTS by_status ON messages (status, block);
"""
_COLUMNS = "body, status, reason, words, tx, block"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a member wants on the ledger. `id` is the digest of its content, without the signature.

    Digests, action and signature are hexadecimal. Fields that a kind does not have are empty or zero; `index` is the
    member's, `action_kind` of a vote that of its proposal. `member` signed it; of a closing or an execution, which
    nobody signs, it proposed what that is about.
    """

    id: str
    kind: MessageKind
    proposal: str
    number: int = 0
    index: int
    member: str = ""
    nonce: int = 0
    choice: int = 0
    deadline: int = 0
    signature: str = ""
    action_kind: int = 0
    action: str = ""

    @property
    def slot(self) -> str:
        """Of all messages with the same slot only one waits at a time."""
        if self.kind == "ballot":
            return f"ballot {self.proposal} {self.index}"
        if self.kind == "proposal":
            return f"proposal {self.member} {self.nonce}"
        return f"{self.kind} {self.number}"


class QueueEntry(msgspec.Struct, frozen=True):
    """A message and its status. `block` is the ledger's when it was taken, then that of the transaction."""

    message: Message
    status: Status
    reason: str
    words: str
    tx: str
    block: int


class Queue:
    """The file; made if there is none. Several threads may use it. Raises Unavailable."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        with _translated(path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self.close = weakref.finalize(self, self._db.close)
            write_ahead(self._db)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
        self._path = path

    def add(self, message: Message, block: int) -> QueueEntry:
        """Take a message: it is on disk when this returns. One that is here already stays as it is, except for a
        refused one, which waits again. Raises AlreadyQueued if another of its slot waits."""
        with self._locked():
            known = self._entry(message.id)
            if known is not None and known.status != "refused":
                return known
            body = msgspec.json.encode(message)
            try:
                self._db.execute(
                    "INSERT INTO messages (id, slot, body, status, reason, words, tx, block)"
                    " VALUES (?, ?, ?, 'queued', '', '', '', ?) ON CONFLICT (id) DO UPDATE"
                    " SET body = excluded.body, block = excluded.block, status = 'queued', reason = '', words = ''",
                    (message.id, message.slot, body, block),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyQueued(
                    "another message for the same waits to be relayed",
                    advice="wait until it is done or refused",
                    slot=message.slot,
                ) from error
            return QueueEntry(message, "queued", "", "", "", block)

    def entry(self, name: str) -> QueueEntry | None:
        """The message with that identifier."""
        with self._locked():
            return self._entry(name)

    def waiting(self) -> list[QueueEntry]:
        """Those to relay, oldest first."""
        with self._locked():
            return self._select("status IN ('queued', 'sent') ORDER BY number")

    def done(self, since: int) -> list[QueueEntry]:
        """Those that a transaction of this server did, in block `since` or later."""
        with self._locked():
            return self._select("status = 'done' AND tx != '' AND block >= ? ORDER BY number", since)

    def mark(
        self,
        messages: Sequence[Message],
        status: Status,
        reason: str = "",
        words: str = "",
        *,
        tx: str = "",
        block: int | None = None,
    ) -> None:
        """Set the status of messages, and why."""
        with self._locked():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for message in messages:
                    self._mark(message, (status, reason, words, tx, block))
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _mark(self, message: Message, values: tuple[str, str, str, str, int | None]) -> None:
        change = (
            "UPDATE messages SET status = ?, reason = ?, words = ?, tx = ?, block = coalesce(?, block) WHERE id = ?"
        )
        try:
            self._db.execute(change, (*values, message.id))
        except sqlite3.IntegrityError:  # it waits again after a reorganisation, and its member has sent another since
            other = ("refused", "AlreadyQueued", "another message for the same was sent since", "", None)
            self._db.execute(change, (*other, message.id))

    def _entry(self, name: str) -> QueueEntry | None:
        return next(iter(self._select("id = ?", name)), None)

    def _select(self, where: str, *values: object) -> list[QueueEntry]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM messages WHERE {where}", values).fetchall()  # noqa: S608
        return [QueueEntry(msgspec.json.decode(body, type=Message), *rest) for body, *rest in rows]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock, _translated(self._path):
            yield


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
        raise Unavailable(
            f"the messages that wait cannot be read or kept: {error}", advice="look at the file", file=str(path)
        ) from error
