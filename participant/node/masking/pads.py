"""One vector under one pad: which update was masked in a round is kept before it is committed to, and never another."""

import msgspec

from ledger.errors import UsageError
from ledger.formats.claims import RoundName
from ledger.formats.strict import Strict
from ledger.party.masking.vault import Vault, damaged, round_file

_MOST = 1 << 10


class Pad(Strict, frozen=True):
    """What was masked, in hexadecimal: the update's commitment, the root of the model that it builds on, and a digest
    of the round keys of the cast that its masks were made with.
    """

    commitment: str
    base: str
    cast: str


class Pads:
    """The pads of a home. They stay: a chain may go back any number of blocks."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def find(self, round_: RoundName) -> Pad | None:
        """What was masked in a round; None for nothing. Raises as `Vault.read`."""
        name = round_file(round_) + ".pad"
        data = self._vault.read(name, _MOST)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=Pad)
        except msgspec.DecodeError as error:
            raise damaged(self._vault.folder / name) from error

    def keep(self, round_: RoundName, pad: Pad) -> Pad:
        """Use a round's pad up; what it was used for, which is another update where somebody was faster.

        Raises as `Vault.read`, Unavailable where the disk does not take it.
        """
        self._vault.write(round_file(round_) + ".pad", msgspec.json.encode(pad))
        standing = self.find(round_)
        if standing is None:
            raise damaged(self._vault.folder / (round_file(round_) + ".pad"))
        return standing


def require_same(pad: Pad, base: bytes, cast: bytes) -> None:
    """Raises UsageError where an update was masked for another base model or another cast: its masks would not go away,
    and a second update under the same pad would show the difference of the two.
    """
    for what, kept, now in (("base model", pad.base, base.hex()), ("cast", pad.cast, cast.hex())):
        if kept != now:
            raise UsageError(
                f"an update was masked for this round already, with another {what}; no second one is masked",
                advice="the chain was reorganised: this member sits the round out, and takes part in the next",
                expected=kept,
                actual=now,
            )
