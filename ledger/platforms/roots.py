"""Whom an auditor trusts to speak for hardware: a file of its own choice, which no other party sees."""

import re
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509

from ledger.errors import Malformed, UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.strict import Strict

LARGEST = 1 << 20
"""Bytes of the file, and of the certificates, at most."""


class _RootsFile(Strict, frozen=True):
    """`roots` is a file of certificates in PEM, beside this one; `measurements` are SHA-256 digests, in hexadecimal."""

    roots: str
    measurements: tuple[str, ...] = ()


class PlatformRoots(NamedTuple):
    """Vendors' root certificates, and the SHA-256 of the measurements that are expected: any, where there are none."""

    certificates: tuple[x509.Certificate, ...]
    measurements: frozenset[bytes]


def read_roots(path: Path) -> PlatformRoots:
    """Read a file of roots (TOML). Raises UsageError where it is not there, Malformed where it is not one."""
    try:
        said = msgspec.toml.decode(read_foreign(path, "the file of platform roots", LARGEST), type=_RootsFile)
        pem = read_foreign(path.parent / said.roots, "the file of certificates", LARGEST)
        certificates = tuple(x509.load_pem_x509_certificates(pem))
    except OSError as error:
        raise UsageError(
            f"platform roots cannot be read: {error.strerror}", file=error.filename or str(path)
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(f"these are not platform roots: {error}", file=str(path)) from error
    if not all(re.fullmatch("[0-9a-f]{64}", one) for one in said.measurements):
        raise Malformed("a measurement is given as its SHA-256, 64 hexadecimal digits", file=str(path))
    return PlatformRoots(certificates, frozenset(map(bytes.fromhex, said.measurements)))
