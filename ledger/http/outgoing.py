"""How one party's requests go out: by which proxy, whom it trusts, and how it shows itself to which server."""

import base64
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from ledger.config import HomeNetwork, HttpSettings, ServerSettings
from ledger.config import Network as NetworkFile
from ledger.errors import UsageError, plain
from ledger.http import trust
from ledger.http.addresses import Address, parse
from ledger.http.proxies import Proxy, proxy_for

LARGEST_SECRET = 1 << 14


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A home's way out. Without settings it is the environment's. Where it is `exact`, a server's credentials are for
    its url alone, not for what is below: others chose the address.
    """

    settings: HttpSettings = field(default_factory=HttpSettings)
    exact: bool = False

    def proxy(self, address: Address) -> Proxy | None:
        """The proxy for a server; None where it is dialled straight. Raises OSError where its URL is not of one."""
        return proxy_for(address, self.settings.proxy, self.settings.no_proxy)

    def tls(self, address: Address) -> ssl.SSLContext:
        """The TLS for a server. Raises UsageError for files that cannot be used."""
        known = self._known(address)
        return trust.context(self.settings.ca, known.certificate if known else "", known.key if known else "")

    def headers(self, address: Address) -> dict[str, str]:
        """What shows this party to a server: by its settings, else by the URL's user and password.

        Raises UsageError for a file that cannot be used; nothing that is in it is repeated.
        """
        known = self._known(address)
        if known is not None and known.token:
            return {"Authorization": f"Bearer {_secret(known.token)}"}
        login = _secret(known.login) if known is not None and known.login else address.login
        return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()} if login else {}

    def _known(self, address: Address) -> ServerSettings | None:
        """The settings for a server: those of the longest URL that it is, or is below."""
        means = _is_same if self.exact else _is_below
        found = [(len(one.url), one) for one in self.settings.servers if means(address, parse(one.url, _WHAT))]
        return max(found, key=lambda pair: pair[0])[1] if found else None


_WHAT = "the url of [[http.servers]]"


def _is_below(address: Address, server: Address) -> bool:
    return _origin(address) == _origin(server) and f"{address.path}/".startswith(f"{server.path}/")


def _is_same(address: Address, server: Address) -> bool:
    return _origin(address) == _origin(server) and address.path == server.path


def _origin(address: Address) -> tuple[bool, str, int]:
    return address.secure, address.host.lower(), address.port


def outgoing_of(network: NetworkFile) -> Outgoing:
    """The way out of the home that looks at a network; the environment's for anyone else."""
    return Outgoing(network.http) if isinstance(network, HomeNetwork) else OPEN


OPEN = Outgoing()
"""Nothing but what the environment says."""


def _secret(file: str) -> str:
    """The first line of a file. Raises UsageError where it has none that a header could carry."""
    try:
        with Path(file).open("rb") as opened:
            line = opened.read(LARGEST_SECRET).removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip().decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"the file with a server's credentials cannot be read: {reason}", file=file) from error
    if not line or plain(line) != line:
        raise UsageError("the file with a server's credentials has none in its first line", file=file)
    return line
