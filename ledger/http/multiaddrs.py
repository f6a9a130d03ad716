"""Multiaddrs (github.com/multiformats/multiaddr), as far as they name an HTTP server: Kubo's API is written so."""

import ipaddress

from ledger.errors import UsageError
from ledger.http.addresses import Address, parse

_NAMES = frozenset({"dns", "dns4", "dns6"})


def server(text: str, what: str, example: str) -> Address:
    """The server at a multiaddr, such as /ip4/127.0.0.1/tcp/5001 or /dns4/host/tcp/443/https, or at a URL.

    Raises UsageError for any other, by name.
    """
    if "://" in text:
        return parse(text, what)
    kind, host, transport, port, *more = [*text.strip("/").split("/"), "", "", "", ""]
    secure = _scheme([part for part in more if part])
    try:
        if not text.startswith("/") or transport != "tcp" or secure is None or not 0 < int(port) < 1 << 16:
            raise ValueError(text)
        return parse(f"{'https' if secure else 'http'}://{_host(kind, host)}:{int(port)}", what)
    except ValueError as error:
        reason = "a Unix socket is not taken" if kind == "unix" else f"{what} is a multiaddr, or an http URL"
        raise UsageError(reason, address=text[:80], example=example) from error


def written(address: Address) -> str:
    """The multiaddr of a server; its path is not part of it."""
    try:
        kind = f"ip{ipaddress.ip_address(address.host).version}"
    except ValueError:
        kind = "dns"
    return f"/{kind}/{address.host}/tcp/{address.port}/{address.scheme}"


def _host(kind: str, host: str) -> str:
    if kind == "ip4":
        return str(ipaddress.IPv4Address(host))
    if kind == "ip6":
        return f"[{ipaddress.IPv6Address(host)}]"
    if kind in _NAMES:
        return host
    raise ValueError(kind)


def _scheme(more: list[str]) -> bool | None:
    """Whether what follows the port means TLS; None where it means something else than HTTP."""
    return {(): False, ("http",): False, ("https",): True, ("tls", "http"): True}.get(tuple(more))
