"""HPKE's sender with a sender's key of the caller's (RFC 9180, base mode, one message; docs/spec/seals.md, "Slips").

The library's sender draws its key, and what it writes nobody can write again. Here the key follows from the secret that
is sealed, so that anyone who has the secret can hold the ciphertext to it. Its receiver is the library's.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from ledger.masks.secret import Secret

OVERHEAD = 48
"""Bytes besides the message's: the sender's point, and a tag."""
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_KEM, _SUITE = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"


def encrypt(data: bytes, point: bytes, info: bytes, sender: Secret) -> bytes:
    """As the library's `Suite.encrypt`, without associated data, from this sender's key to the receiver's point.

    A key may send one message to one point under one info. Raises ValueError for a point of low order.
    """
    key = X25519PrivateKey.from_private_bytes(sender.reveal())
    own = key.public_key().public_bytes_raw()
    agreed = key.exchange(X25519PublicKey.from_public_bytes(point))
    shared = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", agreed), b"shared_secret", own + point, 32)
    context = b"\x00" + _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    secret = _extract(_SUITE, shared, b"secret", b"")
    nonce = _expand(_SUITE, secret, b"base_nonce", context, 12)
    return own + ChaCha20Poly1305(_expand(_SUITE, secret, b"key", context, 32)).encrypt(nonce, data, None)


def _extract(suite: bytes, salt: bytes, label: bytes, data: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + data, hashlib.sha256)


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    whole = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, whole + b"\x01", hashlib.sha256)[:size]
