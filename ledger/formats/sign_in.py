"""The text by which a member's key signs in at a server (EIP-4361): the server writes it, the key's holder reads it."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.digest import parse_address

SECONDS = 300
"""For which a text is valid."""
STATEMENT = "Sign in to this consortium to read and to vote. This sends no transaction and costs nothing."
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_FIELDS = re.compile(
    r"URI: (?P<origin>https?://[a-z0-9._:\[\]-]{1,300})\nVersion: 1\nChain ID: (?P<chain>[1-9][0-9]{0,18})\n"
    r"Nonce: (?P<nonce>[0-9a-f]{64})\nIssued At: (?P<issued>20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z)\n"
)
LONGEST = 2000
"""Characters of a text."""


class SignIn(NamedTuple):
    """What a text says: the key of `address` signs in at `origin`. `issued` in seconds since 1970."""

    origin: str
    address: str
    chain: int
    nonce: str
    issued: int

    @property
    def expires(self) -> int:
        """The last second at which the text is valid."""
        return self.issued + SECONDS

    @property
    def lines(self) -> tuple[str, ...]:
        """The text's lines, as EIP-4361 has them."""
        return (
            f"{self.origin.partition('://')[2]} wants you to sign in with your Ethereum account:",
            self.address,
            "",
            STATEMENT,
            "",
            f"URI: {self.origin}",
            "Version: 1",
            f"Chain ID: {self.chain}",
            f"Nonce: {self.nonce}",
            f"Issued At: {_moment(self.issued)}",
            f"Expiration Time: {_moment(self.expires)}",
        )

    @property
    def text(self) -> str:
        """What is signed."""
        return "\n".join(self.lines)


def read_sign_in(text: str) -> SignIn:
    """Read a text, which must be exactly as it is written here. Raises Malformed."""
    found = _FIELDS.search(text) if len(text) <= LONGEST else None
    if found is None:
        raise Malformed("this is not a text to sign in with", advice="get a new one from the server")
    address, issued = parse_address(text.split("\n")[1]), _seconds(found["issued"])
    said = SignIn(found["origin"], address, int(found["chain"]), found["nonce"], issued)
    if said.text != text:
        raise Malformed("this is not a text to sign in with as a server writes it", advice="get a new one")
    return said


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_MOMENT)


def _seconds(text: str) -> int:
    """Seconds since 1970. Raises Malformed."""
    try:
        return int(datetime.strptime(text, _MOMENT).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise Malformed("there is no such time", actual=text) from error
