"""Responses in gzip, for clients that take it.

Secrets are not compressed beside what a sender chooses: a length would show them (BREACH). Signing in is left out; no
page has a token; and what only members read needs a session, whose cookie no page elsewhere can have sent along.
"""

import re
from collections.abc import MutableMapping
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST = 1024
"""Bytes of a body below which compressing is not worth it."""
_LEVEL = 6
_NO_GZIP = re.compile(rb"(?:^|[,\s])gzip[ \t]*;[ \t]*q=0(?:\.0{0,3})?[ \t]*(?:,|$)", re.IGNORECASE)
_LEFT = ("/events", "/ipfs/", "/session.json", "/sign-")
"""Beginnings of addresses that are sent as they are: streams, blocks, and what a session is made with."""


class Compressed:
    """Wraps an application. Models are left as they are: floats hardly shrink, and ranges count their bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._gzip = app, GZipMiddleware(app, minimum_size=SMALLEST, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(_LEFT) or path.endswith(".safetensors"):
            await self._app(scope, receive, send)
            return

        scope["headers"] = [field for field in scope["headers"] if not _refuses_gzip(*field)]

        async def weakened(message: Message) -> None:
            await send(_weakened(message))

        await self._gzip(scope, receive, weakened)


def _refuses_gzip(name: bytes, value: bytes) -> bool:
    """Whether a header says that gzip may not be sent: its weight is zero (RFC 9110, section 12.4.2)."""
    return name == b"accept-encoding" and _NO_GZIP.search(value) is not None


def _weakened(message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A strong tag names the bytes of one encoding: in another the tag is weak (RFC 9110, section 8.8.3.3)."""
    if message["type"] != "http.response.start" or (b"content-encoding", b"gzip") not in message["headers"]:
        return message
    headers = [
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value)
        for name, value in message["headers"]
    ]
    return {**message, "headers": headers}
