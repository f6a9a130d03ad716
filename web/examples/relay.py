"""The consortium's proposal, voted on: the examples of the write side in the interface's description."""

from typing import Any

import msgspec

from ledger.events.actions import ReleaseModel, encode_action, kind_word
from ledger.events.contents import proposal_id, proposal_to_sign
from ledger.events.proposals import Proposal, vote_to_sign
from ledger.events.records import Choice, Rules
from ledger.formats.sign_in import SignIn
from web.access import links
from web.documents.common import PartyDocument
from web.documents.relay import (
    Accepted,
    BallotToSign,
    Nothing,
    Posted,
    PostedBallot,
    ProposalDraft,
    ProposalToSign,
    Relayed,
    SessionPage,
    SignInAnswer,
    SignInLink,
    SignInText,
    TypedDataDocument,
    builtins,
)
from web.documents.signatures import typed_data

_CHAIN, _CONTRACT = 31337, "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
_MEMBER = PartyDocument(index=1, name="South", key="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
_NONCE, _AT, _DEADLINE = "0f" * 32, 1_800_000_000, 1_800_003_600
_SIGNATURE = "0x" + "3b" * 64 + "1b"
_ACTION = ReleaseModel("cardio", "1.2.0", 1, 1, root="5d" * 32, report="1e" * 32)
_KIND, _ENCODED = encode_action(_ACTION)
_PROPOSAL = proposal_id(_MEMBER.key, 1, _KIND, _ENCODED)
_MADE = Proposal(
    id=_PROPOSAL,
    number=1,
    proposer=_MEMBER.key,
    nonce=1,
    kind=_KIND,
    encoded=_ENCODED,
    action=_ACTION,
    epoch=1,
    members=3,
    rules=Rules(5_000, vote_seconds=3_600, delay_seconds=0, execute_seconds=3_600),
    deadline=_DEADLINE,
    tx=b"",
)
_BALLOT = vote_to_sign(_CHAIN, _CONTRACT, _MADE, _MEMBER.key, Choice.FOR, _DEADLINE)
_DRAFT = proposal_to_sign(_CHAIN, _CONTRACT, 1, _MEMBER.key, _ACTION, _DEADLINE)
_SIGN_IN = SignIn("https://audit.example", _MEMBER.key, _CHAIN, _NONCE, _AT)
_NAME = "4e" * 32
_SIGNED_IN = SessionPage(member=_MEMBER, address=_MEMBER.key, expires=_AT + 43_200)
_VOTE = PostedBallot(
    proposal=_PROPOSAL.hex(), member=_MEMBER.key, choice="for", deadline=_DEADLINE, signature=_SIGNATURE
)

_DOCUMENTS: dict[Any, msgspec.Struct] = {
    SignInText: SignInText(message=_SIGN_IN.text, nonce=_NONCE, expires=_SIGN_IN.expires),
    SignInAnswer: SignInAnswer(message=_SIGN_IN.text, signature=_SIGNATURE),
    SignInLink: SignInLink(url="/sign-in/" + "Rm9y" * 10 + "ZXg", expires=_AT + links.SECONDS),
    SessionPage: _SIGNED_IN,
    Nothing: Nothing(),
    BallotToSign: BallotToSign(typed_data=msgspec.convert(typed_data(_BALLOT), TypedDataDocument), deadline=_DEADLINE),
    ProposalDraft: ProposalDraft(member=_MEMBER.key, action=_ACTION),
    ProposalToSign: ProposalToSign(
        typed_data=msgspec.convert(typed_data(_DRAFT), TypedDataDocument),
        proposal=_PROPOSAL.hex(),
        nonce=1,
        deadline=_DEADLINE,
        kind=kind_word(_KIND),
        action=_ACTION,
        encoded=_ENCODED.hex(),
    ),
    Posted: _VOTE,
    Accepted: Accepted(id=_NAME, status="queued", url=f"/relay/{_NAME}.json"),
    Relayed: Relayed(
        id=_NAME,
        kind="ballot",
        status="done",
        reason="",
        message="",
        advice="",
        tx="7a" * 32,
        proposal=_PROPOSAL.hex(),
    ),
}
EXAMPLES: dict[Any, Any] = {kind: builtins(document) for kind, document in _DOCUMENTS.items()}
