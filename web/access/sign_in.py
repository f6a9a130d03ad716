"""Signing in with a key (EIP-4361): a text that this server writes, and what makes its signature count, once.

The server keeps nothing of a text that it issues, so that a flood of them fills no memory: the nonce carries a code
over all that varies. When a text comes back, it is written again and must be the same, line by line.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from ledger.errors import Malformed
from ledger.formats.digest import parse_address
from ledger.formats.sign_in import SECONDS, SignIn, read_sign_in
from web.documents.refusals import MessageChanged, NonceUsed, SignInExpired, UnknownNonce, WrongChain, WrongDomain
from web.documents.signatures import parse_signature, require_text_signer

_DOMAIN, _CHAIN = 0, 7
_AGAIN = "get a new text: GET /sign-in.json?address=…"


class SignIns:
    """Issues texts to sign, for the chain with that id, and accepts each once."""

    def __init__(self, chain: int, clock: Callable[[], float] = time.time) -> None:
        self._chain, self._clock = chain, clock
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, int] = OrderedDict()

    def issue(self, origin: str, address: str) -> SignIn:
        """A text for a key to sign, of this server as it is reached at `origin`. Raises Malformed."""
        address, now = parse_address(address), int(self._clock())
        return SignIn(origin, address, self._chain, self._nonce(secrets.token_hex(16), origin, address, now), now)

    def redeem(self, origin: str, message: str, signature: str) -> str:
        """The address that signed a text of this server.

        1. It is one of the texts that this server writes, line by line: MessageChanged, WrongDomain, WrongChain.
        2. This server issued it: UnknownNonce. 3. Not too long ago: SignInExpired.
        4. The key that it names signed it: SignatureNotCanonical, WrongSigner.
        5. Nobody has signed in with it: NonceUsed.
        """
        said = require_text_of(message, origin, self._chain)
        nonce = self._nonce(said.nonce[:32], origin, said.address, said.issued)
        if not hmac.compare_digest(said.nonce, nonce):
            raise UnknownNonce("this text was not issued by this server", advice=_AGAIN)
        if self._clock() > said.expires:
            raise SignInExpired("the text was issued too long ago", advice=_AGAIN, expired=said.expires)
        require_text_signer(message, parse_signature(signature), said.address)
        self._use(said.nonce, said.expires)
        return said.address

    def _use(self, nonce: str, expires: int) -> None:
        if nonce in self._used:
            raise NonceUsed("the text has been used to sign in before", advice=_AGAIN)
        while self._used and next(iter(self._used.values())) < self._clock() - SECONDS:
            self._used.popitem(last=False)
        self._used[nonce] = expires

    def _nonce(self, random: str, origin: str, address: str, issued: int) -> str:
        code = hmac.digest(self._key, f"{random} {origin} {address} {issued}".encode(), "sha256")
        return random + code[:16].hex()


def require_text_of(message: str, origin: str, chain: int) -> SignIn:
    """A text to sign in with at `origin`, for that chain. Raises WrongDomain, WrongChain or MessageChanged."""
    lines = message.split("\n", _CHAIN + 1)
    wanted = SignIn(origin, "", chain, "", 0).lines
    for number, kind in ((_DOMAIN, WrongDomain), (_CHAIN, WrongChain)):
        if len(lines) > number and lines[number] != wanted[number]:
            raise _changed(kind, wanted[number], lines[number])
    try:
        said = read_sign_in(message)
    except Malformed as error:
        raise MessageChanged("this is not a text as this server writes it", advice=_AGAIN) from error
    if said.origin != origin:
        raise _changed(MessageChanged, origin, said.origin)
    return said


def _changed(kind: type[MessageChanged | WrongChain], expected: str, actual: str) -> MessageChanged | WrongChain:
    return kind("the text is not as this server wrote it", advice=_AGAIN, expected=expected, actual=actual[:200])
