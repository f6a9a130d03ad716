"""What members sign, and how it gets onto the ledger: typed data, submission, status."""

import time
from typing import Annotated

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from ledger.errors import FedledgerError
from ledger.events.actions import kind_word, with_checksums
from ledger.formats.typed import TypedData
from web.access.json_body import read_json
from web.documents.refusals import NoRelayer
from web.documents.relay import (
    Accepted,
    BallotToSign,
    ChoiceName,
    Posted,
    ProposalDraft,
    ProposalToSign,
    Relayed,
    TypedDataDocument,
)
from web.documents.signatures import typed_data
from web.reading.ledger import NotFound
from web.relay.ballots import ballot_draft
from web.relay.intake import identify, message_of
from web.relay.moment import Moment
from web.relay.proposals import proposal_draft
from web.relay.queue import WAITING, QueueEntry
from web.relay.relayer import Relayer
from web.routes.access import visitor
from web.routes.parameters import MemberKey, ProposalNumber, reading
from web.routes.responses import uncached
from web.view import View

MessageName = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Identifier of the message")]
router = APIRouter(tags=["relay"])

_SIGN_AGAIN = "request the typed data again, and sign that"
ADVICE = {
    "NOT_MEMBER": "sign with the member's current key",
    "NOT_IN_ELECTORATE": "the key came after the proposal; it votes on those that come later",
    "ALREADY_VOTED": "a vote is final",
    "SIGNATURE_EXPIRED": _SIGN_AGAIN,
    "WRONG_SIGNER": _SIGN_AGAIN,
    "Ballots_WrongNonce": _SIGN_AGAIN,
    "Ballots_WrongState": "the proposal's page shows its state",
    "Ballots_NotDecided": "wait for more votes, or the deadline",
}
"""What to do about a refusal, if anything can be done."""


@router.get("/proposals/{number:int}/ballot.json", summary="The vote that a member may sign, as EIP-712 typed data")
async def ballot_to_sign(request: Request, number: ProposalNumber, member: MemberKey, choice: ChoiceName) -> Response:
    """Typed data for a wallet; its signature goes to /relay.json."""
    parts, deadline = ballot_draft(_moment(request), number, member, choice)
    return uncached(BallotToSign(typed_data=_document(parts), deadline=deadline))


@router.post("/proposals/typed-data.json", summary="The proposal that a member may sign, as EIP-712 typed data")
async def proposal_to_sign(request: Request) -> Response:
    """Typed data for a wallet, as the member's next proposal; its signature goes to /relay.json."""
    draft: ProposalDraft = await read_json(request, ProposalDraft)
    action = with_checksums(draft.action)
    made = proposal_draft(_moment(request), draft.member, action)
    return uncached(
        ProposalToSign(
            typed_data=_document(made.parts),
            proposal=made.proposal.hex(),
            nonce=made.nonce,
            deadline=made.deadline,
            kind=kind_word(made.kind),
            action=action,
            encoded=made.encoded.hex(),
        )
    )


@router.post("/relay.json", status_code=202, summary="Submit a signed message; it is on disk when this responds")
async def submit(request: Request) -> Response:
    """Takes a message that the contract would count. The same message again gets the same response."""
    relayer = _relayer(request)
    posted: Posted = await read_json(request, Posted)
    moment = _moment(request)
    name = identify(moment, posted)
    entry = await to_thread.run_sync(relayer.queue.entry, name)
    if entry is None or entry.status == "refused":
        message = message_of(moment, posted, name, visitor(request).signed_in)
        block = moment.reading.snapshot.block
        entry = await to_thread.run_sync(relayer.queue.add, message, block)
        relayer.wake()
    return uncached(Accepted(id=name, status=entry.status, url=f"/relay/{name}.json"), 202)


@router.get("/relay/{name}.json", summary="The status of a submitted message")
async def message_status(request: Request, name: MessageName) -> Response:
    """Its status, and why it waits or was refused."""
    relayer = _relayer(request)
    entry = await to_thread.run_sync(relayer.queue.entry, name)
    if entry is None:
        raise NotFound("no such message was submitted here", advice="POST /relay.json submits one")
    return uncached(_relayed(entry, relayer.trouble))


def _relayed(entry: QueueEntry, trouble: FedledgerError | None) -> Relayed:
    reason, words, advice = entry.reason, entry.words, ADVICE.get(entry.reason, "")
    if entry.status in WAITING and trouble is not None:
        reason, words, advice = trouble.kind, trouble.message, trouble.advice
    return Relayed(
        id=entry.message.id,
        kind=entry.message.kind,
        status=entry.status,
        reason=reason,
        message=words,
        advice=advice,
        tx=entry.tx or None,
        proposal=entry.message.proposal,
    )


def _relayer(request: Request) -> Relayer:
    """The relayer. Raises NoRelayer if there is none, RelayersKey if it may not be used."""
    view: View = request.app.state.view
    if view.relayer is None:
        raise NoRelayer(
            "this server relays nothing",
            advice="start it with --relayer, or submit the signed message to a server that relays",
        )
    view.relayer.check_key()
    return view.relayer


def _moment(request: Request) -> Moment:
    relayer = request.app.state.view.relayer
    now, address = (relayer.now, relayer.address) if relayer else (int(time.time()), "")
    return Moment(reading(request), now, address)


def _document(parts: TypedData) -> TypedDataDocument:
    return msgspec.convert(typed_data(parts), TypedDataDocument)
