"""A server's address, taken apart: understood as other chain and IPFS tools write it, or refused by name."""

import ipaddress
import re
import socket
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from ledger.errors import UsageError

LONGEST = 2048
_KEY = re.compile("[A-Za-z0-9_-]{20,}")
"""A segment of a path that may be a provider's key."""
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
"""A gateway's own path: plain segments, with nothing to decode and no way up."""


class Address(NamedTuple):
    """Where a server is: `host` without brackets, `path` without a slash at its end; `login` is user:password."""

    secure: bool
    host: str
    port: int
    path: str = ""
    query: str = ""
    login: str = ""

    @property
    def place(self) -> str:
        """Host and port, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def tunnel(self) -> str:
        """Host and port, as a proxy is asked for them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for screens and journals: without login and query, and with what may be a key cut short."""
        segments = (f"{part[:4]}…" if _KEY.fullmatch(part) else part for part in self.path.split("/"))
        return f"{self.scheme}://{self.place}{'/'.join(segments)}{'?…' if self.query else ''}"

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, by its name or number."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: a loopback address, or a name that must mean one (RFC 6761)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def parse(url: str, what: str = "an address") -> Address:
    """An http or https URL, taken apart. Raises UsageError, which says how to write what other tools take."""
    parts = _parts(url, what)
    host, port = (parts.hostname or "").rstrip("."), parts.port
    _check_host(host, what, url)
    secure = parts.scheme == "https"
    login = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    default = 443 if secure else 80
    return Address(secure, host, default if port is None else port, parts.path.rstrip("/"), parts.query, login)


def gateway(url: str, what: str = "a holder's address") -> Address:
    """A gateway's address: a member may announce any, so its path is plain segments, and its login and query are never
    sent. Raises UsageError.
    """
    address = parse(url, what)
    if not _PATH.fullmatch(address.path):
        raise UsageError(f"{what} has a path of plain segments, such as /ipfs-gateway", url=address.shown)
    return address._replace(login="", query="")


def _parts(url: str, what: str) -> SplitResult:
    if len(url) > LONGEST or not re.fullmatch("[!-~]+", url):
        raise UsageError(
            f"{what} is an http or https URL in printable ASCII",
            advice="write a host's name in its ASCII form (xn--…)",
            url=url[:80],
        )
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise UsageError(f"{what} is not a URL: {error}", url=url[:80]) from error
    if not good:
        raise UsageError(f"{what} is not an http or https URL", advice=_instead(url, parts), url=_quoted(url))
    return parts


def _instead(url: str, parts: SplitResult) -> str:
    """What to write where another tool's spelling was written."""
    if parts.scheme in {"ws", "wss"}:
        return "name the node's HTTP port; nodes have it beside the one for websockets, often 8545"
    if url.startswith("/") and not url.startswith("//"):
        return "write it as a URL, such as http://127.0.0.1:8080; a socket's file or a multiaddr is not taken here"
    if url.endswith(".ipc") or parts.scheme in {"file", "unix"}:
        return "name the node's HTTP address; its socket's file is not taken"
    if re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?(/.*)?", url) and "://" not in url:
        return f"write http://{url} or https://{url}"
    return ""


def _check_host(host: str, what: str, url: str) -> None:
    """Refuse numbers that resolvers read as addresses in a way that people do not."""
    if ":" in host:
        if "%" in host:
            raise UsageError(f"{what} names a zone of this machine, which others do not have", url=_quoted(url))
        return
    last = host.rpartition(".")[2]
    if not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        return
    try:
        ipaddress.IPv4Address(host)
    except ValueError as error:
        try:
            meant = socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            meant = ""
        raise UsageError(
            f"{what} has a host that looks like a number",
            advice=f"write {meant}" if meant else "write an IPv4 address as four decimal numbers: 127.0.0.1",
            url=_quoted(url),
        ) from error


def _quoted(url: str) -> str:
    """A URL that could not be taken apart, without what stands before an @."""
    scheme, mark, rest = url[:200].rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
