"""Whose set-up files a member held by the end of the time to set up: those it does not let a cast go without.

A dealer that shows its file to some members only, late, would else make members come to different casts. The end of the
time to set up is the same for all of them; what came after it binds nobody (docs/spec/masks.md, "Phases").
"""

from collections.abc import Collection

from ledger.history.state.masking import SegmentState
from ledger.masks.segment import MOST, Segment
from ledger.party.masking.vault import Vault, any_opening, damaged

_FOLDER = "held"
_DIGEST = 32
_ENTRY = 1 + _DIGEST

Held = frozenset[tuple[int, bytes]]
"""Members with their files' CID digests: on a fork, a member may have published another."""


class HeldSetups:
    """Files of entries, a member's index and the digest of its file's CID, one for each opening of a segment."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: tuple[str, Held] = "", frozenset()

    def note(self, segment: Segment, opened: SegmentState, held: Collection[int], now: int, until: int) -> None:
        """Remember, at second `now` of the chain's clock, whose files are here; nothing after `until` (`frozen_at`).

        Raises as `Vault.read`, and Unavailable where the disk does not take it.
        """
        if now > until:
            return
        here = frozenset((member, opened.setups[member].cid) for member in held if member in opened.setups)
        known = self._read(segment, opened)
        if not here <= known:
            entries, name = sorted(known | here), _name(segment, opened)
            self._vault.overwrite(name, b"".join(bytes([m]) + cid for m, cid in entries))
            self._known = name, known | here

    def members(self, segment: Segment, opened: SegmentState) -> frozenset[int]:
        """Whose present set-up file was held in time. Raises as `Vault.read`."""
        known = self._read(segment, opened)
        return frozenset(member for member, one in opened.setups.items() if (member, one.cid) in known)

    def delete(self, segment: Segment) -> None:
        """Forget a segment that has its cast. Raises Unavailable."""
        start = any_opening(segment, _FOLDER)
        for name in list(self._vault.names(_FOLDER)):
            if name.startswith(start):
                self._vault.delete(name)

    def _read(self, segment: Segment, opened: SegmentState) -> Held:
        name = _name(segment, opened)
        if self._known[0] != name:
            data = self._vault.read(name, 2 * MOST * _ENTRY) or b""
            if len(data) % _ENTRY:
                raise damaged(self._vault.folder / name)
            entries = (data[at : at + _ENTRY] for at in range(0, len(data), _ENTRY))
            self._known = name, frozenset((entry[0], entry[1:]) for entry in entries)
        return self._known[1]


def _name(segment: Segment, opened: SegmentState) -> str:
    return any_opening(segment, _FOLDER) + opened.tx.hex()
