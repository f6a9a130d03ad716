"""Places on a gateway: how many connections there are at a time, and who has to leave where there are too many.

A server that stops accepting while it is full can be closed by anybody with connections that say nothing. Here one
address has a share of the places, and the connection that has waited longest leaves for the next one.
"""

import ipaddress
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from ledger.store.slow_clients import Channel

PLACES = 240
"""Connections at a time."""
SHARE = 40
"""Connections of one address, at most: more than a gateway has threads, and a sixth of the places."""
PREFIX = 64
"""Bits of an IPv6 address that count: its owner has all the addresses under them."""


class Waiting(Protocol):
    """What is to be known of a connection: its `address`, since when it `waits`, whether it is `busy` with a
    request, its body or its response, and how to close it.
    """

    @property
    def address(self) -> str: ...
    @property
    def waits(self) -> float: ...
    @property
    def busy(self) -> bool: ...
    def handle_close(self) -> None: ...


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


class Places:
    """Admits a server's connections; all in its loop's thread."""

    def __init__(self, server: Any, places: int = PLACES, share: int = SHARE) -> None:
        self._places, self._share = places, share
        server.channel_class = self._admit

    def _admit(self, server: Any, accepted: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:
        """One that comes where all of the crowd are busy is hung up on."""
        present: list[Channel] = list(server.active_channels.values())
        if crowded := crowd(present, str(addr[0]), self._places, self._share):
            leaving = longest_waiting(crowded)
            if leaving is None:
                accepted.close()
                return
            leaving.handle_close()
        Channel(server, accepted, addr, adj, map=map)
