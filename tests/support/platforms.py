"""Platform documents of tests: a vendor's root, certificates below it, and tokens of a machine that there is not."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
MEASUREMENT = b"what was measured of this machine"
Key = ec.EllipticCurvePrivateKey


class Certified(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def certify(name: str, issuer: Certified | None = None, *, authority: bool = True, days: int = 365) -> Certified:
    """A certificate of this name, valid for so many days around `NOW`; a root without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, by = (key, subject) if issuer is None else (issuer.key, issuer.certificate.subject)
    middle = datetime.fromtimestamp(NOW, UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(middle - timedelta(days=days))
        .not_valid_after(middle + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return Certified(builder.sign(signer, hashes.SHA256()), key)


ROOT = certify("Vendor root")
BETWEEN = certify("Vendor, between", ROOT)
MACHINE = certify("Machine", BETWEEN, authority=False)
CHAIN = (MACHINE, BETWEEN)


def jwt_token(
    nonce: bytes = b"",
    measurement: bytes = MEASUREMENT,
    chain: tuple[Certified, ...] = CHAIN,
    key: Key | None = None,
    **more: Any,
) -> bytes:
    """An EAT as JWT, signed by the first certificate's key, or another."""
    import jwt

    content = base64.urlsafe_b64encode(measurement).decode().rstrip("=")
    claims = {"eat_nonce": nonce.hex() or "none so far", "measurements": [[258, content]], **more}
    head = {"x5c": [base64.b64encode(one.der).decode() for one in chain]}
    return jwt.encode(claims, key or chain[0].key, algorithm="ES256", headers=head).encode()


def cose_token(
    nonce: bytes = b"",
    measurement: bytes = MEASUREMENT,
    chain: tuple[Certified, ...] = CHAIN,
    key: Key | None = None,
    critical: tuple[int, ...] = (),
) -> bytes:
    """An EAT as COSE_Sign1; `critical` are the labels of headers that whoever reads it must know."""
    import cbor2
    from cwt import COSE, COSEKey

    pem = (key or chain[0].key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = COSEKey.from_pem(pem, alg="ES256")
    payload = cbor2.dumps({10: nonce or b"none so far", 273: [[258, measurement]]})
    head: dict[int, Any] = {1: -7, 33: [one.der for one in chain], 99: "of no meaning"}
    head |= {2: list(critical)} if critical else {}
    made = COSE.new().encode_and_sign(payload, signer, protected=head)
    return bytes(made)


def write_roots(folder: Path, *measurements: str, root: Certified = ROOT) -> Path:
    """A file of roots, as an auditor gives it."""
    (folder / "vendor.pem").write_bytes(root.pem)
    file = folder / "platforms.toml"
    file.write_text(f'roots = "vendor.pem"\nmeasurements = {json.dumps(measurements)}\n')
    return file
