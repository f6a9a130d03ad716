"""A home's export key on the disk: encrypted as its key is, in a file that nothing takes for a key of the ledger.

Not in PKCS#8, which others would open: the library derives its key by 2,048 rounds of PBKDF2, which is quick to guess.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.strict import Strict
from ledger.keys.files import MAXIMUM_KEYFILE, decrypted, encrypted, is_light, lowered, write_new
from ledger.keys.signers import check_light
from ledger.masks.secret import SIZE, Secret

MAKE = "fedledger release provenance key"


class _ExportKeyFile(Strict, frozen=True):
    """`public` is the key's point in hexadecimal, `crypto` that of a V3 key file, whose other fields are not here."""

    fedledger: Literal["export-key/1"]
    public: str
    crypto: dict[str, Any]


def create_export_key(path: Path, key: Secret, point: bytes, passphrase: str, *, light: bool = False) -> None:
    """Keep a new export key in a new file, mode 0600. Raises UsageError where there is one: no key is overwritten."""
    crypto = encrypted(key.reveal(), passphrase, light=light)["crypto"]
    made = _ExportKeyFile(fedledger="export-key/1", public=point.hex(), crypto=crypto)
    write_new(path, msgspec.json.encode(made, order="sorted") + b"\n")


def open_export_key(path: Path, passphrase: str, chain_id: int) -> tuple[Secret, bytes]:
    """The export key of a file, and the point that the file says is its public key: the caller compares them.

    Raises UsageError where there is none, for a wrong passphrase, or a light file where `chain_id` is not the local
    chain; Malformed for another file; Unavailable where it cannot be read.
    """
    found = _read(path)
    keyfile = {"version": 3, "crypto": lowered(found.crypto)}
    if is_light(keyfile):
        check_light(chain_id)
    secret = decrypted(path, keyfile, passphrase, "try again; if it is lost, move the file away and make another key")
    if len(secret) != SIZE:
        raise Malformed("the export key's file holds no key", file=str(path), expected=SIZE, actual=len(secret))
    return Secret(secret), bytes.fromhex(found.public)


def _read(path: Path) -> _ExportKeyFile:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAXIMUM_KEYFILE)
        found = msgspec.json.decode(content, type=_ExportKeyFile)
        bytes.fromhex(found.public)
    except FileNotFoundError as error:
        raise UsageError("there is no such export key", advice=MAKE, file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"the export key cannot be read: {error}", file=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Malformed(f"this is not an export key's file: {error}", file=str(path)) from error
    return found
