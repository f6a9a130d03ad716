"""Whom a member talks to at once, of many: what one of them knows reaches all in a few steps, and no member is asked
by all others.
"""

from collections.abc import Collection

SMALL = 8
"""Others of whom each is talked to at once."""


def later_among(others: int, later: float, most: float) -> float:
    """Seconds that the longer ways are left unused among so many others, where that is `later` among few: the shorter
    ones take the longer, the more there are. Beyond `later` they wait no longer than `most`.
    """
    return max(later, min(later * others / SMALL, most))


def circle(own: int, others: Collection[int]) -> frozenset[int]:
    """The members at distances 1, 2, 4, … after `own` in the ring of all, by index; of up to `SMALL` others everyone.

    What a member says or hears so gets around a ring of n members in log2 n steps, as lookups do in Chord (Stoica et
    al., SIGCOMM 2001).
    """
    if len(others) <= SMALL:
        return frozenset(others)
    ring = sorted({*others, own})
    place = ring.index(own)
    return frozenset(ring[(place + (1 << step)) % len(ring)] for step in range((len(ring) - 1).bit_length()))
