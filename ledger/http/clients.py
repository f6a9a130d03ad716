"""What a server allows those who connect to it: a share of its places, and time for their next step.

A server that stops accepting while it is full can be closed by anybody with connections that say nothing, and one that
waits forever by requests in drips. Here one address has a share of the places, the connection that has waited longest
leaves for the next one, and one that is too slow is hung up on. Gateways (`ledger.store`) and pages (`web.access`) keep
the same rule.
"""

import ipaddress
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

PREFIX = 64
"""Bits of an IPv6 address that count: its owner has all the addresses under them."""
LEAST = 1 << 17
"""Bytes of a request or a response that a client must send or take within the time given. No head is as long."""


class Waiting(Protocol):
    """What is to be known of a connection: its `address`, since when it `waits`, and whether it is `busy` with a
    request, its body or its response.
    """

    @property
    def address(self) -> str: ...
    @property
    def waits(self) -> float: ...
    @property
    def busy(self) -> bool: ...
    def leave(self) -> None:
        """Close it, whatever it is at."""


def make_room(present: Sequence[Waiting], address: str, places: int, share: int) -> bool:
    """Whether one more of this address may come; where there are too many, the one that has waited longest leaves for
    it.
    """
    crowded = crowd(present, address, places, share)
    if not crowded:
        return True
    leaving = longest_waiting(crowded)
    if leaving is not None:
        leaving.leave()
    return leaving is not None


def crowd(present: Sequence[Waiting], address: str, places: int, share: int) -> list[Waiting]:
    """The connections of which one must leave before one of this address comes: those of the same address where that
    has its share, else those of the address that has most; none where there is place.
    """
    tally, owner = Counter(owner_of(one.address) for one in present), owner_of(address)
    if tally[owner] < share:
        if len(present) < places:
            return []
        owner = tally.most_common(1)[0][0]
    return [one for one in present if owner_of(one.address) == owner]


def longest_waiting(present: Sequence[Waiting]) -> Waiting | None:
    """The one that waits longest for a request; None where all are busy."""
    return min((one for one in present if not one.busy), key=lambda one: one.waits, default=None)


@lru_cache(4096)
def owner_of(address: str) -> str:
    """Whose address it is: itself, or the network of 64 bits of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), PREFIX), strict=False))
        return str(found.ipv4_mapped)
    return str(found)


class Awaited(Protocol):
    """What is to be known of a connection's pace: the step that is `awaited` of its client, None where it is the
    server's turn or the connection may rest, and the bytes that it has `moved` in either direction.
    """

    @property
    def awaited(self) -> object: ...
    @property
    def moved(self) -> int: ...
    def leave(self) -> None:
        """Close it, whatever it is at."""


@dataclass(slots=True)
class _Spell:
    """Since when the same step has been awaited, and how much had moved by then."""

    since: float
    step: object
    moved: int


class Patience:
    """Looks at a server's connections from its loop's thread; `seconds` is what each may take for its next step."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spells: dict[Any, _Spell] = {}

    def look(self, connections: Iterable[Awaited]) -> None:
        """Close the connections that did not begin a request, send enough of one, or take enough of its response, in
        time.
        """
        now, spells = time.monotonic(), {}
        for one in list(connections):
            step = one.awaited
            if step is None:
                continue
            spell = self._spells.get(one)
            if spell is None or spell.step != step or one.moved >= spell.moved + LEAST:
                spell = _Spell(now, step, one.moved)
            elif now > spell.since + self._seconds:
                one.leave()
            spells[one] = spell
        self._spells = spells
