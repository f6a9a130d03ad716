"""How far a webhook has come: on the disk before anything further is sent, so that nothing is left out."""

from pathlib import Path

import msgspec

from ledger.store.disk import write_private

MOST = 64
"""So many of the last news are remembered by name: a reorganisation that goes deeper sends what stands in their place
from the oldest of them on.
"""


class DeliveredNews(msgspec.Struct, frozen=True):
    """An event by its number among those of the ledger, and its name."""

    number: int
    name: str


class _Kept(msgspec.Struct, frozen=True):
    """The file: of one ledger, and one address by its hash; newest last."""

    chain: int
    ledger: str
    target: str
    told: tuple[DeliveredNews, ...]


class Bookmark:
    """The last news that were told to `target`, kept in `file`."""

    def __init__(self, file: Path, chain: int, ledger: str, target: str) -> None:
        self._file, self._key = file, (chain, ledger, target)
        self.told = self._read()

    @property
    def known(self) -> bool:
        """Whether anything was remembered: else it begins with what comes next."""
        return bool(self.told)

    def advance(self, number: int, name: str) -> None:
        """An event was told. Raises Unavailable where that cannot be kept: it is told again then."""
        told = (*self.told, DeliveredNews(number, name))[-MOST:]
        self._write(told)
        self.told = told

    def back_to(self, kept: tuple[DeliveredNews, ...]) -> None:
        """It goes on behind the last of these: the chain took back what came after them, or nothing was told yet."""
        self._write(kept)
        self.told = kept

    def _read(self) -> tuple[DeliveredNews, ...]:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        return kept.told if (kept.chain, kept.ledger, kept.target) == self._key else ()

    def _write(self, told: tuple[DeliveredNews, ...]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self._file, [msgspec.json.encode(_Kept(*self._key, told))])
