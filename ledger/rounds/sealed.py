"""Sealed updates of a round: judged and added up by its readers as open ones are (docs/spec/seals.md).

What a reader does not have the key of it cannot look at: that is Unavailable, and never a verdict.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ledger.errors import Unavailable
from ledger.formats.artifact import Buffer, Layout
from ledger.formats.cid import CHUNK, Cid
from ledger.formats.compressed.packing import Packing
from ledger.formats.header import Binding
from ledger.formats.sealed import HEAD, chunk_at, sealed_size
from ledger.jobs.document import Admission
from ledger.rounds.admission import UpdateReading
from ledger.rounds.inputs import Fetch
from ledger.seals.chunks import opened
from ledger.seals.keys import ContentKey, UpdateName, commitment_in
from ledger.seals.leaves import SaltedTree


class Erased(NamedTuple):
    """An update whose party said that it deleted the key."""

    name: UpdateName


class Closed(Unavailable):
    """A sealed update that its reader cannot open. It says nothing of anybody: `erased` says whether its party erased
    it.
    """

    def __init__(self, message: str, *, erased: bool, advice: str = "", **facts: object) -> None:
        super().__init__(message, advice=advice, **facts)
        self.erased = erased


Keys = Mapping[bytes, ContentKey | UpdateName | Erased]
"""By the digest in a sealed file's CID: its key, or whose it is where the reader has none."""


def key_of(keys: Keys, cid: bytes, name: UpdateName) -> ContentKey | UpdateName | Erased | None:
    """What a reader has of the file under this CID as the update `name`: two parties can bring the same file, of which
    one at most is named in it. None where it is not sealed.
    """
    key = keys.get(cid)
    if key is None:
        return None
    return key if (key if isinstance(key, UpdateName) else key.name) == name else name


class SealedReading(UpdateReading):
    """As `UpdateReading`, of a sealed update whose key is at hand: `pieces` are the artifact's, its root is salted."""

    def __init__(
        self,
        key: ContentKey,
        layout: Layout,
        binding: Binding,
        root: bytes,
        limits: Admission,
        pieces: Callable[[int], Iterator[Buffer]],
        blocks: int = 1,
        packing: Packing | None = None,
    ) -> None:
        super().__init__(layout, binding, root, limits, pieces, blocks, packing)
        self._tree = SaltedTree(key)

    def _grow(self, data: Buffer) -> None:
        self._stack.add(self._tree.hashes(data))


def unsealed(fetch: Fetch, keys: Keys, size: int) -> Fetch:
    """Reads artifacts of `size` bytes out of the sealed files that `keys` names, other files as they are.

    Raises as `fetch`, Malformed as `opened`, and Unavailable for a file without a key.
    """

    def read(cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        key = keys.get(cid.digest)
        if key is None:
            return fetch(cid, start, stop)
        return _read(fetch, cid, key, size, start, size if stop is None else stop)

    return read


def _read(
    fetch: Fetch, cid: Cid, key: ContentKey | UpdateName | Erased, size: int, start: int, stop: int
) -> Iterator[memoryview]:
    """As `Fetch`. A stop beyond the artifact's end means that what is beyond it is wanted, too: it is looked for."""
    if not isinstance(key, ContentKey):
        raise _closed(fetch, cid, key)
    chunk, at = chunk_at(min(start, size - 1))
    last, _ = chunk_at(min(stop, size) - 1)
    end = sealed_size(size) + 1 if stop > size else min((last + 1) * CHUNK, sealed_size(size))
    for plain in opened(fetch(cid, chunk * CHUNK, end), key, size, chunk):
        if stop <= at:
            return
        piece = plain[max(start - at, 0) : stop - at]
        at += len(plain)
        if len(piece):
            yield piece
        if at >= min(stop, size) and stop <= size:
            return


def _closed(fetch: Fetch, cid: Cid, key: UpdateName | Erased) -> Closed:
    """Why a file cannot be opened. Raises Malformed where its head is another update's, which shows without a key."""
    name = key.name if isinstance(key, Erased) else key
    commitment_in(b"".join(bytes(piece) for piece in fetch(cid, 0, HEAD)), name)
    if isinstance(key, Erased):
        return Closed("its party erased this sealed update", erased=True, party=name.party, cid=cid)
    advice = "ask a member for a slip (fedledger seal grant), or name your read key (--read-key)"
    problem = "there is no slip that opens this sealed update"
    return Closed(problem, erased=False, advice=advice, party=name.party, cid=cid)
