"""Which rows an update was trained on and which its party holds out: drawn by digest, and bound by one salted root.

A leaf is the digest of a row, an image or a file, as the job's task takes them (docs/spec/rows.md). The draw depends on
the job's digest, a salt of the party's own and the leaf: so a leaf's side never changes, equal rows are on one side,
and a further row moves no other.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ledger.formats import merkle
from ledger.formats.digest import sha256

SALT = 32
DIGEST = 32
MAX_LEAVES = (1 << 32) - 1
DRAW_DOMAIN = b"fedledger/hold-out/1"
KEY_DOMAIN = b"fedledger/rows-key/1"
BLIND_DOMAIN = b"fedledger/rows-blind/1"
ROOT_DOMAIN = b"fedledger/rows/1"
_PERCENT = 100


class Draw(NamedTuple):
    """A party's draw in a job: the job's digest, the party's salt, and the share that is held out, in percent."""

    job: bytes
    salt: bytes
    share: int

    def holds_out(self, leaf: bytes) -> bool:
        """Whether a leaf is held out."""
        drawn = sha256(DRAW_DOMAIN + self.job + self.salt + leaf)[:8]
        return int.from_bytes(drawn, "big") * _PERCENT < self.share << 64

    def places(self, leaves: Sequence[bytes]) -> "Division":
        """Where the leaves of either side stand among all, in their order."""
        out = [self.holds_out(leaf) for leaf in leaves]
        sides = {side: tuple(place for place, is_out in enumerate(out) if is_out is side) for side in (False, True)}
        return Division(sides[False], sides[True])

    def keys(self, round_: int) -> "RowKeys":
        """The keys of a round's tree: showing them tells neither the salt nor those of another round."""
        said = self.salt + self.job + round_.to_bytes(4, "big")
        return RowKeys(sha256(KEY_DOMAIN + said), sha256(BLIND_DOMAIN + said))

    def tree(self, round_: int, leaves: Sequence[bytes]) -> "RowTree":
        """What an update of a round commits to: `leaves` are those of both sides."""
        keys, places = self.keys(round_), self.places(leaves)
        trained, held_out = (Side(keys, (leaves[place] for place in side)) for side in places)
        return RowTree(keys, trained, held_out)


class Division(NamedTuple):
    """Indices of the leaves that are trained on, and of those that are held out."""

    trained: tuple[int, ...]
    held_out: tuple[int, ...]


class RowKeys(NamedTuple):
    """`key` makes the tags, by which leaves are ordered and looked for; `blind` hides a tag's leaf from a path."""

    key: bytes
    blind: bytes

    def tag(self, leaf: bytes) -> bytes:
        """What stands for a leaf in the tree."""
        return tag_of(self.key, leaf)

    def blinding(self, tag: bytes) -> bytes:
        """What a tag's leaf is hashed with: without it, nobody who sees the hash can try what it is of."""
        return sha256(self.blind + tag)


def tag_of(key: bytes, leaf: bytes) -> bytes:
    """A leaf's tag under a round's key."""
    return sha256(key + leaf)


class Side:
    """The tree over one side's leaves, by ascending tag; equal leaves stand together, each for itself."""

    def __init__(self, keys: RowKeys, leaves: Iterable[bytes]) -> None:
        prefix = hashlib.sha256(keys.key)
        tags = []
        for leaf in leaves:
            hasher = prefix.copy()
            hasher.update(leaf)
            tags.append(hasher.digest())
        self.keys, self.tags = keys, sorted(tags)

    def __len__(self) -> int:
        return len(self.tags)

    @cached_property
    def hashes(self) -> list[bytes]:
        """The leaf hashes of the tree (RFC 6962)."""
        return [merkle.leaf_hash(tag + self.keys.blinding(tag)) for tag in self.tags]

    @cached_property
    def root(self) -> bytes:
        return merkle.root(self.hashes)

    def find(self, tag: bytes) -> tuple[int, bool]:
        """The place of a tag, or the one that it would have, and whether it is there."""
        place = bisect_left(self.tags, tag)
        return place, place < len(self.tags) and self.tags[place] == tag


class RowsOpening(NamedTuple):
    """What opens the root in an update's header: the key's digest, and number and root of either side."""

    key: bytes
    trained: int
    trained_root: bytes
    held_out: int
    held_out_root: bytes

    @property
    def root(self) -> bytes:
        """What the header binds."""
        sides = ((self.trained, self.trained_root), (self.held_out, self.held_out_root))
        return sha256(ROOT_DOMAIN + self.key + b"".join(count.to_bytes(8, "big") + root for count, root in sides))


@dataclass(frozen=True)
class RowTree:
    """Both sides of a party's leaves in a round."""

    keys: RowKeys
    trained: Side
    held_out: Side

    @cached_property
    def opening(self) -> RowsOpening:
        """What opens the root."""
        sides = (len(self.trained), self.trained.root, len(self.held_out), self.held_out.root)
        return RowsOpening(sha256(self.keys.key), *sides)

    @property
    def root(self) -> bytes:
        """What the update's header binds."""
        return self.opening.root
