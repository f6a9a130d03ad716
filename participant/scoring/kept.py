"""The scores that this node worked out, kept in its home until they are revealed.

Scores that anyone recomputes are worked out again where a crash lost them; those of private data only as long as the
data stay as they are, so these are on the disk before they are committed to.
"""

from pathlib import Path
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode, sha256
from ledger.store import disk

MAX_SIZE = 1 << 16


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which scoring, by the chain's own words, and its scores by ascending member index of the admitted updates."""

    fedledger: Literal["scores/1"]
    chain: int
    board: str
    job: int
    round: int
    seed: str
    scores: tuple[int, ...]
    sha256: str = ""

    def sealed(self) -> "Kept":
        """The same with the digest of everything else in it."""
        blank = msgspec.structs.replace(self, sha256="")
        return msgspec.structs.replace(self, sha256=sha256(encode(blank)).hex())


class KeptScores:
    """A folder with a small file for each round. A file that is damaged, or of another scoring, does not count."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, chain: int, board: str, job: int, round_: int, seed: bytes) -> tuple[int, ...] | None:
        """The scores kept for this very scoring: a chain that went back draws another seed."""
        try:
            with self._path(job, round_).open("rb") as file:
                found = decode(file.read(MAX_SIZE), Kept, "the file of scores")
        except (OSError, Malformed):
            return None
        wanted = (chain, board, job, round_, seed.hex())
        same = (found.chain, found.board, found.job, found.round, found.seed) == wanted
        return found.scores if same and found == found.sealed() else None

    def keep(self, kept: Kept, *, again: bool = False) -> None:
        """Write the file, whole or not at all, and to the disk itself; `again` says that the scores can be worked out
        again, so that no disk is waited for. Raises Unavailable.
        """
        path = self._path(kept.job, kept.round)
        with disk.translated(path):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        write = disk.write_private_soon if again else disk.write_private
        write(path, [encode(kept.sealed())])

    def _path(self, job: int, round_: int) -> Path:
        return self._folder / f"{job}-{round_}.json"
