"""The bodies of questions: JSON alone, of a size that can be, and of the form that is asked for."""

from typing import Any

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException

from ledger.errors import Malformed

LARGEST = 16 << 10


async def read_json(request: Request, kind: Any) -> Any:
    """The body as a value of that kind. Raises Malformed, and HTTPException for a body that is none or too large.

    JSON alone is taken: a form of another site's could else be sent along with a member's cookie.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise HTTPException(413)
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(
            f"the body is not what this address takes: {error}", advice="/openapi.json says what"
        ) from error
