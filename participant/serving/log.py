"""The log of a server: a line for each answer, bound to the release's root and to the line before it.

Of rows and of answers it has salted digests alone; with them, and the salt beside the log, they are found in it again.
The salt is another one for each line: neither an answer, of which there are few, nor rows can be tried out, not even by
one who sends them to the server and reads its log. A line is written before its answer is sent: no prediction is
without its line, whenever the process ends.
"""

import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from ledger.formats.digest import sha256
from ledger.masks.secret import SIZE, Secret
from ledger.store import disk
from participant.predicting.predictor import digest_of
from participant.predicting.released import FoundRelease

FORMAT = "fedledger/prediction-log/1"
START = "00" * 32
LONGEST = 4096
"""Bytes of a line, at most."""
OUTPUT = b"fedledger/prediction-output/1"
_BEGINNING = b'{"format":"' + FORMAT.encode() + b'"'


class LogLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer. `input` is the salted digest of its rows as integers, `output` that of the response's body: `digests`.
    `previous` is the SHA-256 of the line before, without its line feed.
    """

    format: str
    previous: str
    time: str
    name: str
    version: str
    root: str
    block: int | None
    rows: int
    input: str
    output: str
    id: str = ""


class CheckedLog(NamedTuple):
    """What a log's lines come to: how many there are, how many rows by root, and the last line's digest."""

    lines: int
    rows: dict[str, int]
    last: str


class PredictionLog:
    """Open for one process at a time; `torn` is how many bytes of a last line, which answered nothing, were cut away.

    Raises UsageError where another has it, Malformed for another kind of file, and where the salt of its lines is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with disk.translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(
                "another server writes this log", advice="name another: --log FILE", file=str(path)
            ) from error
        with disk.translated(path):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end, self._previous, self.torn = _tail(self._handle, path)
        self.salt = _salt(path.with_name(path.name + ".salt"), new=not self._end)
        self._threads = threading.Lock()

    def close(self) -> None:
        """Let go of it, all lines on the disk."""
        with self._threads:
            disk.sync(self._handle, self.path)
            os.close(self._handle)
            self._lock.release()

    def add(self, released: FoundRelease, block: int | None, inputs: NDArray[np.int32], body: bytes, id_: str) -> None:
        """Write a line. Raises Unavailable where the disk does not take it: then nothing may be answered."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        of = (released.name, released.version, released.root.hex(), block, len(inputs))
        with self._threads:
            made = digests(inputs, body, self.salt, self._previous)
            line = LogLine(FORMAT, self._previous, now, *of, *made, id_)
            data = msgspec.json.encode(line)
            disk.write(self._handle, self.path, data + b"\n", self._end)
            self._end += len(data) + 1
            self._previous = sha256(data).hex()


def digests(inputs: NDArray[np.int32], body: bytes, salt: Secret, previous: str) -> tuple[str, str]:
    """A line's `input` and `output`, of prepared rows and of a response's body. What is added to both is the log's salt
    and the line's `previous`.
    """
    own = salt.reveal() + bytes.fromhex(previous)
    return digest_of(inputs, own), sha256(OUTPUT + len(own).to_bytes(1, "big") + own + body).hex()


def check(path: Path) -> CheckedLog:
    """Go through a log: every line is one, and names the one before it. Raises Refuted for the first that does not, and
    Malformed. A last line that was torn off when its process was killed counts as none: nothing was answered by it.
    """
    previous, count, rows = START, 0, Counter[str]()
    for data in _lines(path):
        count += 1
        try:
            line = msgspec.json.decode(data, type=LogLine)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Malformed(
                f"line {count} of the log is none: {error}", advice="it was changed", file=str(path)
            ) from error
        if line.format != FORMAT or line.previous != previous:
            raise Refuted(
                f"line {count} of the log does not follow the one before it",
                advice="lines were changed, added or taken away after they were written",
                file=str(path),
                expected=previous,
                actual=line.previous,
            )
        previous = sha256(data).hex()
        rows[line.root] += line.rows
    return CheckedLog(count, dict(rows), previous)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while data := file.readline(LONGEST + 1):
                if not data.endswith(b"\n"):
                    if len(data) > LONGEST:
                        raise Malformed("a line of the log is too long", file=str(path), maximum=LONGEST)
                    return
                yield data[:-1]
    except OSError as error:
        raise Unavailable(
            f"cannot read the log: {error.strerror}", advice="name it: --log FILE", file=str(path)
        ) from error


def _salt(path: Path, *, new: bool) -> Secret:
    """The salt beside the log, for its owner alone (mode 0600); a `new` log has one made where there is none."""
    if not new and not path.exists():
        raise Malformed(
            "the log's salt is not there: nothing could be found in its lines again",
            advice="put it back from a copy, or begin another log: --log FILE",
            file=str(path),
        )
    disk.write_private(path, [secrets.token_bytes(SIZE)], replace=False)
    data = b"".join(bytes(piece) for piece in disk.pieces(path))
    try:
        return Secret(data)
    except Malformed as error:
        raise Malformed("the log's salt is not one", advice="put it back from a copy", file=str(path)) from error


def _tail(handle: int, path: Path) -> tuple[int, str, int]:
    """Where the next line begins, the digest of the last one, and how many bytes that a crash tore off were cut away.

    Raises Malformed for another kind of file, of which nothing is cut.
    """
    with disk.translated(path):
        size = os.fstat(handle).st_size
        start = max(0, size - 2 * LONGEST)
        data = os.pread(handle, size - start, start)
    whole = data[: data.rfind(b"\n") + 1]
    last, torn = whole[:-1].rpartition(b"\n")[2], data[len(whole) :]
    if not (_is_line(last) if whole else not start and torn[: len(_BEGINNING)] == _BEGINNING[: len(torn)]):
        raise Malformed("the file is no log of predictions", advice="name another: --log FILE", file=str(path))
    if torn:
        disk.trim(handle, path, size - len(torn))
    return size - len(torn), sha256(last).hex() if whole else START, len(torn)


def _is_line(data: bytes) -> bool:
    try:
        return msgspec.json.decode(data, type=LogLine).format == FORMAT
    except (msgspec.DecodeError, RecursionError):
        return False
