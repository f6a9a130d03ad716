"""How documents leave: as JSON that may not be kept, or with a tag by which a client learns whether it has changed."""

import msgspec
from fastapi import Request, Response

from ledger.formats.digest import sha256
from web.view import View

UNCACHED = {"Cache-Control": "no-store"}


def uncached(document: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json", headers=UNCACHED)


def caching(request: Request) -> str:
    """What may be kept of a response: only by the reader itself, if reading is for members."""
    view: View = request.app.state.view
    return "private, no-cache" if view.read == "members" else "no-cache"


def tagged(request: Request, body: bytes, kind: str) -> Response:
    """A body with its ETag; 304 if the client has it."""
    tag = f'"{sha256(body).hex()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": caching(request), "Vary": "Accept-Language, Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=kind, headers=headers)
