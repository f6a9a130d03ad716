"""Links by which a browser gets the session of a key that signed in elsewhere: each for one key, once, for a minute."""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from ledger.formats.digest import sha256
from ledger.http.addresses import is_loopback
from web.access.sessions import is_https
from web.documents.refusals import PlainHttp, UnknownLink, WrongDomain

SECONDS = 60
PATH = "/sign-in/"
"""Before the token; what is below is never logged, and never read with HEAD."""
_AGAIN = "run `fedledger web sign-in` again"


class _Link(NamedTuple):
    token: bytes
    origin: str
    expires: int


class Links:
    """The open links, in memory alone, by the key that they are for: at most one for each."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._links: dict[str, _Link] = {}

    def issue(self, origin: str, address: str) -> tuple[str, int]:
        """The address of a link for a key at `origin`, and its last second, in seconds since 1970.

        One that the key had is worth nothing from now on. Raises PlainHttp.
        """
        _require_told(origin)
        token, expires = secrets.token_urlsafe(32), int(self._clock()) + SECONDS
        self._links[address] = _Link(sha256(token.encode()), origin, expires)
        return PATH + token, expires

    def redeem(self, origin: str, token: str) -> str:
        """The key that a link is for; the link is used up by it. Raises PlainHttp, UnknownLink, WrongDomain."""
        _require_told(origin)
        digest = sha256(token.encode())
        address = next((address for address, link in self._links.items() if link.token == digest), None)
        link = self._links.pop(address) if address is not None else None
        if address is None or link is None or self._clock() > link.expires:
            raise UnknownLink("this link has been used, is too old, or is not one of this server's", advice=_AGAIN)
        if link.origin != origin:
            raise WrongDomain("this link is for another address of this server", advice=_AGAIN, expected=link.origin)
        return address


def _require_told(origin: str) -> None:
    """Raises PlainHttp where browsers do not say which page has a link opened: Sec-Fetch-Site is not sent there."""
    if not is_https(origin) and not is_loopback(urlsplit(origin).hostname or ""):
        raise PlainHttp(
            "over plain http a page elsewhere could have a link opened: there are none here",
            advice="start the server with its https address: --origin https://NAME",
            origin=origin,
        )
