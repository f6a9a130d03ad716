"""Sealed updates of a round that is not on any chain: names, keys, files."""

from hashlib import sha256

import coincurve
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ledger.formats.claims import RoundName
from ledger.formats.typed import typed_digest
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.seals.chunks import opened, sealed
from ledger.seals.keys import ContentKey, UpdateName, draw_key
from ledger.seals.slips import Slips

NAME = UpdateName(
    RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 2), "0x6370eF2f4Db3611D657b90667De398a2Cc2a370C"
)
READERS = tuple(Secret(bytes([place + 1]) * 32) for place in range(3))
POINTS = tuple(point_of(reader) for reader in READERS)
SIGNER = bytes(range(1, 33))
"""The private key of `NAME.party`."""


def fresh(name: UpdateName = NAME) -> ContentKey:
    return draw_key(name)


def seal_all(data: bytes, key: ContentKey) -> bytes:
    """The sealed file of an artifact."""
    return b"".join(bytes(piece) for piece in sealed([data], key, len(data)))


def open_all(file: bytes, key: ContentKey, size: int) -> bytes:
    """The artifact in a sealed file."""
    return b"".join(opened([file], key, size))


def signed(slips: Slips, private: bytes = SIGNER) -> bytes:
    """A file of slips, signed by the update's party or by another key."""
    chain, ledger, _, _ = slips.name.round
    _, types, message = slips.to_sign()
    signature = coincurve.PrivateKey(private).sign_recoverable(typed_digest(chain, ledger, types, message), hasher=None)
    return slips.encode() + signature[:64] + bytes([signature[64] + 27])


def salt_of(key: ContentKey, leaf: int) -> bytes:
    """The salt of one leaf, as docs/spec/seals.md says it: 16 bytes."""
    cipher = Cipher(AES256(key.derived(b"leaves")), ECB())  # noqa: S305  one block at a time
    return bytes(cipher.encryptor().update(leaf.to_bytes(16, "big")))


def salted_leaf(salt: bytes, leaf: bytes) -> bytes:
    """The hash of one leaf behind its salt: where the path of a proof begins."""
    return sha256(b"\x00" + salt + leaf).digest()
