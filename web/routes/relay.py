"""What members sign, and the way of it onto the ledger: typed data, handing in, and how a message goes."""

import time
from typing import Annotated

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from ledger.errors import FedledgerError
from ledger.events.actions import encode_action, kind_word
from ledger.events.proposals import TypedData
from ledger.formats.digest import ADDRESS_PATTERN
from web.access.json_body import read_json
from web.documents import relay as d
from web.documents.refusals import NoRelayer
from web.documents.signatures import typed_data
from web.reading.ledger import NotFound
from web.relay.intake import Intake
from web.relay.queue import WAITING, QueueEntry
from web.relay.relayer import Relayer
from web.routes.access import visitor
from web.routes.ledger import LAST, reading
from web.view import View

ProposalNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the proposal", examples=[1])]
MessageName = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Identifier of the message")]
Member = Annotated[str, Query(pattern=ADDRESS_PATTERN, description="The member's current key, EIP-55")]
_UNCACHED = {"Cache-Control": "no-store"}
router = APIRouter(tags=["relay"])

ADVICE = {
    "NOT_MEMBER": "sign with the member's current key",
    "NOT_IN_ELECTORATE": "the key came after the proposal; it votes on those that come later",
    "ALREADY_VOTED": "a vote is final",
    "SIGNATURE_EXPIRED": "ask for the typed data again, and sign that",
    "WRONG_SIGNER": "ask for the typed data again, and sign that",
    "Ballots_WrongNumber": "ask for the typed data again, and sign that",
    "Ballots_WrongState": "the proposal's page says where it is",
    "Ballots_NotDecided": "wait for more votes, or the deadline",
}
"""The way out of a refusal, where there is one."""


@router.get("/proposals/{number:int}/ballot.json", summary="The vote that a member may sign, as EIP-712 typed data")
async def ballot_to_sign(request: Request, number: ProposalNumber, member: Member, choice: d.ChoiceName) -> Response:
    """Typed data for a wallet; its signature goes to /relay.json."""
    parts, deadline = _intake(request).ballot_parts(number, member, choice)
    return _said(d.BallotToSign(typed_data=_typed(parts), deadline=deadline))


@router.post("/proposals/typed-data.json", summary="The proposal that a member may sign, as EIP-712 typed data")
async def proposal_to_sign(request: Request) -> Response:
    """Typed data for a wallet, as the next proposal; its signature goes to /relay.json."""
    draft: d.ProposalDraft = await read_json(request, d.ProposalDraft)
    parts, number, deadline = _intake(request).proposal_parts(draft.member, draft.action)
    kind, encoded = encode_action(draft.action)
    typed, name = _typed(parts), kind_word(kind)
    return _said(d.ProposalToSign(typed_data=typed, number=number, deadline=deadline, kind=name, encoded=encoded.hex()))


@router.post("/relay.json", status_code=202, summary="Hand in a signed message; it is on disk when this answers")
async def hand_in(request: Request) -> Response:
    """Takes a message that the contract would count. The same again gets the same answer."""
    relayer = _relayer(request)
    posted: d.Posted = await read_json(request, d.Posted)
    intake = _intake(request)
    name = intake.identify(posted)
    entry = await to_thread.run_sync(relayer.queue.entry, name)
    if entry is None or entry.status == "refused":
        message = intake.message(posted, visitor(request).signed_in)
        block = intake.reading.snapshot.block
        entry = await to_thread.run_sync(relayer.queue.add, message, block)
        relayer.wake()
    return _said(d.Accepted(id=name, status=entry.status, url=f"/relay/{name}.json"), 202)


@router.get("/relay/{name}.json", summary="How a message goes that was handed in")
async def how_it_goes(request: Request, name: MessageName) -> Response:
    """Its status, and where it waits or was refused, why."""
    relayer = _relayer(request)
    entry = await to_thread.run_sync(relayer.queue.entry, name)
    if entry is None:
        raise NotFound("no such message was handed in here", advice="POST /relay.json hands one in")
    return _said(_relayed(entry, relayer.trouble))


def _relayed(entry: QueueEntry, trouble: FedledgerError | None) -> d.Relayed:
    reason, words, advice = entry.reason, entry.words, ADVICE.get(entry.reason, "")
    if entry.status in WAITING and trouble is not None:
        reason, words, advice = type(trouble).__name__, trouble.message, trouble.advice
    return d.Relayed(
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
    """The relayer. Raises NoRelayer where there is none that may be used."""
    view: View = request.app.state.view
    if view.relayer is None:
        raise NoRelayer(
            "this server relays nothing",
            advice="start it with --relayer, or hand the signed message to a server that relays",
        )
    return view.relayer.usable()


def _intake(request: Request) -> Intake:
    relayer = request.app.state.view.relayer
    now, address = (relayer.now, relayer.address) if relayer else (int(time.time()), "")
    return Intake(reading(request), now, address)


def _typed(parts: TypedData) -> d.TypedData:
    return msgspec.convert(typed_data(parts), d.TypedData)


def _said(document: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json", headers=_UNCACHED)
