"""Files of keys: the public one that members encrypt with, and the secret one, which opens everything encrypted so."""

import os
from pathlib import Path

from ledger.errors import Malformed, UsageError
from ledger.files.foreign import open_foreign
from ledger.formats.digest import sha256
from ledger.homomorphic.bfv import KEY_MODULI
from ledger.homomorphic.parameters import DEGREE, POLYNOMIALS, RESIDUE
from ledger.homomorphic.residues import Residues, packed, unpacked

PUBLIC = b"fedledger/bfvk/1"
SECRET = b"fedledger/bfvx/1"
_WORD = 32
PUBLIC_SIZE = len(PUBLIC) + POLYNOMIALS * len(KEY_MODULI) * DEGREE * RESIDUE
SECRET_SIZE = len(SECRET) + 2 * _WORD + len(KEY_MODULI) * DEGREE * RESIDUE
OTHERS = 0o077


class SumKey:
    """A secret key, and the digest of its public key's file. No message, log or trace shows it."""

    __slots__ = ("public", "secret")

    def __init__(self, secret: Residues, public: bytes) -> None:
        self.secret, self.public = secret, public

    def __repr__(self) -> str:
        return "SumKey(hidden)"

    def encode(self) -> bytes:
        """Its file: magic, digest of the public key's file, residues, and a SHA-256 of all before it."""
        data = SECRET + self.public + packed(self.secret)
        return data + sha256(data)


def encode_public(residues: Residues) -> bytes:
    """The public key's file: magic, residues."""
    return PUBLIC + packed(residues)


def read_public(data: bytes, digest: bytes) -> Residues:
    """The public key in a file. Raises Malformed where it is not the one with this SHA-256, or none."""
    if sha256(data) != digest:
        raise Malformed("this is not the plan's public key", expected=digest, actual=sha256(data))
    if data[:16] != PUBLIC:
        raise Malformed("this is not a public key of encrypted sums", expected=PUBLIC.decode(), actual=data[:16])
    return unpacked(data[16:], POLYNOMIALS, KEY_MODULI, "the public key")


def read_secret(data: bytes) -> SumKey:
    """The secret key in a file. Raises Malformed for one that is damaged, or none; no byte of it is shown."""
    if len(data) != SECRET_SIZE or data[:16] != SECRET:
        raise Malformed("this is not a secret key of encrypted sums", expected=SECRET_SIZE, actual=len(data))
    if sha256(data[:-_WORD]) != data[-_WORD:]:
        raise Malformed("the secret key is damaged", advice="copy it again from the other custodian")
    return SumKey(unpacked(data[16 + _WORD : -_WORD], 1, KEY_MODULI, "the secret key"), data[16 : 16 + _WORD])


def load_secret(path: Path) -> SumKey:
    """The secret key in a file of the user's. Raises UsageError where others may read it, or it is not there."""
    try:
        with open_foreign(path, "the secret key") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(SECRET_SIZE + 1)
    except OSError as error:
        advice = "name the file that fedledger he key wrote, or that the other custodian handed over"
        raise UsageError(f"the secret key cannot be read: {error.strerror}", advice=advice, file=str(path)) from error
    if mode & OTHERS:
        raise UsageError("others may read this secret key", advice=f"chmod 600 {path}", file=str(path))
    return read_secret(data)


def create_secret(path: Path, key: SumKey) -> None:
    """Write a secret key into a new file, mode 0600. Raises UsageError where there is a file: no key is overwritten."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        problem = "there is a file already; a secret key is not overwritten"
        raise UsageError(problem, advice="name another file", file=str(path)) from error
    with os.fdopen(handle, "wb") as file:
        file.write(key.encode())
        file.flush()
        os.fsync(file.fileno())
