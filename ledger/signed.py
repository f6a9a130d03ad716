"""What a member signed at home, as a file that anyone may relay: `signed/1` (docs/spec/ballot.md).

The same object is what `POST /relay.json` takes.
"""

import re
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.job import Strict
from ledger.records import Choice

MAX_SIZE = 16 << 10
ChoiceWord = Literal["for", "against", "abstain"]
WORDS: dict[Choice, ChoiceWord] = {Choice.FOR: "for", Choice.AGAINST: "against", Choice.ABSTAIN: "abstain"}
CHOICES: dict[str, Choice] = {word: choice for choice, word in WORDS.items()}


class SignedBallot(Strict, frozen=True, tag="ballot", tag_field="kind"):
    """A vote under its member's signature. `contract` is Ballots'; bytes are hexadecimal, the signature's with 0x."""

    fedledger: Literal["signed/1"]
    chain: int
    contract: str
    proposal: str
    member: str
    choice: ChoiceWord
    deadline: int
    signature: str

    @property
    def arguments(self) -> tuple[str, int, int, int, bytes, bytes]:
        """The struct that the contract takes: member, choice, deadline, v, r, s."""
        data = bytes.fromhex(self.signature[2:])
        return self.member, int(CHOICES[self.choice]), self.deadline, data[64], data[:32], data[32:64]

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def parse(data: bytes) -> SignedBallot:
    """Read a signed file. Whether the signature is right, the contract says. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the signed file is too large", size=len(data), maximum=MAX_SIZE)
    try:
        signed = msgspec.json.decode(data, type=SignedBallot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"this is no file that a member signed: {error}") from error
    shapes = {"contract": "0x[0-9a-fA-F]{40}", "proposal": "[0-9a-f]{64}", "member": "0x[0-9a-fA-F]{40}"}
    for field, shape in (*shapes.items(), ("signature", "0x[0-9a-fA-F]{130}")):
        if not re.fullmatch(shape, getattr(signed, field)):
            raise Malformed(f"{field} is not well formed", expected=shape, actual=getattr(signed, field)[:140])
    if not 0 <= signed.deadline < 1 << 64:
        raise Malformed("the deadline is out of range", actual=signed.deadline)
    return signed
