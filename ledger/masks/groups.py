"""Groups of a segment's cast: masks cancel within each, so the sum of each is known (docs/spec/masks.md, "Groups").

Who is in which follows from the set-up files of the whole cast. Their digests are on the ledger before anybody shows
one, so nobody knows what its own keys lead to while it can still choose them.
"""

from collections.abc import Collection, Mapping

from ledger.formats.digest import sha256
from ledger.formats.draws import Draws
from ledger.masks.segment import LEAST
from ledger.masks.setup import SetupFile, head_of

Groups = tuple[frozenset[int], ...]
"""Member indices of each group. People count groups from 1, in this order."""
LABEL = b"fedledger groups/1"
_PLACE = slice(16, 52)
"""Of a set-up file's first bytes: chain, ledger, job, segment."""


def groups_of(files: Mapping[int, SetupFile], most: int, smallest: int) -> Groups:
    """The groups of a cast by its members' set-up files; one of all where `most` is 0: the job has no groups."""
    if not most or not files:
        return (frozenset(files),)
    return divided(seed_of(files), files, most, smallest)


def seed_of(files: Mapping[int, SetupFile]) -> bytes:
    """What the groups of a cast are drawn by: 32 bytes, of the round keys' points of all its members."""
    first = next(iter(files.values()))
    points = b"".join(
        bytes([member]) + b"".join(one.point for one in setup.rounds) for member, setup in sorted(files.items())
    )
    return sha256(LABEL + head_of(first.segment, first.member)[_PLACE] + points)


def divided(seed: bytes, members: Collection[int], most: int, smallest: int) -> Groups:
    """Members in as many groups as there may be at `most`, each of `smallest` or more, of 3 at least.

    They are put in an order that the seed draws, and dealt like cards: no group has two members more than another. All
    are in one group where they are too few for two.
    """
    ascending = sorted(members)
    count = max(1, min(most, len(ascending) // max(LEAST, smallest)))
    dealt = [ascending[place] for place in Draws(seed).order(len(ascending))]
    return tuple(frozenset(dealt[number::count]) for number in range(count))


def group_of(groups: Groups, member: int) -> frozenset[int]:
    """The group of a member; nobody where it is in none."""
    return next((group for group in groups if member in group), frozenset())


def in_play(groups: Groups, chosen: Collection[int]) -> frozenset[int]:
    """Those of whom a secret is needed to unmask the sums of the set `chosen`: all of each group that it has members
    of. Of the others nothing is asked, and nothing shown.
    """
    return frozenset(member for group in groups if not group.isdisjoint(chosen) for member in group)
