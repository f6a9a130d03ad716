"""Digests, and the one canonical encoding of a document.

A document is JSON with sorted keys, no white space, no floats: the same value has one encoding only, and a text that
is not that encoding is refused.
"""

import hashlib
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from eth_hash.auto import keccak as _keccak

from ledger.errors import Malformed

T = TypeVar("T")


def sha256(data: bytes | bytearray | memoryview) -> bytes:
    """SHA-256 (FIPS 180-4)."""
    return hashlib.sha256(data).digest()


def keccak(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it."""
    return bytes(_keccak(data))


@lru_cache(maxsize=4096)
def checksum_address(address: bytes) -> str:
    """The one text form of a 20-byte address (EIP-55). Artifacts are bound to it: two spellings would be two files."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if mark in "89abcdef" else digit for digit, mark in zip(digits, marks, strict=False)
    )


def encode(document: Any) -> bytes:
    """The canonical encoding of a document made of structs, dicts, lists, strings, integers and booleans."""
    return msgspec.json.encode(document, order="sorted")


def decode(data: bytes, kind: type[T], what: str) -> T:
    """Parse a canonical document; `what` names it in errors. Raises Malformed."""
    try:
        document = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{what} is not a valid document: {error}") from error
    if encode(document) != data:
        raise Malformed(f"{what} is not in canonical form", advice="encode it with sorted keys and no white space")
    return document
