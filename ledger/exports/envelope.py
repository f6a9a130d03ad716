"""A signed statement on its way: in-toto's Statement v1 in DSSE v1.0.2, alone or in a Sigstore bundle v0.3.

The JSON is written here and is canonical (`ledger.formats.digest.encode`): protobuf's turns whole numbers into floats,
and 2^53 + 1 into 2^53. So a statement of ours has no number: each is text.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from ledger.errors import Malformed, Refuted
from ledger.exports import p256
from ledger.formats.digest import decode, encode
from ledger.formats.strict import Strict
from ledger.masks.secret import Secret

T = TypeVar("T", bound=msgspec.Struct)
STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_SIZE = 64 << 20


class EnvelopeSignature(Strict, frozen=True):
    """`sig` is base64 of a signature in DER; `keyid` is a hint alone."""

    keyid: str
    sig: str


class Envelope(Strict, frozen=True, rename={"payload_type": "payloadType"}):
    """DSSE's envelope: `payload` is base64 of the statement's bytes."""

    payload: str
    payload_type: str
    signatures: tuple[EnvelopeSignature, ...]


class _PublicKey(Strict, frozen=True):
    hint: str


class _Material(Strict, frozen=True, rename={"public_key": "publicKey", "log": "tlogEntries"}):
    public_key: _PublicKey
    log: tuple[dict[str, Any], ...]


class SigstoreBundle(Strict, frozen=True, rename="camel"):
    """A Sigstore bundle of a key that is known by its hint: without a certificate, and in no log."""

    media_type: str
    verification_material: _Material
    dsse_envelope: Envelope


def statement(subject: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """A statement's bytes; `subject` are names with their SHA-256 in hexadecimal."""
    named = [{"name": name, "digest": {"sha256": digest}} for name, digest in subject.items()]
    return encode({"_type": STATEMENT, "subject": named, "predicateType": predicate_type, "predicate": predicate})


def seal(payload: bytes, key: Secret, *, named: bool = True) -> Envelope:
    """The payload under the key's signature; `named` says whether it carries the key's name, too."""
    keyid = p256.key_id(p256.point_of(key)) if named else ""
    signature = EnvelopeSignature(keyid=keyid, sig=b64encode(p256.sign(key, authenticated(payload))).decode())
    return Envelope(payload=b64encode(payload).decode(), payload_type=PAYLOAD, signatures=(signature,))


def bundle(payload: bytes, key: Secret) -> bytes:
    """The payload as a Sigstore bundle, whose hint is the key's name."""
    material = _Material(public_key=_PublicKey(hint=p256.key_id(p256.point_of(key))), log=())
    made = SigstoreBundle(
        media_type=BUNDLE, verification_material=material, dsse_envelope=seal(payload, key, named=False)
    )
    return encode(made) + b"\n"


def authenticated(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of type and payload."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def parse(data: bytes) -> Envelope:
    """Read an envelope: its form alone. Raises Malformed."""
    return _decoded(data, Envelope, "the envelope")


def payload_of(envelope: Envelope, what: str) -> bytes:
    """What is in an envelope, by whatever key. Raises Malformed for another type, or base64 in another form."""
    if envelope.payload_type != PAYLOAD or len(envelope.signatures) != 1:
        raise Malformed(f"{what} is not one signed statement", expected=PAYLOAD, actual=envelope.payload_type[:80])
    return _bytes(envelope.payload, what)


def opened(envelope: Envelope, point: bytes, what: str) -> bytes:
    """The statement in an envelope. Raises as `payload_of`, and Refuted where the key of `point` did not sign it."""
    payload = payload_of(envelope, what)
    signature = envelope.signatures[0]
    if signature.keyid not in ("", p256.key_id(point)):
        raise Refuted(f"{what} names another key", expected=p256.key_id(point), actual=signature.keyid[:80])
    if not p256.is_signed(point, _bytes(signature.sig, what), authenticated(payload)):
        raise Refuted(f"{what} is not under the signature of the export key", expected=p256.key_id(point))
    return payload


def opened_bundle(data: bytes, point: bytes, what: str) -> bytes:
    """The statement in a Sigstore bundle. Raises as `opened`, and Refuted where it names another key or a log."""
    found = _decoded(data, SigstoreBundle, what)
    material = found.verification_material
    if found.media_type != BUNDLE or material.log:
        raise Malformed(f"{what} is of another kind", expected=BUNDLE, actual=found.media_type[:80])
    if material.public_key.hint != p256.key_id(point):
        actual = material.public_key.hint[:80]
        raise Refuted(f"{what} names another key", expected=p256.key_id(point), actual=actual)
    return opened(found.dsse_envelope, point, what)


def _decoded(data: bytes, kind: type[T], what: str) -> T:
    if len(data) > MAX_SIZE:
        raise Malformed(f"{what} is too large", size=len(data), maximum=MAX_SIZE)
    return decode(data.removesuffix(b"\n"), kind, what)


def _bytes(text: str, what: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed(f"{what} has text that is not base64") from error
    if b64encode(data).decode() != text:
        raise Malformed(f"{what} has base64 that is not in its one form")
    return data
