"""Content keys: the secret of one sealed update, and what follows from it (docs/spec/seals.md, "Content key").

A key is drawn once for one update, and seals nothing else: all nonces are chunk numbers. AES-GCM commits to no key, so
the file's head does; a file opens under no other key than the one that its CID fixes with that head.
"""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.claims import RoundName
from ledger.formats.digest import checksum_address, parse_address
from ledger.formats.sealed import HEAD
from ledger.masks.keys import derived
from ledger.masks.secret import SIZE, Secret

MAGIC = b"fedledger/seal/1"
NAME = 56


class UpdateName(NamedTuple):
    """Which update: its round, and the key that registered it."""

    round: RoundName
    party: str

    @property
    def packed(self) -> bytes:
        """Its 56 bytes. Raises Malformed for an address that is not in its one form."""
        chain, ledger, job, number = self.round
        keys = [bytes.fromhex(parse_address(key, "an update's name")[2:]) for key in (ledger, self.party)]
        return chain.to_bytes(8, "big") + keys[0] + job.to_bytes(4, "big") + number.to_bytes(4, "big") + keys[1]


def unpack_name(data: bytes) -> UpdateName:
    """The other way, from exactly 56 bytes."""
    chain, job, number = (int.from_bytes(data[start:stop], "big") for start, stop in ((0, 8), (28, 32), (32, 36)))
    return UpdateName(RoundName(chain, checksum_address(data[8:28]), job, number), checksum_address(data[36:56]))


@dataclass(frozen=True, slots=True)
class ContentKey:
    """The key of a sealed update."""

    name: UpdateName
    secret: Secret

    def derived(self, use: bytes, of: bytes = b"") -> bytes:
        """32 bytes for one use of the key: HKDF-SHA256 (RFC 5869), bound to the update's name and to `of`."""
        return derived(self.secret.reveal(), MAGIC + b" " + use + self.name.packed + of)

    @property
    def commitment(self) -> bytes:
        """32 bytes that no other key has, and that tell nothing of this one."""
        return self.derived(b"commitment")

    @property
    def head(self) -> bytes:
        """The first bytes of the sealed file."""
        return MAGIC + self.name.packed + self.commitment


def draw_key(name: UpdateName, draw: Callable[[int], bytes] = token_bytes) -> ContentKey:
    """A fresh key for an update."""
    return ContentKey(name, Secret(draw(SIZE)))


_FIELDS = (("format", 16), ("chain", 8), ("ledger", 20), ("job", 4), ("round", 4), ("party", 20))


def commitment_in(head: bytes, name: UpdateName) -> bytes:
    """The commitment to its content key in the head of an update's sealed file: any holder of the file can check that.

    Raises Malformed where the head is shorter, or another update's.
    """
    right, at = MAGIC + name.packed, 0
    if len(head) < HEAD:
        raise Malformed("the sealed file is truncated", at_least=HEAD, actual=len(head))
    for field, size in _FIELDS:
        if head[at : at + size] != right[at : at + size]:
            expected, actual = right[at : at + size], bytes(head[at : at + size])
            raise Malformed(f"the sealed file has another {field}", expected=expected, actual=actual)
        at += size
    return bytes(head[at:HEAD])


def name_in(head: bytes) -> UpdateName:
    """Whose a sealed file says that it is. Raises Malformed where it is not the head of one."""
    if len(head) < HEAD or head[: len(MAGIC)] != MAGIC:
        raise Malformed("this is not a sealed file", expected=MAGIC.decode(), actual=bytes(head[:16]))
    return unpack_name(head[len(MAGIC) : len(MAGIC) + NAME])
