"""What a member signed at home, as a file that anyone may relay: `signed/1` (docs/spec/ballot.md).

The same object is what `POST /relay.json` takes.
"""

import re
from typing import Literal

from ledger.errors import Malformed
from ledger.events.actions import Action
from ledger.events.ballots import Choice
from ledger.formats.digest import decode, encode
from ledger.formats.strict import Strict

MAX_SIZE = 16 << 10
ChoiceWord = Literal["for", "against", "abstain"]
WORDS: dict[Choice, ChoiceWord] = {Choice.FOR: "for", Choice.AGAINST: "against", Choice.ABSTAIN: "abstain"}
CHOICES: dict[str, Choice] = {word: choice for choice, word in WORDS.items()}
_ADDRESS = "0x[0-9a-fA-F]{40}"
_SHAPES = {"contract": _ADDRESS, "proposal": "[0-9a-f]{64}", "member": _ADDRESS, "signature": "0x[0-9a-fA-F]{130}"}


class _Signed(Strict, frozen=True, tag_field="kind"):
    """`contract` is Ballots'; bytes are hexadecimal, the signature's with 0x."""

    fedledger: Literal["signed/1"]
    chain: int
    contract: str

    def encode(self) -> bytes:
        return encode(self)


class SignedBallot(_Signed, frozen=True, tag="ballot"):
    """A vote under its member's signature."""

    proposal: str
    member: str
    choice: ChoiceWord
    deadline: int
    signature: str

    @property
    def arguments(self) -> tuple[str, int, int, int, bytes, bytes]:
        """The struct that the contract takes: member, choice, deadline, v, r, s."""
        return self.member, int(CHOICES[self.choice]), self.deadline, *_words(self.signature)


class SignedProposal(_Signed, frozen=True, tag="proposal"):
    """A proposal under its member's signature: good for the one `nonce` of the member's key that it names."""

    nonce: int
    member: str
    action: Action
    deadline: int
    signature: str

    @property
    def arguments(self) -> tuple[int, str, int, int, bytes, bytes]:
        """The struct that the contract takes: nonce, member, deadline, v, r, s."""
        return self.nonce, self.member, self.deadline, *_words(self.signature)


def parse(data: bytes) -> SignedBallot | SignedProposal:
    """Read a signed file. The contract says whether the signature is right. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the signed file is too large", size=len(data), maximum=MAX_SIZE)
    document, kinds = data.removesuffix(b"\n"), SignedBallot | SignedProposal
    signed: SignedBallot | SignedProposal = decode(document, kinds, "the signed file")
    for field, shape in _SHAPES.items():
        text = getattr(signed, field, None)
        if text is not None and not re.fullmatch(shape, text):
            raise Malformed(f"{field} is not well formed", expected=shape, actual=text[:140])
    if not 0 <= signed.deadline < 1 << 64:
        raise Malformed("the deadline is out of range", actual=signed.deadline)
    if isinstance(signed, SignedProposal) and not 0 < signed.nonce < 1 << 32:
        raise Malformed("the proposal's nonce is out of range", actual=signed.nonce)
    return signed


def _words(signature: str) -> tuple[int, bytes, bytes]:
    """v, r and s."""
    data = bytes.fromhex(signature[2:])
    return data[64], data[:32], data[32:64]
