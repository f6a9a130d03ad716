"""How documents leave: as JSON that may not be kept, or with a tag by which a client learns whether it has changed."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from fastapi import Request, Response

from ledger.formats.digest import sha256
from ledger.http.conditions import has_already
from web.drawing.language import COOKIE, choose
from web.view import View

UNCACHED = {"Cache-Control": "no-store"}


def uncached(document: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json", headers=UNCACHED)


def caching(request: Request) -> str:
    """What may be kept of a response: only by the reader itself, if reading is for members."""
    view: View = request.app.state.view
    return "private, no-cache" if view.read == "members" else "no-cache"


def pieces_for(request: Request, pieces: Iterable[Any]) -> Iterator[Any]:
    """The pieces of a long body; none for HEAD, so that nothing is read for it."""
    return iter(()) if request.state.head else iter(pieces)


def has_copy(request: Request, tag: str) -> bool:
    """Whether the client has what has this tag."""
    return has_already(", ".join(request.headers.getlist("if-none-match")), tag)


def tagged(request: Request, body: bytes, kind: str, *, same: bytes = b"", vary: str = "") -> Response:
    """A body with its ETag; 304 if the client has it. The tag names `same`, the body by default: all that counts of it.

    `vary` are the headers that choose the body; where only members read, the session's does as well.
    """
    view: View = request.app.state.view
    tag = f'W/"{sha256(same or body).hex()[:32]}"'
    vary = vary or ("Cookie" if view.read == "members" else "")
    headers = {"ETag": tag, "Cache-Control": caching(request)} | ({"Vary": vary} if vary else {})
    if has_copy(request, tag):
        response = Response(status_code=304, headers=headers)
        response.headers.add_vary_header("Accept-Encoding")
        return response
    return Response(body, media_type=kind, headers=headers)


def language_of(request: Request) -> str:
    """The language to respond in."""
    query, cookies = request.query_params.get("lang"), request.cookies.get(COOKIE)
    return choose(query, cookies, request.headers.get("accept-language", ""))
