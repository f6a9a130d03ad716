"""Released models as files, under their names: what was not released, or was revoked, is refused with the reason.

A model is read whole and compared with its root before the first byte of it leaves. What is sent afterwards is read
again, block by block, each compared with its CID; of a range (RFC 9110, section 14) only what it is made from.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from ledger.errors import Refuted
from ledger.events.proposals import Release
from ledger.formats.digest import sha256
from ledger.history.names import NotReleased, RevokedRelease, UnknownRelease, released, require_usable
from ledger.party.publishing import read_report
from ledger.releases import report as evaluation
from ledger.releases.card import FILE as CARD
from ledger.releases.card import Card
from ledger.releases.file import NAME, ModelFile
from ledger.releases.report import Evaluation
from web.access import problems
from web.documents.common import Problem
from web.reading.cards import model_file
from web.reading.ledger import NotFound, Reading
from web.reading.library import Library
from web.routes import ranges
from web.routes.parameters import NAME_PATTERN, reading
from web.routes.responses import caching, has_copy, pieces_for
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
        403: {"description": "proposed, and not released", "content": _problem(problems.of_error(pending))},
        410: {"description": "revoked, with the reason", "content": _problem(problems.of_error(gone))},
        502: {
            "description": "what the holders have is not what the release names",
            "content": _problem(problems.of_error(other)),
        },
    }


def _problem(problem: Problem) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {problems.MEDIA_TYPE: {"schema": schema, "example": msgspec.to_builtins(problem)}}


_FILE = {"type": "string", "format": "binary"}
_MODEL = _responses("application/octet-stream", _FILE) | {
    206: {"description": "the part of it that Range names", "content": {"application/octet-stream": {"schema": _FILE}}},
    416: {"description": "the file does not have those bytes", "content": _problem(problems.of_status(416))},
}
_TEXT = _responses("text/markdown", {"type": "string"})


@router.get(f"/{NAME}", response_class=StreamingResponse, responses=_MODEL, summary="A released model as safetensors")
async def released_model(request: Request, name: Name, version: Version) -> Response:
    """The model as safetensors, as `fedledger release fetch` writes it (docs/spec/release.md); one range of it, too."""
    file = file_of(reading(request), name, version)
    tag, library, limiter = f'"{file.tag}"', _library(request), _limiter(request)
    headers = _headers(request, tag) | {"Accept-Ranges": "bytes"}
    if has_copy(request, tag):
        return Response(status_code=304, headers=headers)
    wanted = ranges.wanted(request.headers, tag, file.size)
    digest = await to_thread.run_sync(library.digest, file, limiter=limiter)
    headers["Content-Disposition"] = f'attachment; filename="{name}-{version}.safetensors"'
    headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(digest).decode()}:"
    status, made = 200, file.pieces(library.fetch)
    if wanted is not None:
        status, made = 206, file.part(library.fetch, wanted.start, wanted.stop)
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{file.size}"
    headers["Content-Length"] = str(len(wanted) if wanted is not None else file.size)
    return StreamingResponse(
        _pieces(pieces_for(request, made), limiter), status, headers=headers, media_type="application/octet-stream"
    )


@router.get(f"/{CARD}", response_class=Response, responses=_TEXT, summary="The card of a released model")
async def released_card(request: Request, name: Name, version: Version) -> Response:
    """The model's card, as `fedledger release fetch` writes it; Hugging Face tools read it."""
    now = reading(request)
    file = file_of(now, name, version)
    report = await to_thread.run_sync(_report, _library(request), file, limiter=_limiter(request))
    text = Card.of(file, report, now.snapshot.decisions, now.network.name, now.name).text()
    tag = f'"{sha256(text.encode()).hex()[:32]}"'
    headers = _headers(request, tag)
    if has_copy(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type="text/markdown; charset=utf-8")


def file_of(now: Reading, name: str, version: str) -> ModelFile:
    """The file of a release that may be served.

    Raises NotFound, NotReleased or RevokedRelease; NotYet if ledger or job document have not been read.
    """
    return model_file(now, _in_use(now, name, version))


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
        raise type(error)(error.message, advice=f"/releases/{name} lists its other versions", **error.facts) from error
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


def _headers(request: Request, tag: str) -> dict[str, str]:
    """A client with a copy revalidates it each time: a release may be revoked."""
    return {"ETag": tag, "Cache-Control": caching(request)}


def _library(request: Request) -> Library:
    view: View = request.app.state.view
    return view.content


def _limiter(request: Request) -> CapacityLimiter:
    limiter: CapacityLimiter = request.app.state.readers
    return limiter
