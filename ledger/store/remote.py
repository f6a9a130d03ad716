"""Another party's holder, over HTTP: a client of trustless gateways, ours or any other.

Nothing that comes back is believed: a block is checked like every other, an answer has a ceiling and a deadline. What
is not served as a block says nothing of the holder's copy: somebody in between may have answered.
"""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.formats.text import plural
from ledger.http import addresses
from ledger.http.addresses import Address
from ledger.http.answers import Answer
from ledger.http.networks import EVERYWHERE, Reach
from ledger.http.outgoing import OPEN, Outgoing
from ledger.http.road import Road
from ledger.http.trouble import FOLLOWED, Cause, Trouble, between, refused
from ledger.store import Blocks, Buffer, Unreachable, several
from ledger.store.gateway import CAR_TYPE, CORRUPT_HEADER, RAW_TYPE

_HEADERS = {"Accept": RAW_TYPE, "Cache-Control": "only-if-cached"}
"""A holder is asked for its own copy: a gateway that could look elsewhere answers 412 instead."""
_LACKING = frozenset({404, 410, 412})


class Remote(Blocks):
    """The holder `name` at `url`. `timeout` is the seconds that a whole block may take, `reach` what may be dialled.

    Raises UsageError for what is not an address.
    """

    def __init__(
        self, name: str, url: str, timeout: float = 20.0, *, reach: Reach = EVERYWHERE, outgoing: Outgoing = OPEN
    ) -> None:
        address = addresses.gateway(url)
        self._reach, self._outgoing = reach, outgoing
        self._road = Road(name, address, outgoing, reach)
        self.name, self.url, self.timeout = name, address.shown, timeout

    def copy(self, cid: Cid) -> Buffer:
        return self.copy_within(cid, self.timeout)

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        end = time.monotonic() + min(seconds, self.timeout)
        answer = self._ask(self._road, f"/ipfs/{cid}?format=raw", cid, end)
        if answer.status in FOLLOWED and (there := _elsewhere(self._road.address, answer, cid)) is not None:
            answer = self._ask_once(there, cid, end)
        if answer.status == 200:
            return self._block(answer, cid)
        if answer.headers.get(CORRUPT_HEADER.lower()):
            raise Corrupt(f"{self.name} says that its copy of block {cid} is damaged", holder=self.name, block=cid)
        raise self._refusal(cid, answer)

    def several(self, cids: Sequence[Cid], seconds: float, silence: float) -> dict[Cid, bytes]:
        """Those of some blocks that are there and good, by one request that takes no longer than `seconds`, with the
        gateway silent for `silence` at most; none of one that has no such requests. Raises Unreachable, and Malformed
        for what is no archive.
        """
        body, headers = several.encode(cids), {"Content-Type": "text/plain"}
        try:
            answer = self._road.ask(
                "POST",
                several.PATH,
                silence=silence,
                whole=seconds,
                ceiling=several.CEILING,
                headers=headers,
                body=body,
            )
        except Trouble as error:
            raise unreachable(error, holder=self.name) from error
        good = answer.status == 200 and answer.type == CAR_TYPE
        return several.read(answer.body, cids) if good else {}

    def close(self) -> None:
        """Close the connections, in the middle of an answer too; the next `copy` opens another."""
        self._road.close()

    def _ask(self, road: Road, target: str, cid: Cid, end: float) -> Answer:
        seconds = max(end - time.monotonic(), 0.001)
        ceiling = unixfs.largest(cid) + 1
        try:
            return road.ask("GET", target, silence=seconds, whole=seconds, ceiling=ceiling, headers=_HEADERS)
        except Trouble as error:
            raise unreachable(error, holder=self.name, block=cid) from error

    def _ask_once(self, there: Address, cid: Cid, end: float) -> Answer:
        """Follow a redirect: to an address that may be dialled, and that names the block."""
        base = there.path.removesuffix(f"/ipfs/{cid}")  # by which the way out knows whose credentials these are
        road = Road(self.name, there._replace(path=base), self._outgoing, self._reach)
        try:
            return self._ask(road, f"{there.path.removeprefix(base) or '/'}?format=raw", cid, end)
        finally:
            road.close()

    def _block(self, answer: Answer, cid: Cid) -> Buffer:
        """The body of a success. What was not served as a block is taken only if it is the very block."""
        if answer.type != RAW_TYPE and sha256(answer.body) != cid.digest:
            raise unreachable(
                between(self.name, answer, f"block {cid}"), holder=self.name, block=cid, url=self._road.address.shown
            )
        return answer.body

    def _refusal(self, cid: Cid, answer: Answer) -> Unavailable:
        """Of what the holder answered only status and length are repeated: its words go to screens and pages."""
        facts: dict[str, Any] = {"holder": self.name, "block": cid, "url": self._road.address.shown}
        if answer.status not in _LACKING:
            error = refused(self.name, answer)
            return unreachable(error, f": no block {cid}", **facts)
        length = plural(len(answer.body), "byte")
        return Unavailable(f"{self.name} returned no block {cid}: status {answer.status}, with {length}", **facts)


def _elsewhere(here: Address, answer: Answer, cid: Cid) -> Address | None:
    """Where a gateway redirects to for a block, such as `CID.ipfs.HOST` (a subdomain gateway); None for any place that
    is not for this very block, or to which https would be left.
    """
    try:
        url = urljoin(f"{here.scheme}://{here.place}{here.path}/", answer.headers["location"])
        there = addresses.gateway(url)
    except (KeyError, ValueError, UsageError):
        return None
    named = there.host.startswith(f"{cid}.ipfs.") and not there.path
    return there if (named or there.path.endswith(f"/ipfs/{cid}")) and there.secure >= here.secure else None


def unreachable(error: Trouble, more: str = "", **facts: object) -> Unreachable:
    """A holder's trouble. One whose address lies here rests for as long as it asks."""
    rest = {} if error.rest is None else {"pause_seconds": error.rest}
    return Unreachable(error.message + more, advice=_advice(error), **{**error.facts, **facts, **rest})


def _advice(error: Trouble) -> str:
    if error.cause is Cause.MOVED:
        return "it redirects to a place that is not for this block: use the address that serves blocks"
    return error.advice or "see that the holder runs and that its address is right"
