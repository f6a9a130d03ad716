"""The own chain node's log, held against the receipts of its blocks before a member signs for it: a node can leave out,
invent or change no event under a block's hash. How far it was proved is kept in a file, a cache.

Where the network file pins the chain's validators, they must have sealed the block: a node cannot make up any.
"""

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.audit.report import Endpoint
from ledger.formats.head import FoundingRecord
from ledger.index.file import Tip
from ledger.party.nodes.witnesses import HistoryPoint

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.proofs.header_chain import BlockAt
    from ledger.chain.proofs.log_proof import Held, Refused, Unknown
    from ledger.chain.seals.follow import SealedChain
    from ledger.events.records import AnyEvent
    from ledger.history.fold import History
    from ledger.index import Follower

MARK = 512
"""Bytes of the file that keeps a mark, spaces at its end included."""
AT_A_TIME = 10_000
"""Blocks that are proved at a time, some seconds: a home that is further behind proves on at the next question."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds after which a log that was false is read again once more; doubled each time, up to the last."""


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to which block a ledger's log was proved, from the founding on; and what was: the events, and their head."""

    ledger: str
    number: int
    hash: str
    events: int
    head: str


class OwnLog:
    """Asked in threads, one question after another."""

    def __init__(
        self,
        client: "Client",
        follower: "Follower",
        record: FoundingRecord,
        cache: Path,
        seals: "SealedChain | None" = None,
    ) -> None:
        self.url = client.rpc.url
        self._client, self._follower, self._cache = client, follower, cache
        self._ledger, self._founding, self._seals = record.leaf.hex(), record, seals
        self._again, self._pause = -math.inf, FIRST_PAUSE

    def says(self, point: HistoryPoint) -> Endpoint:
        """Whether its log up to a point is that of its blocks: `same` is None where that could not be checked, or not
        for all of them yet; but False where seals are pinned and could not be checked.

        Raises Unavailable where the node does not answer at all.
        """
        from ledger.chain.proofs.header_chain import BlockAt

        if self._seals is not None and (trouble := _unsealed(self._seals, BlockAt(point.number, point.hash))):
            return Endpoint(url=self.url, same=False, trouble=trouble)
        history = self._follower.history
        for before in self._starts(history, point):
            first = min(before.number, point.number)
            records = self._follower.events_after(first)
            start, end = self._shown(before, point)
            if start != before.hash:
                continue  # it is not on the chain any more
            if end != point.hash:
                return Endpoint(url=self.url, same=None, trouble="the chain was reorganised while it was read")
            if history.head_with(first, _up_to(point.number, records)) != point.head:
                return Endpoint(url=self.url, same=False, trouble=f"it showed two logs up to block {point.number}")
            if before.number < point.number:
                return self._answer(self._tended(self._prove(history, before, point, records), before))
            after = BlockAt(point.number, point.hash)
            return self._answer(
                self._hold(after, before, records)
            )  # the point is proved if it leads to what was proved
        raise AssertionError("unreachable: the founding needs no hash")

    def _prove(
        self, history: "History", before: "BlockAt", point: HistoryPoint, records: "list[AnyEvent]"
    ) -> "Held | Refused | Unknown":
        """Prove on from a block, and while that does not reach the point, also the latest blocks before the point."""
        from ledger.chain.proofs.header_chain import BlockAt
        from ledger.chain.proofs.log_proof import Held, Refused, Unknown

        last = end = BlockAt(point.number, point.hash)
        if before.number + AT_A_TIME < last.number:
            end = BlockAt(before.number + AT_A_TIME, self._client.block_hash(before.number + AT_A_TIME) or b"")
        found = self._hold(before, end, records)
        if isinstance(found, Held):
            proved = _up_to(end.number, records)
            self._keep(end, history.events_at(before.number) + len(proved), history.head_with(before.number, proved))
        if isinstance(found, Refused) or end == last:
            return found
        latest = self._hold(BlockAt(max(end.number, last.number - AT_A_TIME), b""), last, records)
        if isinstance(latest, Refused):
            return latest
        return found if isinstance(found, Unknown) else Unknown(f"proved to block {end.number} of {last.number}")

    def _tended(self, found: "Held | Refused | Unknown", proved: "BlockAt") -> "Held | Refused | Unknown":
        """Where the log is false, have the index read it again from the block up to which it was proved: the node may
        have left out a log once. What is read then is proved as ever; a node that lies on is asked ever less often.
        """
        from ledger.chain.proofs.log_proof import Held, Refused

        now = time.monotonic()
        if isinstance(found, Held):
            self._pause = FIRST_PAUSE
        elif isinstance(found, Refused) and now >= self._again:
            self._again, self._pause = now + self._pause, min(2 * self._pause, LONGEST_PAUSE)
            self._follower.read_again(Tip(*proved) if proved.hash else None)
        return found

    def _hold(self, before: "BlockAt", last: "BlockAt", records: "list[AnyEvent]") -> "Held | Refused | Unknown":
        from ledger.chain.proofs.log_proof import LogProof

        return LogProof(self._client).hold(before, last, records)

    def _answer(self, found: "Held | Refused | Unknown") -> Endpoint:
        from ledger.chain.proofs.log_proof import Held, Refused

        if isinstance(found, Held):
            return Endpoint(url=self.url, same=True)
        if isinstance(found, Refused):
            return Endpoint(url=self.url, same=False, trouble=f"its log is not that of its blocks: {found.why}")
        return Endpoint(url=self.url, same=None, trouble=found.why)

    def _starts(self, history: "History", point: HistoryPoint) -> "list[BlockAt]":
        """The blocks after which the proof may begin: where the last one ended, if the history up to it is what was
        proved; the founding.
        """
        from ledger.chain.proofs.header_chain import BlockAt

        mark, founding = self._mark(), BlockAt(self._founding.block - 1, b"")
        if mark is None or not founding.number < mark.number <= point.number + AT_A_TIME:
            return [founding]
        if (mark.events, mark.head) != (history.events_at(mark.number), history.head_at(mark.number).hex()):
            return [founding]
        return [BlockAt(mark.number, bytes.fromhex(mark.hash)), founding]

    def _shown(self, before: "BlockAt", point: HistoryPoint) -> tuple[bytes, bytes]:
        """The hashes that the node shows of both blocks now, by one request; empty where it shows none, or none is to
        be held against it.
        """
        wanted = [before.number, point.number] if before.hash else [point.number]
        hashes = [b"" if one is None else one.hash for one in self._client.blocks(wanted)]
        return (hashes[0] if before.hash else b""), hashes[-1]

    def _mark(self) -> _Mark | None:
        try:
            mark = msgspec.json.decode(self._cache.read_bytes(), type=_Mark)
            return mark if mark.ledger == self._ledger and bytes.fromhex(mark.hash) else None
        except (OSError, ValueError):
            return None

    def _keep(self, block: "BlockAt", events: int, head: bytes) -> None:
        """Write it in place, always as long: to put a file in its place may wait for the disk. What is torn is no mark,
        or one of which a part is not the chain's or the history's (`_starts`).
        """
        mark = _Mark(self._ledger, block.number, block.hash.hex(), events, head.hex())
        try:
            handle = os.open(self._cache, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.pwrite(handle, msgspec.json.encode(mark).ljust(MARK), 0)
                if os.fstat(handle).st_size > MARK:
                    os.ftruncate(handle, MARK)
            finally:
                os.close(handle)
        except OSError:
            return  # a cache: the next proof begins further back


def _unsealed(seals: "SealedChain", last: "BlockAt") -> str:
    """Why a block is not known to be sealed by the chain's validators; empty where it is. Never raises: a node that
    hangs up instead of showing a header is not believed either.
    """
    from ledger.chain.proofs.log_proof import Refused
    from ledger.chain.seals.follow import Sealed

    found = seals.check(last)
    if not isinstance(found, Sealed):
        how = "are not sealed by the chain's validators" if isinstance(found, Refused) else "show no seals"
        return f"its blocks {how}: {found.why}"
    return "" if found.block == last.number else f"seals were checked up to block {found.block} of {last.number} so far"


def _up_to(block: int, records: "list[AnyEvent]") -> list[bytes]:
    """The leaves of the records up to a block."""
    return [one.leaf for one in records if one.block <= block]
