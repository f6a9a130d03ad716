"""Signing in with a key (EIP-4361): a text that this server writes, and what makes its signature count, once.

The server keeps nothing of a text that it issues, so that a flood of them fills no memory: the nonce carries a code
over all that varies. When a text comes back, it is written again and must be the same, line by line.
"""

import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from ledger.formats.digest import parse_address
from web.documents.refusals import MessageChanged, NonceUsed, SignInExpired, UnknownNonce, WrongChain, WrongDomain
from web.documents.signatures import parse_signature, require_text_signer

SECONDS = 300
STATEMENT = "Sign in to this consortium to read and to vote. This sends no transaction and costs nothing."
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_LINES = 11
_ADDRESS, _CHAIN, _NONCE, _ISSUED = 1, 7, 8, 9
_AGAIN = "get a new text: GET /sign-in.json?address=…"


class Issued(NamedTuple):
    """A text to sign. `expires` in seconds since 1970."""

    message: str
    nonce: str
    expires: int


class SignIns:
    """Issues texts to sign, for the chain with that id, and accepts each once."""

    def __init__(self, chain: int, clock: Callable[[], float] = time.time) -> None:
        self._chain, self._clock = chain, clock
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, int] = OrderedDict()

    def issue(self, origin: str, address: str) -> Issued:
        """A text for a key to sign, of this server as it is reached at `origin`. Raises Malformed."""
        address, now = parse_address(address), int(self._clock())
        nonce = self._nonce(secrets.token_hex(16), origin, address, now)
        return Issued(compose(origin, address, self._chain, nonce, now), nonce, now + SECONDS)

    def redeem(self, origin: str, message: str, signature: str) -> str:
        """The address that signed a text of this server.

        1. It is one of the texts that this server writes, line by line: MessageChanged, WrongDomain, WrongChain.
        2. This server issued it: UnknownNonce. 3. Not too long ago: SignInExpired.
        4. The key that it names signed it: SignatureNotCanonical, WrongSigner.
        5. Nobody has signed in with it: NonceUsed.
        """
        lines = message.split("\n")
        if len(lines) != _LINES:
            raise MessageChanged("this is not a text as this server writes it", advice=_AGAIN, lines=len(lines))
        address, nonce = parse_address(lines[_ADDRESS]), lines[_NONCE].removeprefix("Nonce: ")
        issued = _seconds(lines[_ISSUED].removeprefix("Issued At: "))
        _compare(lines, compose(origin, address, self._chain, nonce, issued).split("\n"))
        if not hmac.compare_digest(nonce.encode(), self._nonce(nonce[:32], origin, address, issued).encode()):
            raise UnknownNonce("this text was not issued by this server", advice=_AGAIN)
        if self._clock() > issued + SECONDS:
            raise SignInExpired("the text was issued too long ago", advice=_AGAIN, expired=issued + SECONDS)
        require_text_signer(message, parse_signature(signature), address)
        self._use(nonce, issued + SECONDS)
        return address

    def _use(self, nonce: str, expires: int) -> None:
        if nonce in self._used:
            raise NonceUsed("the text has been used to sign in before", advice=_AGAIN)
        while self._used and next(iter(self._used.values())) < self._clock() - SECONDS:
            self._used.popitem(last=False)
        self._used[nonce] = expires

    def _nonce(self, random: str, origin: str, address: str, issued: int) -> str:
        code = hmac.digest(self._key, f"{random} {origin} {address} {issued}".encode(), "sha256")
        return random + code[:16].hex()


def compose(origin: str, address: str, chain: int, nonce: str, issued: int) -> str:
    """The text of EIP-4361, as this server writes it."""
    return "\n".join(
        (
            f"{urlsplit(origin).netloc} wants you to sign in with your Ethereum account:",
            address,
            "",
            STATEMENT,
            "",
            f"URI: {origin}",
            "Version: 1",
            f"Chain ID: {chain}",
            f"Nonce: {nonce}",
            f"Issued At: {_moment(issued)}",
            f"Expiration Time: {_moment(issued + SECONDS)}",
        )
    )


def _compare(actual: list[str], expected: list[str]) -> None:
    for number, (received, written) in enumerate(zip(actual, expected, strict=True)):
        if received != written:
            kind = {0: WrongDomain, _CHAIN: WrongChain}.get(number, MessageChanged)
            raise kind(
                "the text is not as this server wrote it", advice=_AGAIN, expected=written, actual=received[:200]
            )


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_MOMENT)


def _seconds(text: str) -> int:
    """Seconds since 1970. Raises MessageChanged."""
    if not re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.ASCII):
        raise MessageChanged("this is not a time as this server writes it", advice=_AGAIN, actual=text[:200])
    try:
        return int(datetime.strptime(text, _MOMENT).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise MessageChanged("there is no such time", advice=_AGAIN, actual=text[:200]) from error
