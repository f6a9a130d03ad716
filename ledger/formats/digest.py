"""Digests, and the one canonical encoding of a document.

A document is JSON in the strict grammar (docs/spec/grammar.md): a value has only one encoding, and any other text is
refused.
"""

import hashlib
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar

import msgspec
from sha3 import keccak_256

from ledger.errors import Malformed
from ledger.formats.grammar import check_json

T = TypeVar("T")
ADDRESS_PATTERN = "^0x[0-9a-fA-F]{40}$"
NOTHING = bytes(32)
"""The digest, root or word that stands for none."""


def sha256(data: bytes | bytearray | memoryview) -> bytes:
    """SHA-256 (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def keccak(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it."""
    digest: bytes = keccak_256(data).digest()
    return digest


@lru_cache(maxsize=4096)
def checksum_address(address: bytes) -> str:
    """The one text form of a 20-byte address (EIP-55). Artifacts are bound to it: two spellings would be two files."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark in "89abcdef" else digit for digit, mark in zip(digits, marks, strict=False)
    )


def parse_address(text: str, what: str = "address") -> str:
    """An address in its one text form (EIP-55). Raises Malformed for any other text."""
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if not text.startswith("0x") or len(text) != 42 or len(raw) != 20:
        raise Malformed(f"{what}: this is not an address", advice="0x and 40 digits", actual=text[:200])
    expected = checksum_address(raw)
    if text != expected:
        raise Malformed(f"{what}: not in EIP-55 form", advice="check its digits", expected=expected)
    return text


def read_address(text: str, what: str = "address") -> str:
    """An address as people pass it on, in EIP-55 form or in lower case, as EIP-55. Raises Malformed for any other."""
    lower = text == text.lower() and len(text) == 42 and all(digit in "0123456789abcdef" for digit in text[2:])
    if text.startswith("0x") and lower:
        return checksum_address(bytes.fromhex(text[2:]))
    return parse_address(text, what)


def encode(document: Any) -> bytes:
    """The canonical encoding of a document made of structs, dicts, lists, strings, integers and booleans."""
    return msgspec.json.encode(document, order="sorted")


SHOWN = 300
"""Characters of an error that quotes a document."""


def decode(data: bytes, kind: type[T] | UnionType, what: str) -> T:
    """Parse a canonical document (docs/spec/grammar.md); `what` names it in errors. Raises Malformed."""
    check_json(data, what)
    try:
        document: T = msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise Malformed(f"{what} is not a valid document: {str(error)[:SHOWN]}") from error
    if encode(document) != data:
        raise Malformed(f"{what} is not in canonical form", advice="encode it with sorted keys and no white space")
    return document
