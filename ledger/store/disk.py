"""The effects a store has on a disk, each one small, so that tests can lose or keep any of them.

A full or failing disk becomes Unavailable, which names the path and the room that is left.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ledger.errors import Unavailable, UsageError
from ledger.formats.cid import CHUNK
from ledger.store import Buffer
from ledger.store.spread import MOST

Version = tuple[int, int, int] | None
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT})
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class NotRead(Unavailable):
    """The system did not read a file now, and may the next time: nothing follows of what is in it."""

    @property
    def kind(self) -> str:
        return "Unavailable"


def unread(path: Path, error: OSError) -> Unavailable:
    """What to raise where a file is not read: NotRead where that may pass by itself."""
    kind = NotRead if error.errno in _PASSING else Unavailable
    return kind(f"cannot read {path}: {error.strerror}", path=str(path))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write into Unavailable."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
            raise Unavailable(
                f"cannot write {path}: there is no folder {path.parent}", advice="make it first", path=str(path)
            ) from error
        try:
            free: object = shutil.disk_usage(path.parent).free
        except OSError:
            free = "unknown"
        raise Unavailable(
            f"cannot write {path}: {error.strerror}",
            advice="make room or repair the disk, then try again: nothing was stored",
            path=str(path),
            free_bytes=free,
        ) from error


def create(path: Path) -> int:
    """A new file, open for reading and writing, and locked for as long as it is open."""
    import fcntl

    with translated(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        return handle


def abandoned(path: Path) -> bool:
    """Whether a file that `create` made is there, and no living process holds it."""
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def write(handle: int, path: Path, data: Buffer, offset: int) -> None:
    """Put all of `data` at `offset`."""
    view = memoryview(data)
    with translated(path):
        while view:
            done = os.pwrite(handle, view, offset)
            view, offset = view[done:], offset + done


def version(path: Path) -> Version:
    """What changes with a file's bytes: its inode, size, and time of change in nanoseconds; None without one."""
    try:
        said = path.stat()
    except OSError:
        return None
    return said.st_ino, said.st_size, said.st_mtime_ns


def trim(handle: int, path: Path, length: int) -> None:
    """Cut a file to `length`."""
    with translated(path):
        os.ftruncate(handle, length)


def sync(handle: int, path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with translated(path):
        os.fsync(handle)


def publish(path: Path, final: Path) -> None:
    """Give a finished file its name, all at once, and wait until that is on the disk."""
    with translated(final):
        path.replace(final)
    sync_folder(final.parent)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    with translated(path):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def append(path: Path, line: bytes) -> None:
    """Add a line to a journal and wait until it is on the disk; what an earlier crash tore off is cut away first."""
    with translated(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with translated(path):
            end = os.fstat(handle).st_size
            keep = end
            while keep and os.pread(handle, 1, keep - 1) != b"\n":
                keep -= 1
        if keep != end:
            trim(handle, path, keep)
        try:
            write(handle, path, line, keep)
            sync(handle, path)
        except Unavailable:
            trim(handle, path, keep)
            raise
    finally:
        os.close(handle)


def write_whole(path: Path, pieces: Iterable[Buffer]) -> int:
    """Write pieces to a file that appears only when it is whole; its size. Where `pieces` raises, no file is left.

    A device or a pipe, such as /dev/stdout, stays what it is, and gets the pieces as they come; so does what the
    process prints to, a file too.
    """
    size = 0
    if (stream := _stream_at(path)) is not None:
        try:
            for piece in pieces:
                with translated(path):
                    size += stream.write(piece)
        finally:
            with translated(path):
                stream.close()
        return size
    part = path.with_name(f".{path.name}.part")
    try:
        with translated(path):
            file = part.open("wb")
        with file:
            for piece in pieces:
                with translated(path):
                    size += file.write(piece)
        with translated(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size


def _stream_at(path: Path) -> BinaryIO | None:
    """What is written on, and not replaced, at that path: a device, a pipe, or what the process prints to; else None.
    Raises Unavailable where it cannot be opened.
    """
    with suppress(OSError):
        there = path.stat()
        for printed in (1, 2):  # /dev/stdout leads to a plain file where a shell printed into one
            with suppress(OSError):
                if os.path.samestat(there, os.fstat(printed)):
                    return os.fdopen(os.dup(printed), "wb")
    with translated(path):
        return path.open("wb") if path.exists() and not path.is_file() else None


def write_private(path: Path, pieces: Iterable[Buffer], *, replace: bool = True) -> None:
    """A file that only its owner reads (mode 0600), whole or not at all, and on the disk once this returns. Without
    `replace` one that is there already stays: of several processes the first one's file is everybody's.

    Raises Unavailable where the disk does not take it. A draft that a killed process left begins with a dot.
    """
    with _drafted(path, pieces) as draft:
        if replace:
            publish(draft, path)
        else:
            with translated(path), suppress(FileExistsError):
                os.link(draft, path)
            sync_folder(path.parent)


def write_private_together(files: Mapping[Path, Iterable[Buffer]]) -> None:
    """As `write_private`, of files in one folder, whose names get to the disk together: after a crash each may be there
    without the others.
    """
    with ExitStack() as stack:
        drafts = {path: stack.enter_context(_drafted(path, pieces)) for path, pieces in files.items()}
        for path, draft in drafts.items():
            with translated(path):
                draft.replace(path)
        for folder in {path.parent for path in files}:
            sync_folder(folder)


def write_private_soon(path: Path, pieces: Iterable[Buffer]) -> None:
    """As `write_private`, without waiting for the disk: once the power was cut the file may be missing, empty or torn.
    For what is had again, and is checked when it is read.
    """
    with _drafted(path, pieces, durable=False) as draft, translated(path):
        draft.replace(path)


@contextmanager
def _drafted(path: Path, pieces: Iterable[Buffer], *, durable: bool = True) -> Iterator[Path]:
    """A draft of a private file, gone at the end if it was not renamed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with translated(path), os.fdopen(os.open(draft, _DRAFT, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def pieces(path: Path) -> Iterator[memoryview]:
    """A file of the user's, some chunks at a time, each in the same memory: use it before asking for the next. Raises
    UsageError where there is none, and as `unread`.
    """
    buffer = memoryview(bytearray(MOST * CHUNK))
    try:
        with path.open("rb", buffering=0) as file:
            while length := file.readinto(buffer):
                yield buffer[:length]
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except OSError as error:
        raise unread(path, error) from error
