"""Where a bad copy differs from a good one, so that a finding can name the byte."""

from ledger.errors import Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import RAW, Cid
from ledger.formats.copies import BadCopy
from ledger.formats.unixfs import Part
from ledger.store import Blocks, Buffer


def bad_copy(holder: Blocks, file: Cid, part: Part, good: Buffer | None) -> BadCopy:
    """Where a holder's copy differs. Only leaves carry a file's own bytes; a node is named by what it covers."""
    end = part.stop or 0
    if good is not None and part.stop is None:
        end = len(good) if part.cid.codec == RAW else unixfs.parse_root(good, part.cid)[0]
    offset = None
    if good is not None and part.cid.codec == RAW:
        try:
            offset = _first_difference(memoryview(holder.copy(part.cid)), memoryview(good))
        except Unavailable:
            offset = None
    return BadCopy(holder.name, file, part.cid, part.start + (offset or 0), end, offset is not None)


def _first_difference(bad: memoryview, good: memoryview) -> int | None:
    """The first byte that differs; the shorter one's end where it is a beginning of the other; None where equal."""
    if bad == good:
        return None
    low, high = 0, min(len(bad), len(good))
    if bad[:high] == good[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if bad[low:middle] == good[low:middle]:
            low = middle
        else:
            high = middle
    return low
