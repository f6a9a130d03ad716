"""The file of a round's global model, made block by block, with its root and CID on the way.

The sums that are divided to make it have a root of their own, which no file shows: who knows it has computed them.
"""

from collections.abc import Iterator

from ledger.formats import merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import raw
from ledger.formats.unixfs import TreeBuilder, chunks
from ledger.rounds.admission import Progress
from ledger.rounds.inputs import Inputs


class ModelMaker:
    """Made by reading `pieces` to their end; root, CID and the root of the sums are known after it.

    `progress` hears of bytes read.
    """

    def __init__(self, inputs: Inputs, header: bytes, progress: Progress) -> None:
        self._inputs, self._header, self._progress = inputs, header, progress
        self._tree = TreeBuilder()
        self.leaves: list[bytes] = []
        self._sums: list[bytes] = []

    def pieces(self, threads: int) -> Iterator[Buffer]:
        """The file, in blocks. Raises Saturated where a value does not fit."""
        pending = self._header
        for band, sums in self._inputs.bands(threads):
            self.leaves += merkle.leaf_hashes(band.data)
            self._sums += merkle.leaf_hashes(sums.astype("<i8", copy=False).data)
            block = pending + band.tobytes()
            pending = b""
            for chunk in chunks([block]):
                self._tree.add(raw(chunk), len(chunk))
            self._progress(len(block) * len(self._inputs.updates))
            yield block

    def finish(self) -> tuple[bytes, bytes]:
        """Tensor root and the digest of the CID."""
        return merkle.root(self.leaves), self._tree.finish()[0].digest

    @property
    def sums(self) -> bytes:
        """Root (RFC 6962) over the sums, int64 little-endian in leaves of 1 KiB."""
        return merkle.root(self._sums)
