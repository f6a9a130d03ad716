"""Noise on the counts of a shared profile, from a secret beside the table: the same counts get the same noise again.

Else who asks often enough would have the mean, which has next to none. The secret's file also lists what was shared:
each further table, or reading of it, or ε is noise of its own, and costs its own.
"""

import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.foreign import open_foreign, read_foreign
from ledger.formats.strict import Strict
from ledger.jobs.preparation import decimal
from ledger.masks.secret import SIZE, Secret
from ledger.store import disk
from participant.privacy.geometric import MOST_PIECES, geometric
from participant.tasks.data.sources.columns_file import ColumnsFile

FORMAT: Literal["fedledger/shared-noise/1"] = "fedledger/shared-noise/1"
SUFFIX = ".shared-noise.json"
MAX_FILE = 1 << 20
LEAST, MOST = Fraction(1, 1000), Fraction(100)
_DOMAIN = b"fedledger shared noise/1\x00"
_PIECE = 1 << 20


class SharedTable(Strict, frozen=True):
    """A reading of a table by its digest, and the ε of the noise with which its counts were shared."""

    table: str
    noise: str


class NoiseFile(Strict, frozen=True):
    """The secret, in hexadecimal, and what was shared."""

    format: Literal["fedledger/shared-noise/1"]
    secret: str
    shared: tuple[SharedTable, ...]


@dataclass(frozen=True, slots=True)
class CountNoise:
    """The noise of one table's counts. `shared` is all that was shared of the table's file, this among it."""

    secret: Secret
    table: str
    noise: str
    shared: tuple[SharedTable, ...]
    path: Path

    def of(self, column: str, cell: str) -> int:
        """The noise of a cell's count: it follows from the secret, the table, ε and what the cell is called."""
        said = msgspec.json.encode([self.table, self.noise, column, cell])
        seed = hmac.new(self.secret.reveal(), _DOMAIN + said, sha256).digest()
        return geometric(Secret(seed), Fraction(self.noise))

    @property
    def spent(self) -> Fraction:
        """The ε of one count of the file, all that was shared of it together."""
        return sum((Fraction(one.noise) for one in self.shared), Fraction(0))

    def keep(self) -> None:
        """Write the secret's file, before anything that its noise is in. Raises UsageError where another process wrote
        another secret meanwhile, Malformed, Unavailable.
        """
        own = NoiseFile(format=FORMAT, secret=self.secret.reveal().hex(), shared=self.shared)
        disk.write_private(self.path, [msgspec.json.encode(own)], replace=False)
        kept = _read(self.path) or own
        if kept.secret != own.secret:
            raise UsageError(
                "this table was shared by another process meanwhile: its noise is not the one shown",
                advice="run it again: it takes the same noise",
                file=self.path.name,
            )
        if not set(own.shared) <= set(kept.shared):
            whole = msgspec.structs.replace(kept, shared=tuple(dict.fromkeys((*kept.shared, *own.shared))))
            disk.write_private(self.path, [msgspec.json.encode(whole)])


def epsilon(text: str) -> str:
    """ε as the document has it. Raises UsageError."""
    try:
        value = Fraction(decimal("--noise", text))
    except Malformed as error:
        raise UsageError("--noise is not a number", advice="write it as 1 or 0.5", actual=text[:80]) from error
    if not LEAST <= value <= MOST or value.denominator > MOST_PIECES:
        raise UsageError("--noise is out of range", expected="0.001 to 100, six digits after the point", actual=text)
    return text


def noise_for(path: Path, found: ColumnsFile, noise: str) -> CountNoise:
    """The noise for a table. Raises UsageError for a query, whose rows change unseen, Malformed, Unavailable."""
    if found.file.kind == "database":
        raise UsageError(
            "noise needs a table that stands still, and a query gives other rows tomorrow",
            advice="export the query's rows to a file, and share that",
            file=path.name,
        )
    where = path.with_name(path.name + SUFFIX)
    kept = _read(where)
    secret = Secret(bytes.fromhex(kept.secret)) if kept else Secret(secrets.token_bytes(SIZE))
    table = _digest(path, found)
    shared = kept.shared if kept else ()
    this = SharedTable(table=table, noise=noise)
    return CountNoise(secret, table, noise, shared if this in shared else (*shared, this), where)


def _read(path: Path) -> NoiseFile | None:
    try:
        data = read_foreign(path, "the file with the noise's secret", MAX_FILE)
        kept = msgspec.json.decode(data, type=NoiseFile)
        if len(bytes.fromhex(kept.secret)) != SIZE:
            raise ValueError("the secret has another length")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read {path.name}: {error.strerror}", file=str(path)) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(
            f"the file with the noise's secret cannot be read: {str(error)[:80]}",
            advice="bring back a copy; without it the next noise is new, and both together show more",
            file=str(path),
        ) from error
    return kept


def _digest(path: Path, found: ColumnsFile) -> str:
    """SHA-256 of the table's bytes and of how they are read."""
    digest = sha256()
    for piece in _pieces(path):
        digest.update(piece)
    reading = [(one.name, one.source, one.kind, one.missing, sorted(one.values.items())) for one in found.columns]
    return sha256(digest.digest() + msgspec.json.encode([found.file, reading])).hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with open_foreign(path, "the table") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise Unavailable(f"cannot read the table: {error.strerror}", file=str(path)) from error
