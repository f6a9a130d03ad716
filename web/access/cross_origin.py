"""Pages of other servers may read what is public (CORS): with GET and HEAD, and nothing that a member is known by."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ = "GET, HEAD"
_CLOSED = ("/session.json", "/sign-")
"""Beginnings of addresses that are for this server's own pages."""
_HEADERS = {
    b"access-control-allow-origin": b"*",
    b"access-control-expose-headers": b"Accept-Ranges, Content-Range, ETag, Repr-Digest, Retry-After",
}
_PREFLIGHT = {
    b"access-control-allow-methods": READ.encode(),
    b"access-control-allow-headers": b"Accept, If-None-Match, If-Range, Range",
    b"access-control-max-age": b"86400",
}


class Shared:
    """Wraps the application of a server that everyone may read.

    Any origin, so without credentials: browsers send no cookie along, and have none here from another site's page. The
    counts are shared only where everyone may read them.
    """

    def __init__(self, app: ASGIApp, *, open_metrics: bool) -> None:
        self._app, self._closed = app, _CLOSED if open_metrics else (*_CLOSED, "/metrics")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method")
        if method not in {"GET", "HEAD", "OPTIONS"} or scope["path"].startswith(self._closed):
            await self._app(scope, receive, send)
            return
        added = list((_HEADERS | (_PREFLIGHT if method == "OPTIONS" else {})).items())

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, shared)
