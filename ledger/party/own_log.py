"""The own chain node's log, held against the receipts of its blocks before a member signs for it: a node can leave out,
invent or change no event under a block's hash. How far it was proved is kept in a file, a cache.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.audit.report import Endpoint
from ledger.formats.head import FoundingRecord
from ledger.party.witnesses import HistoryPoint

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.proofs.header_chain import BlockAt
    from ledger.index import Follower

FEW = 10_000
"""Blocks that are proved at a time, some seconds: a home that starts further behind proves the latest ones."""


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to which block a ledger's log was proved."""

    ledger: str
    number: int
    hash: str


class OwnLog:
    """Asked in threads, one question after another."""

    def __init__(self, client: "Client", follower: "Follower", record: FoundingRecord, cache: Path) -> None:
        self.url = client.rpc.url
        self._client, self._follower, self._cache = client, follower, cache
        self._ledger, self._founding = record.leaf.hex(), record

    def says(self, point: HistoryPoint) -> Endpoint:
        """Whether its log up to a point is that of its blocks: `same` is None where that could not be checked.

        Raises Unavailable where the node does not answer at all.
        """
        from ledger.chain.proofs.header_chain import BlockAt
        from ledger.chain.proofs.log_proof import Held, LogProof, Refused, Unknown

        last = BlockAt(point.number, point.hash)
        before = self._before(point)
        if before.number >= last.number:
            return Endpoint(url=self.url, same=True)
        records = self._follower.events_after(before.number)
        match LogProof(self._client).hold(before, last, records):
            case Held():
                self._keep(point)
                return Endpoint(url=self.url, same=True)
            case Refused(why):
                return Endpoint(url=self.url, same=False, trouble=why)
            case Unknown(why):
                return Endpoint(url=self.url, same=None, trouble=why)

    def _before(self, point: HistoryPoint) -> "BlockAt":
        """The block after which the proof begins: where the last one ended, if that is still on the chain."""
        from ledger.chain.proofs.header_chain import BlockAt

        start = BlockAt(max(self._founding.block - 1, point.number - FEW), b"")
        mark = self._mark()
        if mark is None or not start.number < mark.number or mark.number > point.number:
            return start
        found = bytes.fromhex(mark.hash)
        return BlockAt(mark.number, found) if self._client.block_hash(mark.number) == found else start

    def _mark(self) -> _Mark | None:
        try:
            mark = msgspec.json.decode(self._cache.read_bytes(), type=_Mark)
            return mark if mark.ledger == self._ledger and bytes.fromhex(mark.hash) else None
        except (OSError, ValueError):
            return None

    def _keep(self, point: HistoryPoint) -> None:
        draft = self._cache.with_suffix(".part")
        try:
            draft.write_bytes(msgspec.json.encode(_Mark(self._ledger, point.number, point.hash.hex())))
            draft.replace(self._cache)
        except OSError:
            return  # a cache: the next proof begins further back
