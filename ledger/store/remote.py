"""Another party's holder, over HTTP: a client of trustless gateways, ours or any other.

Nothing that comes back is believed: a block is checked like every other, an answer has a ceiling and a deadline.
"""

from ledger.errors import Corrupt, Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.formats.text import plural
from ledger.store import Blocks, Buffer, Unreachable
from ledger.store.gateway import CORRUPT_HEADER, RAW_TYPE
from ledger.store.link import LOST, Link, lost
from ledger.store.networks import EVERYWHERE, Reach

_HEADERS = {"Accept": RAW_TYPE, "Cache-Control": "only-if-cached"}
"""A holder is asked for its own copy: a gateway that could look elsewhere answers 412 instead."""


class Remote(Blocks):
    """The holder `name` at `url`. `timeout` is the seconds that a whole block may take, `reach` what may be dialled.

    Keeps one connection open; threads that share a Remote wait for each other. Raises UsageError for what is not
    an address.
    """

    def __init__(self, name: str, url: str, timeout: float = 20.0, *, reach: Reach = EVERYWHERE) -> None:
        self._link = Link(url, reach, timeout)
        self.name, self.url, self.timeout = name, self._link.url, timeout

    def copy(self, cid: Cid) -> Buffer:
        return self.copy_within(cid, self.timeout)

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        seconds = min(seconds, self.timeout)
        target, ceiling = f"/ipfs/{cid}?format=raw", unixfs.largest(cid) + 1
        try:
            answer = self._link.ask("GET", target, seconds=seconds, ceiling=ceiling, headers=_HEADERS)
        except LOST as error:
            raise lost(self.name, self.url, error, seconds, block=cid) from error
        if answer.status == 200:
            return answer.body
        if answer.headers.get(CORRUPT_HEADER):
            raise Corrupt(f"{self.name} says that its copy of block {cid} is damaged", holder=self.name, block=cid)
        raise self._refusal(cid, answer.status, len(answer.body))

    def close(self) -> None:
        """Close the connection, in the middle of an answer too; the next `copy` opens another."""
        self._link.close()

    def _refusal(self, cid: Cid, status: int, length: int) -> Unavailable:
        """Of what the holder answered only status and length are repeated: its words go to screens and pages."""
        kind = Unavailable if status in {404, 410, 412} else Unreachable
        moved = 300 <= status < 400
        return kind(
            f"{self.name} returned no block {cid}: status {status}, with {plural(length, 'byte')}",
            advice="it redirects, and no redirect is followed: use the address that serves blocks" if moved else "",
            holder=self.name,
            block=cid,
            url=self.url,
        )
