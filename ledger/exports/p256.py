"""The export key: ECDSA over P-256 with SHA-256 (FIPS 186-5), which the stock tools know; they refuse secp256k1.

Signatures follow from key and message (RFC 6979), where the library's OpenSSL can do that (3.2 and later).
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.errors import Malformed
from ledger.formats.digest import sha256
from ledger.masks.secret import SIZE, Secret

_CURVE = ec.SECP256R1()


def draw() -> Secret:
    """A new key from the system's randomness."""
    return Secret(ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(SIZE, "big"))


def point_of(key: Secret) -> bytes:
    """The public key: 65 bytes, an uncompressed point (SEC 1). Raises Malformed for 0 or too large a secret."""
    return (
        _private(key)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )


def sign(key: Secret, message: bytes) -> bytes:
    """The signature of a message, in DER (RFC 3279)."""
    private = _private(key)
    try:
        return private.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        return private.sign(message, ec.ECDSA(hashes.SHA256()))


def is_signed(point: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is one of the public key `point` on `message`. Raises Malformed for a point off the curve."""
    try:
        _public(point).verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def pem(point: bytes) -> bytes:
    """The public key as the tools read it: SubjectPublicKeyInfo in PEM. Raises Malformed for a point off the curve."""
    return _public(point).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(point: bytes) -> str:
    """How envelopes name the key: the SHA-256 of its PEM in hexadecimal, as model signing has its hint."""
    return sha256(pem(point)).hex()


def _private(key: Secret) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(int.from_bytes(key.reveal(), "big"), _CURVE)
    except ValueError as error:
        raise Malformed("this secret is not a key of P-256") from error


def _public(point: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError as error:
        raise Malformed("this is not a point of P-256", actual=point[:80].hex()) from error
