"""Entity attestation tokens (RFC 9711), signed as JWT (RFC 7515) or COSE_Sign1 (RFC 9052): their claims, once the
signature is that of the certificate that they carry (x5c; x5chain, RFC 9360).

PyJWT and python-cwt do the work (the extra `fedledger[platform]`).
"""

import base64
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from cryptography import x509

from ledger.errors import UsageError
from ledger.platforms.cbor import check_plain

ALGORITHMS = ("ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
MOST_CERTIFICATES = 8
X5CHAIN = 33
NONCE, MEASUREMENTS, EXPIRES = 10, 273, 4
"""Keys of claims in CBOR."""
_COSE_ALGORITHM, _COSE_CRITICAL = 1, 2
_COSE_NAMES = {-7: "ES256", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512"}


class Token(NamedTuple):
    """A token whose signature is right: the certificates that it carries, the signer's first, and what it says.

    `measurements` are the contents of its measurements, as bytes.
    """

    certificates: tuple[x509.Certificate, ...]
    nonces: tuple[bytes, ...]
    measurements: tuple[bytes, ...]
    expires: int | None


class BadToken(Exception):
    """Why a token is not to be believed."""


def read_jwt(data: bytes) -> Token:
    """A token in JSON. Raises BadToken, or UsageError without the extra."""
    jwt, _ = require_libraries()
    try:
        head = jwt.get_unverified_header(data.strip())
        chain = _chain([base64.b64decode(one, validate=True) for one in _listed(head.get("x5c"))])
        keys = {"key": chain[0].public_key(), "algorithms": list(ALGORITHMS)}
        unlooked = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
        claims = jwt.decode(data.strip(), **keys, options=unlooked)
        nonces, contents = _each(claims.get("eat_nonce")), map(_content, _listed(claims.get("measurements", [])))
        said = tuple(_from_base64(one) for one in contents if isinstance(one, str))
    except Exception as error:  # what libraries raise of foreign bytes has no common kind
        raise BadToken(f"its signature is not that of its certificate: {error}") from error
    return Token(chain, tuple(_from_hex(one) for one in nonces if isinstance(one, str)), said, _time(claims.get("exp")))


def read_cose(data: bytes) -> Token:
    """A token in CBOR. Raises BadToken, or UsageError without the extra."""
    _, (cwt, cbor2) = require_libraries()
    try:
        check_plain(data)
        tagged = cbor2.loads(data)
        if tagged.tag == 61:
            tagged = tagged.value
        protected, unprotected, payload, _ = tagged.value
        check_plain(protected)
        check_plain(payload)
        head = cbor2.loads(protected)
        if set(_each(head.get(_COSE_CRITICAL))) - {_COSE_ALGORITHM, X5CHAIN}:
            raise ValueError("it has a critical header that is not known here")
        chain = _chain(_each(head.get(X5CHAIN) or unprotected.get(X5CHAIN)))
        key = cwt.COSEKey.new(_cose_key(cwt, chain[0], head.get(_COSE_ALGORITHM)))
        cwt.COSE.new().decode(cbor2.dumps(tagged), key)
        claims = cbor2.loads(payload)
        nonces, contents = _each(claims.get(NONCE)), [_content(one) for one in _listed(claims.get(MEASUREMENTS, []))]
    except Exception as error:  # what libraries raise of foreign bytes has no common kind
        raise BadToken(f"its signature is not that of its certificate: {error}") from error
    said, measured = (tuple(one for one in found if isinstance(one, bytes)) for found in (nonces, contents))
    return Token(chain, said, measured, _time(claims.get(EXPIRES)))


def _cose_key(cwt: Any, certificate: x509.Certificate, algorithm: object) -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if algorithm not in _COSE_NAMES:
        raise ValueError(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return cwt.COSEKey.from_pem(pem, alg=_COSE_NAMES[algorithm]).to_dict()


def _chain(found: Sequence[Any]) -> tuple[x509.Certificate, ...]:
    if not 0 < len(found) <= MOST_CERTIFICATES or not all(isinstance(one, bytes) for one in found):
        raise ValueError(f"it carries 1 to {MOST_CERTIFICATES} certificates")
    return tuple(x509.load_der_x509_certificate(one) for one in found)


def _content(measurement: Any) -> Any:
    """The second of a pair: its type, and what was measured."""
    return measurement[1] if isinstance(measurement, Sequence) and len(measurement) == 2 else None


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list is not one")
    return value


def _each(value: Any) -> list[Any]:
    """One, or several, or none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()


def _time(value: Any) -> int | None:
    """The first second in which a token has expired; None where it never does. Raises BadToken for what is no time."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadToken("when it expires is not a time")
    return math.ceil(value)


def require_libraries() -> tuple[Any, Any]:
    """PyJWT, and python-cwt with its CBOR. Raises UsageError where they are not installed."""
    try:
        import cbor2
        import cwt
        import jwt
    except ImportError as error:
        raise UsageError(
            "platform documents are checked with PyJWT and python-cwt, which are not installed",
            advice="pip install 'fedledger[platform]'",
        ) from error
    return jwt, (cwt, cbor2)
