"""Who may read, and under which names the server is reached: what the options decide."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ledger.errors import UsageError
from ledger.http.hosts import LOOPBACK

if TYPE_CHECKING:
    from web.view import Read


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read, the address by which people reach the server, and its host names; empty for any name."""

    read: "Read"
    origin: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, read: "Read", host: str, origin: str | None) -> "Access":
        """What the options say. Raises UsageError if they do not fit together."""
        origin, own = _checked(origin), host in LOOPBACK
        if read == "local" and not own:
            raise UsageError(
                "an address that is not this machine's own serves others",
                advice="--read members lets members read, once they sign in; --read public lets everyone",
                host=host,
            )
        if read == "members" and not own and not origin:
            raise UsageError(
                "members could not sign in", advice="name the address that they use: --origin https://NAME", host=host
            )
        if origin:
            return cls(read, origin, (str(urlsplit(origin).hostname), *LOOPBACK))
        return cls(read, "", () if read == "public" else LOOPBACK)


def _checked(origin: str | None) -> str:
    """An origin as browsers write it. Raises UsageError."""
    if not origin:
        return ""
    try:
        parts = urlsplit(origin)
        good = parts.scheme in {"http", "https"} and parts.hostname and origin == f"{parts.scheme}://{parts.netloc}"
        good = good and origin == origin.lower() and "@" not in origin and origin.isascii() and parts.port != 0
    except ValueError:
        good = False
    if not good:
        advice = "a scheme and a name in lower case, as in https://audit.example"
        raise UsageError("this is not an origin", advice=advice, actual=origin)
    return origin


def checked_proxies(addresses: Sequence[str]) -> tuple[str, ...]:
    """Addresses and networks of proxies. Raises UsageError."""
    try:
        return tuple(str(ip_network(one, strict=False)) for one in addresses)
    except ValueError as error:
        advice = "an IP address or a network, as in 127.0.0.1 or 172.16.0.0/12"
        raise UsageError("this is not a proxy's address", advice=advice, actual=", ".join(addresses)) from error


def checked_contact(contact: str | None) -> str:
    """Where to report a fault, as security.txt has it; empty for none. Raises UsageError."""
    if contact and not re.fullmatch("(https://|mailto:)[!-~]{1,500}", contact):
        advice = "as in mailto:security@audit.example or https://audit.example/report"
        raise UsageError("this is not a contact", advice=advice, actual=contact)
    return contact or ""
