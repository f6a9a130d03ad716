"""Whose certificates are believed, and which one is shown: the system's authorities, those of SSL_CERT_FILE,
SSL_CERT_DIR and REQUESTS_CA_BUNDLE, and the home's own.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path

from ledger.errors import UsageError

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PLACES = ("SSL_CERT_FILE", "SSL_CERT_DIR", *_BUNDLES)


def context(ca: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext:
    """The TLS of a client, which trusts the authorities in `ca` (a PEM file, or a folder of them) besides those of
    system and environment, and shows `certificate` where it is asked. Raises UsageError, naming the file.
    """
    return _context(ca, certificate, key, tuple(os.environ.get(name, "") for name in _PLACES))


@lru_cache(16)
def _context(ca: str, certificate: str, key: str, _environment: tuple[str, ...]) -> ssl.SSLContext:
    made = ssl.create_default_context()  # OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR itself
    for name in _BUNDLES:
        if place := os.environ.get(name):
            _trust(made, Path(place), name)
    if ca:
        _trust(made, Path(ca), "[http] ca")
    if certificate:
        try:
            made.load_cert_chain(certificate, key or None, password=_no_passphrase)
        except OSError as error:
            raise UsageError(
                f"the client's certificate cannot be used: {_in_words(error)}",
                advice="name a PEM file with the certificate, and one with its key, which no passphrase protects",
                certificate=certificate,
                key=key or certificate,
            ) from error
    return made


def _trust(made: ssl.SSLContext, place: Path, source: str) -> None:
    """Trust the authorities in a file, or in a folder's files. Raises UsageError where there are none."""
    trouble, found = "it holds no certificate", 0
    for file in sorted(place.iterdir()) if place.is_dir() else [place]:
        try:
            made.load_verify_locations(cafile=file)
            found += 1
        except OSError as error:
            trouble = _in_words(error)
    if not found:
        raise UsageError(
            f"the authorities' certificates cannot be read: {trouble}",
            advice="name a PEM file, or a folder of them",
            file=str(place),
            setting=source,
        )


def _no_passphrase() -> str:
    raise ssl.SSLError(0, "its key has a passphrase")


def _in_words(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
