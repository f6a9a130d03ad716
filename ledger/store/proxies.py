"""The way to another party's server: straight, or by the HTTP proxy that this machine's environment names.

HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read as other programs read them. Loopback is never asked of a proxy.
"""

import base64
import ipaddress
import socket
import urllib.request
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ledger.store.networks import EVERYWHERE, Forbidden, Reach, dial

LONGEST_ANSWER = 1 << 14
"""Bytes of a proxy's answer to CONNECT, at most."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the value of Proxy-Authorization, where it wants one."""

    host: str
    port: int
    authorization: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What each request to it carries."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def proxy_for(secure: bool, host: str) -> Proxy | None:
    """The proxy that the environment names for a host; None where it is dialled straight.

    Raises OSError where the environment's URL is not of an HTTP proxy.
    """
    found = urllib.request.getproxies_environment()
    url = found.get("https" if secure else "http") or found.get("all")
    if not url or _local(host) or urllib.request.proxy_bypass(host):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        name, port = parts.hostname, parts.port or 80
    except ValueError as error:
        raise OSError(f"the environment's proxy is not a URL: {error}") from error
    if parts.scheme != "http" or not name:
        raise OSError("the environment's proxy is not an http URL")
    if parts.username is None:
        return Proxy(name, port)
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return Proxy(name, port, "Basic " + base64.b64encode(user).decode())


def connect(proxy: Proxy | None, host: str, port: int, seconds: float, reach: Reach, *, tunnel: bool) -> socket.socket:
    """A connection to a host, by a proxy where one is given; through it, with `tunnel`, else to the proxy itself.

    Raises OSError: Forbidden where the host must not be dialled. A name that does not resolve here is left to the
    proxy, which the user's own network chose.
    """
    if proxy is None:
        return dial(host, port, seconds, reach)
    _check(host, port, reach)
    connection = dial(proxy.host, proxy.port, seconds, EVERYWHERE)
    if tunnel:
        try:
            connection.settimeout(seconds)
            _tunnel(connection, proxy, host, port)
        except BaseException:
            connection.close()
            raise
    return connection


def _tunnel(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = "".join(f"{name}: {value}\r\n" for name, value in proxy.headers.items())
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{headers}\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        answer += byte
        if not byte or len(answer) > LONGEST_ANSWER:
            raise OSError("the proxy's answer breaks HTTP")
    status = answer.split(b" ", 2)[1:2]
    if not answer.startswith(b"HTTP/1.") or status != [b"200"]:
        code = status[0].decode("ascii", "replace")[:3] if status else "none"
        raise OSError(f"the proxy opens no way to this host: status {code}")


def _check(host: str, port: int, reach: Reach) -> None:
    """Raises Forbidden where all that a name resolves to here must not be dialled."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return
    refused: Forbidden | None = None
    for *_, address in found:
        try:
            reach.check(str(address[0]))
            return
        except Forbidden as error:
            refused = error
    if refused is not None:
        raise refused


def _local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
