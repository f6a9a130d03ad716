"""Job documents, and the content that the gateway of the pages may give out."""

import time
from collections.abc import Sequence
from types import MappingProxyType

from ledger.cid import RAW, Cid
from ledger.config import Network
from ledger.connection import remotes
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable
from ledger.job import MAX_SIZE, parse
from ledger.modelfile import ModelFile
from ledger.store import Blocks, Buffer, Pieces, Store
from ledger.store.holders import Holders
from ledger.web.board import Board

RETRY = 30.0
Gateways = tuple[tuple[str, str], ...]


class Library(Blocks):
    """All holders as one: own store first, where there is one, then the members' gateways. Every block is checked.

    With `public` it gives out the jobs' documents alone: what members train is for members until they release it.
    """

    name = "the consortium's holders"

    def __init__(self, board: Board, network: Network, store: Store | None = None, *, public: bool = False) -> None:
        self._board, self._network, self._store, self._public = board, network, store, public
        self._gateways: Gateways = ()
        self._holders = Holders(store)
        self._tried: dict[bytes, float] = {}
        self._right: set[tuple[str, Cid]] = set()

    def copy(self, cid: Cid) -> Buffer:
        """A block from whoever has a good copy. Raises Withheld, and what the holders say where nobody gives it."""
        self.check(cid)
        return self._everyone().get(cid)

    def check(self, cid: Cid) -> None:
        """Raises Withheld for what is not for the public."""
        if self._public and (cid.codec != RAW or cid.digest not in self._board.state.documents):
            raise Withheld(
                "only job documents are given to the public here",
                advice="members read updates and models from each other's gateways",
                cid=cid,
            )

    def fetch(self, cid: Cid, start: int = 0, stop: int | None = None) -> Pieces:
        """Bytes of a file from whoever has them: for who decides by itself what may be given out."""
        return self._everyone().read(cid, start, stop)

    def require_right(self, file: ModelFile) -> None:
        """Hold a released model against its root: read whole, once. Raises Refuted, and Unavailable or Corrupt."""
        known = (file.tag, file.model.cid)
        if known in self._right:
            return
        try:
            file.verify(self.fetch)
        except Malformed as error:
            raise Refuted(error.message, advice="fedledger audit finds who made it", **error.facts) from error
        self._right.add(known)

    def catch_up(self) -> None:
        """Read the documents that are still missing; one that cannot be had is tried again after a while."""
        state = self._board.state
        if state.snapshot is None:
            return
        for job in state.snapshot.jobs.values():
            due = self._tried.get(job.digest, 0.0) <= time.monotonic()
            if job.digest not in self._board.state.documents and due:
                self._tried[job.digest] = time.monotonic() + RETRY
                self._read(job.digest)

    def _read(self, digest: bytes) -> None:
        try:
            pieces = self._everyone().read(Cid(RAW, digest), 0, MAX_SIZE + 1)
            document = parse(b"".join(bytes(piece) for piece in pieces))
        except FedledgerError:
            return
        known = self._board.state.documents
        self._board.post(documents=MappingProxyType({**known, digest: document}))

    def _everyone(self) -> Holders:
        """The holders that the ledger and the network file name now."""
        named = self._named()
        if named != self._gateways:
            self._gateways, self._holders = named, Holders(self._store, remotes(named))
        return self._holders

    def _named(self) -> Gateways:
        snapshot = self._board.state.snapshot
        members: Sequence[tuple[str, str]] = ()
        if snapshot is not None:
            members = [(self._network.party_name(m.index), m.gateway) for m in snapshot.members.values() if m.gateway]
        return (*members, *((gateway.name, gateway.url) for gateway in self._network.gateways))


class Withheld(Unavailable):
    """There may be such content, but it is not given out here."""
