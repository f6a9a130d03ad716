"""Files of slips and erasures one behind the other, as parties hand them on: each says how long it is."""

from collections.abc import Iterator

from ledger.errors import Malformed
from ledger.seals import erasure, slips


def split_bundle(data: bytes) -> Iterator[bytes]:
    """The files in a bundle, each of one of both kinds by its first 16 bytes. What is in them is not checked.

    Raises Malformed where something else stands there, or a file is cut.
    """
    at = 0
    while at < len(data):
        size = _size_at(data, at)
        if at + size > len(data):
            raise Malformed("slips or an erasure are cut", at=at, expected=size, actual=len(data) - at)
        yield data[at : at + size]
        at += size


def _size_at(data: bytes, at: int) -> int:
    magic = data[at : at + 16]
    if magic == erasure.MAGIC:
        return erasure.SIZE
    if magic == slips.MAGIC:
        return slips.size_of(data[at : at + slips.START])
    raise Malformed("neither slips nor an erasure stand here", at=at, actual=magic)
