"""Content identifiers: where bytes are, by what they are.

Profile unixfs-v1-2025 (IPIP-499): CIDv1, SHA-256, 1 MiB chunks, raw leaves, balanced tree, at most 1,024 links a node.
A file of at most one chunk is its own raw leaf, so its CID's digest is its SHA-256.
"""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

from ledger.errors import Malformed
from ledger.formats.digest import sha256

CHUNK = 1 << 20
RAW = 0x55
DAG_PB = 0x70
_PREFIX = {RAW: b"\x01\x55\x12\x20", DAG_PB: b"\x01\x70\x12\x20"}


@dataclass(frozen=True, order=True, slots=True)
class Cid:
    """A CIDv1 with a SHA-256 digest: the only kind fedledger reads or writes. Raises Malformed for any other."""

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.codec not in _PREFIX or len(self.digest) != 32:
            raise Malformed("not a CID fedledger uses (CIDv1, raw or dag-pb, SHA-256)", codec=hex(self.codec))

    def __bytes__(self) -> bytes:
        return _PREFIX[self.codec] + self.digest

    def __repr__(self) -> str:
        return f"Cid({self})"

    def __str__(self) -> str:
        return _text(bytes(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Cid":
        """Parse the binary form."""
        for codec, prefix in _PREFIX.items():
            if len(data) == 36 and data.startswith(prefix):
                return cls(codec, bytes(data[4:]))
        raise Malformed("not a CID fedledger uses (CIDv1, raw or dag-pb, SHA-256)", bytes=bytes(data[:40]).hex())

    @classmethod
    def parse(cls, text: str) -> "Cid":
        """Parse the base32 text form, lower case."""
        try:
            if len(text) != 59 or not text.startswith("b") or text != text.lower():
                raise ValueError
            cid = cls.from_bytes(base64.b32decode(text[1:].upper() + "======"))
        except (ValueError, binascii.Error, Malformed) as error:
            raise Malformed(
                "not a CID fedledger uses (base32 CIDv1, raw or dag-pb, SHA-256)", text=text[:80]
            ) from error
        if str(cid) != text:
            raise Malformed("a CID with stray bits", text=text, canonical=str(cid))
        return cid


@lru_cache(maxsize=1 << 12)
def _text(data: bytes) -> str:
    """A few CIDs are named again and again: in paths, pins and addresses."""
    return "b" + base64.b32encode(data).decode().rstrip("=").lower()


def raw(data: bytes | bytearray | memoryview) -> Cid:
    """The CID of a raw block."""
    return Cid(RAW, sha256(data))


def of_file(digest: bytes, size: int) -> Cid:
    """The CID of a file, from what a ledger keeps of it: the digest, and the size that decides the codec."""
    return Cid(RAW if size <= CHUNK else DAG_PB, digest)
