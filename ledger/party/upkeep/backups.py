"""A home in one encrypted file, and back: what cannot be got again from the chain and from other members.

The file is a tar archive in the age format (age-encryption.org/v1), under a passphrase, so that age itself opens it,
too. It begins with a description, and has no links.
"""

import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.config import Home
from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.foreign import open_foreign, read_foreign, reading
from ledger.files.kinds import another
from ledger.formats.strict import Strict
from ledger.keys import address_of
from ledger.party.posts import at_post
from ledger.store import disk

AGE, ARMOUR = b"age-encryption.org/v1", b"-----BEGIN AGE"
FORMAT: Literal["backup/1"] = "backup/1"
DESCRIPTION = "backup.json"
LARGEST = 1 << 31
"""Bytes of a home that a backup takes: it is sealed in one piece."""
POSTS = ("node", "aggregator", "edge", "client")
DRAFT = ".restored"
"""Where a backup is unpacked in a folder that is there already."""
LEFT_OUT = frozenset({"store", "work", "borrowed", "witnesses", "visits", DRAFT})
"""What is made again: from the chain, from other members, by computing."""


class BackupDescription(Strict, frozen=True):
    """What a backup says of itself: whose home it is (EIP-55), made when (UTC, ISO 8601), and what is in it."""

    fedledger: Literal["backup/1"]
    address: str
    made: str
    files: int
    size: int


def back_up(home: Home, output: Path, passphrase: str) -> BackupDescription:
    """Write a home into a new file, mode 0600, while none of its roles runs.

    Raises UsageError where a role runs, the file is there, or the home has no key or is too large.
    """
    _require_words(passphrase)
    if output.exists():
        raise UsageError("there is a file already; a backup replaces none", advice="name another", file=str(output))
    with ExitStack() as stack:
        for post in POSTS:
            stack.enter_context(at_post(home.folder, post))
        files = list(_kept(home.folder))
        said = BackupDescription(
            fedledger=FORMAT,
            address=address_of(home.keystore),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            files=len(files),
            size=sum(path.stat().st_size for path in files),
        )
        if said.size > LARGEST:
            raise UsageError(
                "the home is too large for a backup", expected=f"at most {LARGEST} bytes", actual=said.size
            )
        archive = _packed(home.folder, files, said)
    disk.write_private(output, [_age().passphrase.encrypt(archive, passphrase)])
    return said


def require_backup(source: Path) -> None:
    """Raise Malformed for what is no backup, before anybody is asked for its passphrase."""
    with open_foreign(source, "the backup") as file, reading(source):
        head = file.read(len(AGE))
    if not head.startswith((AGE, ARMOUR)):
        advice = another(source) or "fedledger backup FILE writes one"
        raise Malformed("this is not a backup", advice=advice, file=str(source))


def restore(home: Home, source: Path, passphrase: str) -> BackupDescription:
    """Make a home from a backup, whole or not at all, where none is. An empty folder stays the same one: it may be a
    volume, a service's, or what a link leads to.

    Raises UsageError where there is something in the home's folder or the passphrase does not open the file, Malformed
    where it holds something else.
    """
    folder = home.folder.resolve()
    empty = folder.exists()
    if empty and any(one.name != DRAFT for one in folder.iterdir()):
        raise UsageError("there is a home already; a backup replaces none", advice="--home NEW", home=str(home.folder))
    sealed, age = read_foreign(source, "the backup", LARGEST + (LARGEST >> 3)), _age()
    try:
        archive = age.passphrase.decrypt(sealed, passphrase)
    except age.DecryptError as error:
        require_backup(source)
        raise UsageError(
            f"the file does not open: {error}", advice="is it the backup's own passphrase?", file=str(source)
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder / DRAFT if empty else Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        if empty:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
        said = _unpacked(archive, draft, source)
        if empty:
            _move(draft, folder, last=home.keystore.name)
        else:
            draft.rename(folder)
        disk.sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return said


def _move(draft: Path, folder: Path, last: str) -> None:
    """What is in the draft goes where it belongs, the key last: without it nothing takes the folder for a home."""
    for path in sorted(draft.iterdir(), key=lambda one: one.name == last):
        path.rename(folder / path.name)
    draft.rmdir()
    disk.sync_folder(folder)


def _kept(folder: Path) -> Iterator[Path]:
    """A home's files that go into its backup, sorted. Raises UsageError where one is no plain file."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        top = place.parts[0]
        if top in LEFT_OUT or top.startswith("index.sqlite") or path.name == "lock" or path.suffix == ".lock":
            continue
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
            continue
        if not stat.S_ISREG(mode):
            advice = "put the file itself there, or out of the home, and name its place in node.toml"
            raise UsageError("the home has a link in it, which a backup does not follow", advice=advice, file=str(path))
        yield path


def _packed(folder: Path, files: list[Path], said: BackupDescription) -> bytes:
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, DESCRIPTION, msgspec.json.encode(said), 0o600)
        for path in files:
            _add(archive, path.relative_to(folder).as_posix(), path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    return room.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _unpacked(archive: bytes, folder: Path, source: Path) -> BackupDescription:
    """Write what is in an archive into an empty folder, modes included, and have it on the disk."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            first = opened.next()
            stream = opened.extractfile(first) if first and first.name == DESCRIPTION else None
            said = msgspec.json.decode(stream.read(4096) if stream else b"", type=BackupDescription)
            for entry in opened:
                if entry.name != DESCRIPTION:
                    _write(opened, tarfile.data_filter(entry, str(folder)), folder, entry.mode)
    except (tarfile.TarError, msgspec.DecodeError, EOFError, ValueError) as error:
        raise Malformed(f"the file is no backup of a home: {error}", file=str(source)) from error
    return said


def _write(opened: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, mode: int) -> None:
    stream = opened.extractfile(entry) if entry.isreg() else None
    if stream is None:
        raise Malformed("a backup has plain files alone", actual=entry.name[:200])
    path = folder / entry.name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        disk.translated(path),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o700), "wb") as file,
    ):
        shutil.copyfileobj(stream, file)
        file.flush()
        os.fsync(file.fileno())


def _require_words(passphrase: str) -> None:
    if not passphrase:
        raise UsageError("a backup needs a passphrase: it holds secrets", advice="choose one that nobody guesses")


def _age() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError as error:
        raise Unavailable("pyrage is not installed", advice='pip install "fedledger[backup]"') from error
    return pyrage
