"""Slips for mask keys that their member rotated, made again for its present one: so that the old keys can go.

A set-up file stays with everybody, and its packets open with the holder's mask key. Kept for the sake of old slips, the
key would open them for anybody that comes to have the home later.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import DAG_PB, RAW, Cid
from ledger.formats.sealed import HEAD
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.party.seals.drawer import Drawer, KeptSlips
from ledger.rounds.inputs import Fetch
from ledger.seals.keyring import open_key
from ledger.seals.keys import UpdateName, commitment_in
from ledger.seals.slips import MOST, make_slips

if TYPE_CHECKING:
    from ledger.keys import Signer

AT_ONCE = 16
"""Updates whose slips are made again in one look: about 10 ms each, mostly for the disk."""


class Renewal:
    """Goes through a home's slips, a few in each look. What it remembers only spares work.

    `here` reads what is in the home's own store: a sealed file says which key it has. Any member can sign slips of one
    that it made up.
    """

    def __init__(self, drawer: Drawer, signer: "Signer", here: Fetch) -> None:
        self._drawer, self._signer, self._here = drawer, signer, here
        self._of: tuple[frozenset[bytes], bytes] = frozenset(), b""
        self._places: list[tuple[int, int]] = []

    def look(self, old: Sequence[Secret], present: Secret) -> bool:
        """Whether every update here that the `old` keys open is one that the present key opens.

        Raises Unavailable where the disk does not take slips.
        """
        of = frozenset(map(point_of, old)), point_of(present)
        if self._of != of:
            self._of, self._places = of, self._drawer.places()
        made = 0
        while self._places:
            made += self._renew(self._places[-1], old, present, AT_ONCE - made)
            if made >= AT_ONCE:
                return False
            self._places.pop()
        return True

    def _renew(self, place: tuple[int, int], old: Sequence[Secret], present: Secret, most: int) -> int:
        """How many updates of a round got new slips, at most so many."""
        made, points = 0, self._of[0]
        for (name, cid), group in groupby(self._drawer.all(*place), lambda kept: (kept.slips.name, kept.slips.cid)):
            kept = list(group)
            if made < most and any(points & one.slips.packets.keys() for one in kept):
                made += self._renew_one(name, cid, kept, old, present)
        return made

    def _renew_one(
        self, name: UpdateName, cid: bytes, kept: Sequence[KeptSlips], old: Sequence[Secret], present: Secret
    ) -> bool:
        for commitment in self._commitments(name, cid, kept):
            if open_key(name, cid, commitment, kept, [present]).key is not None:
                return False
            if (key := open_key(name, cid, commitment, kept, old).key) is not None:
                break
        else:
            return False
        own = next((one.slips.packets.keys() for one in kept if one.author == self._signer.address), frozenset[bytes]())
        readers = {*own, point_of(present)} if len(own) < MOST else {point_of(present)}
        made = make_slips(key, cid, readers)
        self._drawer.put(made.encode() + self._signer.sign_typed_data(*made.to_sign()))
        return True

    def _commitments(self, name: UpdateName, cid: bytes, kept: Sequence[KeptSlips]) -> list[bytes]:
        """The commitment of the sealed file; where that is not here, those of slips, its party's first."""
        for head in self._heads(cid):
            with suppress(Malformed):
                return [commitment_in(head, name)]
        said = {(one.author != name.party, one.slips.commitment) for one in kept}
        return [commitment for _, commitment in sorted(said)]

    def _heads(self, cid: bytes) -> Iterator[bytes]:
        for codec in (RAW, DAG_PB):
            with suppress(Malformed, Unavailable):
                yield b"".join(bytes(piece) for piece in self._here(Cid(codec, cid), 0, HEAD))
