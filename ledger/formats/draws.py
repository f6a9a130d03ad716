"""Random draws that everyone repeats: a stream of SHA-256 over a seed from the chain (docs/spec/scores.md, "Draws").

Block k is SHA-256 of the 32 bytes of the seed and k in eight bytes, big-endian; a draw is the next eight bytes.
"""

from collections.abc import Iterator
from hashlib import sha256

from ledger.errors import Malformed


class Draws:
    """The stream of one seed. Raises Malformed for a seed that is not of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise Malformed("a seed is 32 bytes", actual=len(seed))
        self._words = _words(seed)

    def below(self, limit: int) -> int:
        """A number from 0 to limit - 1, each as likely: words in the last, partial run of `limit` are skipped."""
        whole = (1 << 64) // limit * limit
        word = next(word for word in self._words if word < whole)
        return word % limit

    def order(self, count: int) -> list[int]:
        """A permutation of 0 … count - 1 (Fisher and Yates, from the last place down)."""
        items = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def _words(seed: bytes) -> Iterator[int]:
    block = 0
    while True:
        digest = sha256(seed + block.to_bytes(8, "big")).digest()
        yield from (int.from_bytes(digest[at : at + 8], "big") for at in range(0, 32, 8))
        block += 1
