"""What a home keeps of its rows, by job: the salt that is drawn with, and the leaves that updates were made from.

    rows/<job digest>/
        salt               32 bytes, made once: with it every leaf's side is known, so nobody else sees it
        <SHA-256>.leaves   the digests of all rows of a data file, in their order, 32 bytes each
        drawn-again        there where this party had trained for the job before the salt was made

No row is in it; but with a row and a leaf anyone can tell that they belong together, so only the owner may read it.
"""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from ledger.errors import Unavailable
from ledger.formats.digest import sha256
from ledger.formats.rows import DIGEST, SALT, Draw
from ledger.jobs.document import Job
from ledger.store import disk


class RowRecords:
    """The folder `rows` of a home; its processes may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def draw(self, job: Job) -> Draw:
        """The party's draw in a job, its salt made where there is none. Where leaves are left of an earlier salt, that
        is noted (`is_drawn_again`). Raises Unavailable.
        """
        path = self._of(job) / "salt"
        if not path.exists():
            if any(self._of(job).glob("*.leaves")):
                _write(self._of(job) / "drawn-again", b"")
            _write(path, secrets.token_bytes(SALT))
        with disk.translated(path):
            salt = path.read_bytes()
        if len(salt) != SALT:
            raise Unavailable("the job's salt is damaged", advice="restore the file from a copy", file=str(path))
        return Draw(job.digest, salt, job.hold_out)

    def adopt(self, job: Job, salt: bytes) -> None:
        """Take a salt of 32 bytes that was made elsewhere, where the job has none here. Raises Unavailable."""
        if len(salt) != SALT:
            raise ValueError(f"a salt has {SALT} bytes, not {len(salt)}")
        _write(self._of(job) / "salt", salt)

    def has_draw(self, job: Job) -> bool:
        """Whether there is a salt for a job."""
        return (self._of(job) / "salt").exists()

    def keep(self, job: Job, leaves: Sequence[bytes]) -> None:
        """Keep the leaves that an update is made from, before it is committed to. Raises Unavailable."""
        data = b"".join(leaves)
        path = self._of(job) / f"{sha256(data).hex()}.leaves"
        if not path.exists():
            _write(path, data)

    def kept(self, job: Job) -> Iterator[tuple[bytes, ...]]:
        """Every list of leaves that was kept and is whole, the latest first. Raises Unavailable."""
        paths = sorted(self._of(job).glob("*.leaves"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        for path in reversed(paths):
            with disk.translated(path):
                data = path.read_bytes()
            if sha256(data).hex() == path.stem:
                yield tuple(data[at : at + DIGEST] for at in range(0, len(data), DIGEST))

    def note_training_before(self, job: Job) -> None:
        """This party trained for the job before, and this home kept nothing of it: what is held out now may have been
        trained on. Raises Unavailable.
        """
        if not any(self._of(job).glob("*.leaves")):
            _write(self._of(job) / "drawn-again", b"")

    def is_drawn_again(self, job: Job) -> bool:
        """Whether some of what is held out may have been trained on before the salt was made."""
        return (self._of(job) / "drawn-again").exists()

    def _of(self, job: Job) -> Path:
        return self._folder / job.digest.hex()


def _write(path: Path, data: bytes) -> None:
    """One that is there already stays."""
    with disk.translated(path):
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.write_private(path, [data], replace=False)
