"""Sealed packets: the shares that a dealer has for one member, which that member alone can read.

HPKE (RFC 9180), base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. Who sealed it follows from the set-up file that it
stands in, whose digest its dealer put on the ledger.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from ledger.errors import Malformed
from ledger.masks.secret import SIZE, Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

OVERHEAD = 48
"""Bytes of a packet besides its shares: the sender's point, and a tag."""
_INFO = b"fedledger packet/1"


@cache
def suite() -> "Suite":
    """The one suite there is here; the library is loaded by who seals or opens something."""
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def seal(shares: Sequence[Secret], mask_key: bytes, head: bytes, holder: int) -> bytes:
    """A packet of shares for a member, by its mask key. `head` are the first bytes of the set-up file it stands in."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    data = b"".join(share.reveal() for share in shares)
    return suite().encrypt(data, X25519PublicKey.from_public_bytes(mask_key), _INFO + head + bytes([holder]))


def unseal(packet: bytes, mask_key: Secret, head: bytes, holder: int) -> list[Secret]:
    """The shares in a packet, by the private mask key of its holder. Raises Malformed where it does not open."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    try:
        key = X25519PrivateKey.from_private_bytes(mask_key.reveal())
        data = suite().decrypt(packet, key, _INFO + head + bytes([holder]))
    except (InvalidTag, ValueError) as error:
        raise Malformed("the packet does not open", holder=holder) from error
    return [Secret(data[at : at + SIZE]) for at in range(0, len(data), SIZE)]
