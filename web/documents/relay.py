"""The documents of the write side: what is requested, signed, submitted and returned."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ledger.events.actions import Action, Address, Digest, Number
from web.documents.common import Document, PartyDocument
from web.documents.signatures import PATTERN

LATEST = (1 << 53) - 1
ChoiceName = Literal["for", "against", "abstain"]
Status = Literal["queued", "sent", "done", "refused"]
MessageKind = Literal["ballot", "proposal", "close", "execute"]
Signed = Annotated[str, Meta(pattern=PATTERN, description="r, s and v, 65 bytes; s in the lower half of the order")]
Deadline = Annotated[
    int, Meta(ge=0, le=LATEST, description="Last second at which the signature may be used, in seconds since 1970")
]
SIGNED = "signed/1"


class SignInText(Document, frozen=True, tag_field="fedledger", tag="sign-in/1"):
    """What to sign (EIP-191), as it is, to sign in; once, until `expires`."""

    message: str
    nonce: str
    expires: int


class SignInAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text and its signature."""

    message: Annotated[str, Meta(max_length=2000)]
    signature: Signed


class SignInLink(Document, frozen=True, tag_field="fedledger", tag="sign-in-link/1"):
    """Opened in a browser, `url` signs it in: once, until `expires`."""

    url: str
    expires: int


class SessionPage(Document, frozen=True, tag_field="fedledger", tag="session/1"):
    """Who is signed in; all null if nobody is."""

    member: PartyDocument | None = None
    address: str | None = None
    expires: int | None = None


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class TypedField(Document, frozen=True):
    name: str
    type: str


class TypedDataDocument(Document, frozen=True):
    """EIP-712 typed data, as wallets take it. The message has the proposal in it, under the name of its kind."""

    types: dict[str, tuple[TypedField, ...]]
    primaryType: str  # noqa: N815  the standard's name
    domain: dict[str, str | int]
    message: dict[str, str | int | dict[str, str | int]]


class BallotToSign(Document, frozen=True, tag_field="fedledger", tag="ballot-to-sign/1"):
    """A vote to sign; the signature may be used until `deadline`."""

    typed_data: TypedDataDocument
    deadline: int


class ProposalDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a member wants to propose; addresses in it may be in lower case."""

    member: Address
    action: Action


class ProposalToSign(Document, frozen=True, tag_field="fedledger", tag="proposal-to-sign/1"):
    """A proposal to sign: the member's next. `proposal` is its name, `encoded` its action as the contract reads it.

    `action` is to be submitted with the signature: it is what was sent, its addresses in EIP-55 form.
    """

    typed_data: TypedDataDocument
    proposal: str
    nonce: int
    deadline: int
    kind: str
    action: Action
    encoded: str


class _Posted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A message to relay. A file of `--sign-only` also has its format, chain and contract."""


class _FromFile(_Posted, frozen=True, kw_only=True):
    fedledger: Literal["signed/1"] | None = None
    chain: int | None = None
    contract: Annotated[str, Meta(max_length=42)] | None = None


class PostedBallot(_FromFile, frozen=True, kw_only=True, tag="ballot"):
    """A vote that its member signed."""

    proposal: Digest
    member: Address
    choice: ChoiceName
    deadline: Deadline
    signature: Signed


class PostedProposal(_FromFile, frozen=True, kw_only=True, tag="proposal"):
    """A proposal that its member signed."""

    nonce: Number
    member: Address
    action: Action
    deadline: Deadline
    signature: Signed


class CloseVote(_Posted, frozen=True, tag="close"):
    """End the vote on a proposal that passes; needs a session."""

    number: Number


class Execute(_Posted, frozen=True, tag="execute"):
    """Carry out a proposal that passed, now or as soon as its delay is over; needs a session."""

    number: Number


Posted = PostedBallot | PostedProposal | CloseVote | Execute


class Accepted(Document, frozen=True, tag_field="fedledger", tag="accepted/1"):
    """The message is on disk, and will be relayed even after a crash; `url` has its status."""

    id: str
    status: Status
    url: str


class Relayed(Document, frozen=True, tag_field="fedledger", tag="relayed/1"):
    """A message on its way. `reason` is a name, and `message` says it in words: why it waits, or was refused.

    `tx` is the transaction that did it, null before and if it was not this server's; `proposal` its name.
    """

    id: str
    kind: MessageKind
    status: Status
    reason: str
    message: str
    advice: str
    tx: str | None
    proposal: str


def builtins(document: Any) -> Any:
    """A document as plain values: for examples and tests."""
    return msgspec.json.decode(msgspec.json.encode(document))
