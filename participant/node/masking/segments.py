"""Round keys and self seeds of segments, at home: drawn and kept before the set-up file is made of them."""

from collections.abc import Sequence

from ledger.errors import Malformed
from ledger.masks.secret import SIZE, Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, deal_setup, draw_rounds, size_of
from ledger.party.masking.vault import Vault, any_opening, damaged, segment_file

PAIR = 2 * SIZE
_DELETED = bytes(PAIR)


class SegmentSecrets:
    """One pair for each round of a segment, as it was opened: with that roster, and those mask keys.

    In a job with groups each opening has secrets of its own, named by its transaction `opening`: of those that were
    shown before, others would know what groups they lead to.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def setup(self, segment: Segment, member: int, opening: bytes = b"") -> bytes | None:
        """The set-up file that was kept; None where this home made none. Raises as `Vault.read`."""
        name = _name(segment, member, opening) + ".setup"
        data = self._vault.read(name, size_of(segment))
        if data is not None and len(data) != size_of(segment):
            raise damaged(self._vault.folder / name)
        return data

    def deal(self, segment: Segment, member: int, opening: bytes = b"") -> bytes:
        """The set-up file: the one that was kept, else one of the secrets that were kept, else of new ones.

        Another process that makes one at the same time comes to the same. Raises as `Vault.read`, Unavailable where the
        disk does not take it.
        """
        name, kept = _name(segment, member, opening), self.setup(segment, member, opening)
        if kept is not None:
            return kept
        self._vault.write(f"{name}.secrets", _encoded(draw_rounds(segment)))
        made = deal_setup(segment, member, self._all(segment, f"{name}.secrets"))
        self._vault.write(f"{name}.setup", made.encode())
        kept = self.setup(segment, member, opening)
        if kept is None:
            raise damaged(self._vault.folder / f"{name}.setup")
        return kept

    def of(self, segment: Segment, member: int, round_: int) -> list[RoundSecrets]:
        """A round's secrets, of each opening with this roster and these keys; none where this home never had them, or
        deleted them. Raises as `Vault.read`.
        """
        found = (self._at(segment, name, round_) for name in self._files(segment, member))
        return [one for one in found if one is not None]

    def delete(self, segment: Segment, member: int, round_: int) -> bool:
        """Delete the secrets of a round that is over; whether there were any. Raises as `Vault.read` and `deal`."""
        at, deleted = PAIR * segment.place(round_), False
        for name in self._files(segment, member):
            data = self._read(segment, name)
            if data is not None and data[at : at + PAIR] != _DELETED:
                self._vault.overwrite(name, data[:at] + _DELETED + data[at + PAIR :])
                deleted = True
        return deleted

    def delete_others(self, segment: Segment, member: int) -> None:
        """Delete what was drawn for other openings of a segment: this one has a cast. Raises Unavailable."""
        mine, start = segment_file(segment, member), any_opening(segment)
        for name in list(self._vault.names("segments")):
            if name.startswith(start) and not name.startswith(mine):
                self._vault.delete(name)

    def _all(self, segment: Segment, name: str) -> list[RoundSecrets]:
        found = [self._at(segment, name, segment.first + place) for place in range(segment.rounds)]
        whole = [pair for pair in found if pair is not None]
        if len(whole) != segment.rounds:
            raise Malformed("the secrets of a round are deleted that no set-up file was made of", job=segment.job)
        return whole

    def _at(self, segment: Segment, name: str, round_: int) -> RoundSecrets | None:
        data = self._read(segment, name)
        if data is None:
            return None
        pair = data[PAIR * segment.place(round_) :][:PAIR]
        return None if pair == _DELETED else RoundSecrets(Secret(pair[:SIZE]), Secret(pair[SIZE:]))

    def _files(self, segment: Segment, member: int) -> list[str]:
        """The files of secrets for a segment with this roster and these keys."""
        start = segment_file(segment, member)
        return [name for name in self._vault.names("segments", ".secrets") if name.startswith(start)]

    def _read(self, segment: Segment, name: str) -> bytes | None:
        data = self._vault.read(name, PAIR * segment.rounds)
        if data is not None and len(data) != PAIR * segment.rounds:
            raise damaged(self._vault.folder / name)
        return data


def _name(segment: Segment, member: int, opening: bytes) -> str:
    return segment_file(segment, member) + (f"-{opening.hex()}" if opening else "")


def _encoded(rounds: Sequence[RoundSecrets]) -> bytes:
    return b"".join(one.key.reveal() + one.seed.reveal() for one in rounds)
