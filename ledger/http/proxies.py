"""The way to a server: straight, or by the HTTP proxy that the home's settings or the environment name.

HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are read as other programs read them. This machine is never asked of a
proxy.
"""

import base64
import ipaddress
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import UsageError
from ledger.http.addresses import Address, parse
from ledger.http.networks import IpAddress
from ledger.http.trouble import Cause

NONE = "none"


class ProxyRefused(OSError):
    """The proxy did not do what it was asked; `advice` is the way out."""

    cause = Cause.PROXY

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the value of Proxy-Authorization, where it asks for one."""

    address: Address
    authorization: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What each request to it carries."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    def refusal(self, status: int, target: str) -> ProxyRefused:
        """What to say where it opens no way to a server."""
        if status == 407:
            known = "does not know" if self.authorization else "asks for"
            return ProxyRefused(
                f"the proxy {self.address.shown} answered 407: it {known} a user and a password",
                "put both into its URL, http://user:password@proxy:port: [http] proxy in node.toml, or HTTPS_PROXY",
            )
        return ProxyRefused(
            f"the proxy {self.address.shown} answered {status}: it opens no way to {target}",
            "ask who runs the proxy to allow it, or exempt the host: [http] no_proxy in node.toml, or NO_PROXY",
        )


def proxy_for(address: Address, chosen: str = "", exempt: Iterable[str] = ()) -> Proxy | None:
    """The proxy for a server, by the setting `chosen`, else by the environment; None where it is dialled straight.

    Raises ProxyRefused where its URL is not of an HTTP proxy.
    """
    found = urllib.request.getproxies_environment()
    url = chosen or found.get(address.scheme) or found.get("all") or NONE
    names = [*exempt, *found.get("no", "").replace(",", " ").split()]
    if url == NONE or address.is_loopback or any(_covers(name, address) for name in names):
        return None
    try:
        proxy = parse(url if "://" in url else f"http://{url}", "a proxy's address")
    except UsageError as error:
        raise ProxyRefused(
            error.message, error.advice or "a proxy is an http URL, such as http://proxy:3128"
        ) from error
    if proxy.secure:
        raise ProxyRefused("a proxy's address is not an http URL", "name its http port, such as http://proxy:3128")
    basic = "Basic " + base64.b64encode(proxy.login.encode()).decode() if proxy.login else ""
    return Proxy(proxy._replace(login=""), basic)


def _covers(name: str, address: Address) -> bool:
    """Whether an entry of NO_PROXY means the server: `*`, a domain with all below it, an address or a network."""
    host, colon, port = name.lower().rpartition(":")
    if colon and port.isdecimal() and (host.endswith("]") or ":" not in host):
        if int(port) != address.port:
            return False
        name = host
    if name == "*":
        return True
    name = name.lower().strip("[]").removeprefix("*").strip(".")
    number = _number(address.host)
    try:
        network = ipaddress.ip_network(name, strict=False)
        return number is not None and number in network
    except ValueError:
        host = address.host.lower()
        return host == name or (bool(name) and host.endswith(f".{name}"))


def _number(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
