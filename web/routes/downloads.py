"""Released models as files, under their names: what was not released, or was revoked, is refused with the reason.

A model is read whole and compared with its root before the first byte of it leaves. What is sent afterwards is read
again, block by block, each compared with its CID.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from ledger.errors import FedledgerError, Refuted
from ledger.events.proposals import Release
from ledger.formats.digest import sha256
from ledger.history.names import NotReleased, RevokedRelease, UnknownRelease, released, require_usable
from ledger.party.publishing import read_report
from ledger.releases import report as evaluation
from ledger.releases.card import FILE as CARD
from ledger.releases.card import Card
from ledger.releases.file import NAME, ModelFile
from ledger.releases.report import Evaluation
from ledger.rounds.facts import Place
from web.access import problems
from web.reading.ledger import NotFound, Reading
from web.reading.library import Library
from web.routes.parameters import NAME_PATTERN, reading
from web.view import View

Name = Annotated[
    str, Path(description="Name of the release", examples=["cardio"], json_schema_extra={"pattern": NAME_PATTERN})
]
Version = Annotated[str, Path(description="Its version", examples=["1.0"], json_schema_extra={"pattern": NAME_PATTERN})]
router = APIRouter(prefix="/releases/{name}/{version}", tags=["releases"])


def _responses(kind: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The responses of a route, for the interface's description."""
    pending = NotReleased("cardio 1.0 is not released: …", advice="/proposals/7", proposal=7)
    gone = RevokedRelease("the members revoked cardio 1.0", advice="/releases/cardio lists …", reason="wrong units")
    other = Refuted("the model of round 7 does not have its tensor root")
    return {
        200: {"description": "the file, the same bytes for everyone", "content": {kind: {"schema": schema}}},
        304: {"description": "what If-None-Match names is still current"},
        403: {"description": "proposed, and not released", "content": _problem(pending)},
        410: {"description": "revoked, with the reason", "content": _problem(gone)},
        502: {"description": "what the holders have is not what the release names", "content": _problem(other)},
    }


def _problem(error: FedledgerError) -> dict[str, Any]:
    example = msgspec.to_builtins(problems.of_error(error))
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}


_FILE = _responses("application/octet-stream", {"type": "string", "format": "binary"})
_TEXT = _responses("text/markdown", {"type": "string"})


@router.get(f"/{NAME}", response_class=StreamingResponse, responses=_FILE, summary="A released model as safetensors")
async def model(request: Request, name: Name, version: Version) -> Response:
    """The model as safetensors, as `fedledger release fetch` writes it (docs/spec/release.md)."""
    file = file_of(reading(request), name, version)
    headers = _headers(file.tag) | {"Content-Length": str(file.size)}
    if _holds(request, file.tag):
        return Response(status_code=304, headers=_headers(file.tag))
    library, limiter = _library(request), _limiter(request)
    await to_thread.run_sync(library.verify, file, limiter=limiter)
    headers["Content-Disposition"] = f'attachment; filename="{name}-{version}.safetensors"'
    pieces = _pieces(file.pieces(library.fetch), limiter)
    return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")


@router.get(f"/{CARD}", response_class=Response, responses=_TEXT, summary="The card of a released model")
async def card(request: Request, name: Name, version: Version) -> Response:
    """The model's card, as `fedledger release fetch` writes it; Hugging Face tools read it."""
    now = reading(request)
    file = file_of(now, name, version)
    report = await to_thread.run_sync(_report, _library(request), file, limiter=_limiter(request))
    text = Card.of(file, report, now.snapshot.decisions, now.network.name, now.name).text()
    tag = sha256(text.encode()).hex()[:32]
    if _holds(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    return Response(text, headers=_headers(tag), media_type="text/markdown; charset=utf-8")


def file_of(now: Reading, name: str, version: str) -> ModelFile:
    """The file of a release that may be served.

    Raises NotFound, NotReleased or RevokedRelease; NotYet if ledger or job document have not been read.
    """
    release = _in_use(now, name, version)
    state = now.job(release.job)
    document = now.require_document(state)
    contracts = now.network.contracts
    place = Place(now.network.chain.id, contracts.ledger.address)
    return ModelFile(place, contracts.releases.address, release, state, document)


def _in_use(now: Reading, name: str, version: str) -> Release:
    """The errors of `ledger.history.names`, with advice for readers of pages."""
    try:
        found = released(now.snapshot.decisions, name, version)
        require_usable(found)
    except UnknownRelease as error:
        raise NotFound(error.message, advice="/releases lists them all") from error
    except NotReleased as error:
        raise NotReleased(error.message, advice=f"/proposals/{error.facts['proposal']}", **error.facts) from error
    except RevokedRelease as error:
        raise RevokedRelease(
            error.message, advice=f"/releases/{name} lists its other versions", **error.facts
        ) from error
    return found


def _report(library: Library, file: ModelFile) -> Evaluation | None:
    """The report that the release names. Raises what reading it from its holders raises."""
    digest = file.release.report
    if not any(digest):
        return None
    pieces = library.fetch(evaluation.cid_of(digest), 0, evaluation.MAX_SIZE + 1)
    return read_report(b"".join(bytes(piece) for piece in pieces), file.place, file.release.action)


async def _pieces(pieces: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """Pieces as they are read, on the threads that read content."""
    while (piece := await to_thread.run_sync(next, pieces, None, limiter=limiter)) is not None:
        yield piece


def _headers(tag: str) -> dict[str, str]:
    """A client with a copy revalidates it each time: a release may be revoked."""
    return {"ETag": f'"{tag}"', "Cache-Control": "no-cache", "Accept-Ranges": "none"}


def _holds(request: Request, tag: str) -> bool:
    return request.headers.get("if-none-match") == f'"{tag}"'


def _library(request: Request) -> Library:
    view: View = request.app.state.view
    return view.content


def _limiter(request: Request) -> CapacityLimiter:
    limiter: CapacityLimiter = request.app.state.readers
    return limiter
