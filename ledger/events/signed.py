"""What a member signed at home, as a file that anyone may relay: `signed/1` (docs/spec/ballot.md).

The same object is what `POST /relay.json` takes.
"""

import re
from typing import Any, Literal

from msgspec.structs import replace

from ledger.errors import Malformed
from ledger.events.actions import Action
from ledger.events.ballots import Choice
from ledger.formats.digest import decode, encode, parse_address
from ledger.formats.signatures import signer
from ledger.formats.strict import Strict
from ledger.formats.typed import TypedData, Types, domain, typed_digest

MAX_SIZE = 16 << 10
ChoiceWord = Literal["for", "against", "abstain"]
WORDS: dict[Choice, ChoiceWord] = {Choice.FOR: "for", Choice.AGAINST: "against", Choice.ABSTAIN: "abstain"}
CHOICES: dict[str, Choice] = {word: choice for choice, word in WORDS.items()}
_ADDRESS = "0x[0-9a-fA-F]{40}"
_SHAPES = {"contract": _ADDRESS, "proposal": "[0-9a-f]{64}", "member": _ADDRESS, "signature": "0x[0-9a-fA-F]{130}"}


EXPORT_KEY_TYPES: Types = {
    "ExportKey": [
        {"name": "member", "type": "address"},
        {"name": "curve", "type": "string"},
        {"name": "publicKey", "type": "bytes"},
        {"name": "use", "type": "string"},
    ]
}
EXPORT_KEY_USE = "Signs what this member says of released models to others. It acts nowhere on the ledger."
_POINT = "04[0-9a-f]{128}"


class _Signed(Strict, frozen=True, tag_field="kind"):
    """`contract` is Ballots', of an export key RoundLedger's; bytes are hexadecimal, the signature's with 0x."""

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


class SignedExportKey(_Signed, frozen=True, tag="export-key"):
    """That `public`, an uncompressed point of P-256 (SEC 1), is the export key of the member whose key `member` is.

    The ledger never sees it, and relays refuse it.
    """

    member: str
    curve: Literal["P-256"]
    public: str
    signature: str

    @property
    def to_sign(self) -> TypedData:
        """What the member's key signs, as `Signer.sign_typed_data` takes it."""
        return domain(self.chain, self.contract), dict(EXPORT_KEY_TYPES), self._said

    def under(self, signature: bytes) -> "SignedExportKey":
        """The same with a signature. Raises Malformed where that is not the member's."""
        made = replace(self, signature=f"0x{signature.hex()}")
        made.require_signature()
        return made

    def require_signature(self) -> None:
        """Raises Malformed where the signature is not that of the key `member`."""
        digest = typed_digest(self.chain, self.contract, EXPORT_KEY_TYPES, self._said)
        actual = signer(digest, bytes.fromhex(self.signature.removeprefix("0x")))
        if actual != self.member:
            problem = "the statement on the export key is not under the signature that it names"
            raise Malformed(problem, expected=self.member, actual=actual)

    @property
    def _said(self) -> dict[str, Any]:
        point = bytes.fromhex(self.public)
        return {"member": self.member, "curve": self.curve, "publicKey": point, "use": EXPORT_KEY_USE}


def parse_export_key(data: bytes) -> SignedExportKey:
    """Read a statement on an export key, and check its signature; whose key that is, the ledger says.

    Raises Malformed.
    """
    if len(data) > MAX_SIZE:
        raise Malformed("the statement on the export key is too large", size=len(data), maximum=MAX_SIZE)
    found = decode(data.removesuffix(b"\n"), SignedExportKey, "the statement on the export key")
    if not 0 < found.chain < 1 << 53:
        raise Malformed("the chain of the statement on the export key is out of range", actual=found.chain)
    for field, shape in {"public": _POINT, "signature": _SHAPES["signature"]}.items():
        if not re.fullmatch(shape, text := getattr(found, field)):
            raise Malformed(f"{field} is not well formed", expected=shape, actual=text[:140])
    parse_address(found.member, "the member of the export key")
    parse_address(found.contract, "the contract of the export key")
    found.require_signature()
    return found


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
