"""Which addresses may be dialled for content. A member may announce any URL, and a name may lead anywhere, so the
address that it resolves to is looked at, at each connection, before anything is sent there.
"""

import ipaddress
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.config import LOCAL_CHAIN
from ledger.config import Network as NetworkFile
from ledger.http.addresses import is_loopback
from ledger.http.trouble import Cause

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK = ("127.0.0.0/8", "::1/128")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last four bytes are an IPv4 address."""


class Forbidden(OSError):
    """An address that must not be dialled. `advice` says how to allow it, where it can be."""

    cause = Cause.FORBIDDEN

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be dialled: public addresses, and those in `networks`. Link-local ones never: there, clouds serve a
    machine its own secrets.
    """

    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> "Reach":
        """From networks in CIDR notation, which must be valid."""
        return cls(tuple(ipaddress.ip_network(network) for network in networks))

    def check(self, peer: str) -> None:
        """Raises Forbidden where an address, as a resolver returns it, must not be dialled."""
        address = _meant(ipaddress.ip_address(peer.partition("%")[0]))
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            kind = "link-local" if address.is_link_local else "multicast" if address.is_multicast else "unspecified"
            raise Forbidden(f"{peer} is a {kind} address, which no holder has")
        if address.is_global or any(address in network for network in self.networks):
            return
        raise Forbidden(
            f"{peer} is neither a public address nor in an allowed network",
            f'if a holder is to be there: [holders] allow = ["{address}/{address.max_prefixlen}"] in node.toml, or in '
            "the network file",
        )


EVERYWHERE = Reach.of(("0.0.0.0/0", "::/0"))
"""For addresses that the user, or the network file, named itself."""


def reach_of(network: NetworkFile) -> Reach:
    """What may be dialled where members announced it: public addresses, what network file and home allow, and loopback
    on the local chain.
    """
    return Reach.of((*network.holders.allow, *(_LOOPBACK if network.chain.id == LOCAL_CHAIN else ())))


def dial(host: str, port: int, seconds: float, reach: Reach) -> socket.socket:
    """Connect to the first address of a host that may be dialled and answers, within `seconds` in all: one that stays
    silent leaves the others their share.

    Raises OSError: Forbidden where none of its addresses may be dialled.
    """
    end, refused, failed = time.monotonic() + seconds, None, None
    name = "localhost" if is_loopback(host) and host.endswith(".localhost") else host
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    for left, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        try:
            reach.check(str(address[0]))
            return _connected(socket.socket(family, kind, protocol), address, (end - time.monotonic()) / left)
        except Forbidden as error:
            refused = error
        except OSError as error:
            failed = error
    raise failed or refused or OSError("the name has no address")


def _connected(connection: socket.socket, address: tuple[Any, ...], seconds: float) -> socket.socket:
    try:
        if seconds <= 0:
            raise TimeoutError("no connection in time")
        connection.settimeout(seconds)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _meant(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
