"""The bodies of requests: JSON alone, not too large, and of the type that the route takes."""

from typing import Any

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException

from ledger.errors import Malformed

LARGEST = 16 << 10


async def read_json(request: Request, kind: Any, most: int = LARGEST) -> Any:
    """The body as a value of that type. Raises Malformed, and HTTPException if it is not declared as JSON or too large.

    Nothing but JSON is taken: otherwise a form on another site could be sent along with a member's cookie.
    """
    body = await read_body(request, most)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(
            f"the body is not what this address takes: {error}", advice="/openapi.json describes it"
        ) from error


async def read_body(request: Request, most: int) -> bytes:
    """The bytes of a body that is declared as JSON. Raises HTTPException if it is not, or larger than `most`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413)
    return bytes(body)
