"""Copies of content that do not match their CID: what a reader notes of one, and an audit reports."""

from dataclasses import dataclass

from ledger.formats.cid import Cid


@dataclass(frozen=True, slots=True)
class BadCopy:
    """A holder's copy of a block that does not have its digest.

    `offset` is the first byte in the file that differs, where a good copy was found to compare with (`located`);
    else the damaged block's first byte. `end` is the byte after what the damaged block carries or covers; 0 where the
    damaged block is a root, since nobody knows the size then.
    """

    holder: str
    file: Cid
    block: Cid
    offset: int
    end: int
    located: bool
