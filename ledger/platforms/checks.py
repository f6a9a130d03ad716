"""What an auditor makes of a platform document, by roots of its own: a notice, never a verdict on update or model."""

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from cryptography.x509 import Certificate, KeyUsage
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store

from ledger.formats.digest import sha256
from ledger.platforms.documents import Sort, sort_of
from ledger.platforms.roots import PlatformRoots
from ledger.platforms.tokens import BadToken, Token, read_cose, read_jwt

PlatformAnswer = Literal["right", "wrong", "not looked at"]


class PlatformFound(NamedTuple):
    """What a document looks like, whether it is right by the auditor's roots, and why."""

    sort: Sort
    answer: PlatformAnswer
    why: str


def look_at(document: bytes, roots: PlatformRoots | None, when: int, nonce: bytes) -> PlatformFound:
    """Check a document as of a time, in seconds since 1970. Raises UsageError without the extra, where it is needed.

    1. Without roots, or where it is opaque, it is not looked at.
    2. Its signature is that of the certificate that it carries first.
    3. Certificates lead from that one to one of the roots, all valid at that time (RFC 5280); where the first one says
       what its key is for, signatures are among it.
    4. It has not expired then.
    5. One of its measurements has a SHA-256 that is expected, where any is.

    `nonce` is what a document made for just this update holds; one without it may be older, which is said.
    """
    sort = sort_of(document)
    if roots is None:
        return PlatformFound(sort, "not looked at", "no platform roots were given")
    if sort == "opaque":
        return PlatformFound(sort, "not looked at", "it is in a vendor's own form")
    try:
        token = (read_jwt if sort == "EAT (JWT)" else read_cose)(document)
        _check_chain(token, roots, when)
    except BadToken as error:
        return PlatformFound(sort, "wrong", str(error))
    if token.expires is not None and token.expires <= when:
        return PlatformFound(sort, "wrong", "it had expired")
    measured = {sha256(one) for one in token.measurements}
    if roots.measurements and not measured & roots.measurements:
        return PlatformFound(sort, "wrong", "none of its measurements is one that is expected")
    fresh = "made for this update" if nonce in token.nonces else "it may be older: it has not this update's nonce"
    seen = "an expected measurement" if roots.measurements else "no measurement was expected"
    return PlatformFound(sort, "right", f"signed under a given root; {seen}; {fresh}")


def _check_chain(token: Token, roots: PlatformRoots, when: int) -> None:
    """Raises BadToken where no chain of certificates leads to a root."""
    signer = ExtensionPolicy.permit_all().may_be_present(KeyUsage, Criticality.AGNOSTIC, _require_signatures)
    try:
        builder = PolicyBuilder().store(Store(list(roots.certificates))).time(datetime.fromtimestamp(when, UTC))
        verifier = builder.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=signer)
        verifier.build_client_verifier().verify(token.certificates[0], list(token.certificates[1:]))
    except Exception as error:  # what libraries raise of foreign bytes has no common kind
        raise BadToken(f"no chain of certificates leads to a given root: {error}") from error


def _require_signatures(_policy: Policy, _certificate: Certificate, usage: KeyUsage | None) -> None:
    if usage is not None and not usage.digital_signature:
        raise ValueError("the certificate is not one whose key signs tokens (key usage)")
