"""Which addresses may be dialled for content. A member may announce any URL, and a name may lead anywhere, so the
address that it resolves to is looked at, at each connection, before anything is sent there.
"""

import functools
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
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")))
"""NAT64 (RFC 6052), IPv4-translated (RFC 2765), IPv4-compatible: the last four bytes are an IPv4 address."""
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Where clouds serve a machine its own secrets, besides link-local addresses: Alibaba, Azure, Oracle, AWS, Google."""
_CLOSED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            *("::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "3fff::/20"),
        ),
    )
)
"""All that is not public: IANA's special-purpose registries, and IPv6 but 2000::/3. Not the interpreter's own table,
which differs from one version to the next.
"""
_INSIDE = ("internal", "local", "localhost", "lan", "home.arpa", "intranet", "private", "corp", "home")
"""Domains of names that only an own network knows (RFC 6762, RFC 8375, ICANN's .internal)."""
_METADATA_LABELS = ("metadata", "instance-data")


class Forbidden(OSError):
    """An address that must not be dialled. `advice` says how to allow it, where it can be."""

    cause = Cause.FORBIDDEN

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be dialled: public addresses, and those in `networks`. Link-local ones and those of clouds' metadata
    never: there, clouds serve a machine its own secrets.
    """

    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str]) -> "Reach":
        """From networks in CIDR notation, which must be valid."""
        return cls(_parsed(tuple(networks)))

    @property
    def is_open(self) -> bool:
        """Whether every network is allowed."""
        return set(EVERYWHERE.networks) <= set(self.networks)

    def check_name(self, host: str) -> None:
        """Raises Forbidden where a name that does not resolve here must not be left to a proxy: one of a network's own,
        while not every network is allowed.
        """
        if not self.is_open and _is_inside(host):
            raise Forbidden(
                f"{host} does not resolve here, and is a name of an own network",
                "if a holder is to be there: name the host in [http] no_proxy of node.toml, and allow its network",
            )

    def check(self, peer: str) -> None:
        """Raises Forbidden where an address, as a resolver returns it, must not be dialled."""
        address = _meant(ipaddress.ip_address(peer.partition("%")[0]))
        if kind := _never(address):
            raise Forbidden(f"{peer} is {kind} address, which no holder has")
        if not _is_in(address, _CLOSED) or _is_in(address, self.networks):
            return
        raise Forbidden(
            f"{peer} is neither a public address nor in an allowed network",
            f'if a holder is to be there: [holders] allow = ["{address}/{address.max_prefixlen}"] in node.toml, or in '
            "the network file",
        )


@functools.cache
def _parsed(networks: tuple[str, ...]) -> tuple[IpNetwork, ...]:
    """The same few texts come with every look at the ledger, and parsing them is slow."""
    return tuple(map(ipaddress.ip_network, networks))


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
    if _is_in(address, _TRANSLATED) and not (address.is_loopback or address.is_unspecified):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _never(address: IpAddress) -> str:
    """The kind of an address that is dialled for nobody; empty for any other."""
    if address.is_link_local:
        return "a link-local"
    if address.is_multicast:
        return "a multicast"
    if address.is_unspecified:
        return "an unspecified"
    return "a cloud's metadata" if address in _METADATA else ""


def _is_in(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    return any(address in network for network in networks)


def _is_inside(host: str) -> bool:
    """Whether a name is, by its form, one of an own network, or of a cloud's metadata."""
    name = host.lower().rstrip(".")
    if "." not in name or name.partition(".")[0] in _METADATA_LABELS:
        return True
    return any(name.endswith(f".{domain}") for domain in _INSIDE)
