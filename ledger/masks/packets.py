"""Sealed packets: the shares that a dealer has for one member, which that member alone can read.

HPKE (RFC 9180), base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. Who sealed it follows from the set-up file that it
stands in, whose digest its dealer put on the ledger.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from ledger.errors import Malformed
from ledger.masks.secret import SIZE, Secret

OVERHEAD = 48
"""Bytes of a packet besides its shares: the sender's point, and a tag."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"fedledger packet/1"


def seal(shares: Sequence[Secret], mask_key: bytes, head: bytes, holder: int) -> bytes:
    """A packet of shares for a member, by its mask key. `head` are the first bytes of the set-up file it stands in."""
    data = b"".join(share.reveal() for share in shares)
    return _SUITE.encrypt(data, X25519PublicKey.from_public_bytes(mask_key), _INFO + head + bytes([holder]))


def unseal(packet: bytes, mask_key: Secret, head: bytes, holder: int) -> list[Secret]:
    """The shares in a packet, by the private mask key of its holder. Raises Malformed where it does not open."""
    try:
        key = X25519PrivateKey.from_private_bytes(mask_key.reveal())
        data = _SUITE.decrypt(packet, key, _INFO + head + bytes([holder]))
    except (InvalidTag, ValueError) as error:
        raise Malformed("the packet does not open", holder=holder) from error
    return [Secret(data[at : at + SIZE]) for at in range(0, len(data), SIZE)]
