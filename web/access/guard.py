"""What surrounds every response: limits, security headers, the access log, counts. One ASGI layer, no framework."""

import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from ledger.errors import FedledgerError
from ledger.http.buckets import Buckets
from ledger.http.clients import owner_of
from ledger.http.hosts import is_ours
from ledger.jobs.document import MAX_SIZE
from web.access import json_body, links, problems
from web.access.metrics import Metrics
from web.access.sessions import Sessions, Visitor, cookie_name, is_https
from web.documents.common import Problem
from web.documents.drafts import LARGEST

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_ADDRESS = 1024
LARGEST_BODY = json_body.LARGEST
LARGER_BODIES = {
    path + form: most for path, most in (("/jobs/check", MAX_SIZE), ("/jobs/draft", LARGEST)) for form in ("", ".json")
}
"""Where more may be sent: a job's document, and shared profiles, by a member that is signed in."""
READS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000"}
"""With an https origin: for a year browsers come by https alone (RFC 6797)."""


class AccessLog:
    """One JSON line for each request."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    def write(self, **facts: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._out.write(json.dumps({"time": now, **facts}) + "\n")
        self._out.flush()


class Guard:
    """Wraps the application. A request comes from the connection's own address: no header is believed. Its sender is
    the member whose session it carries."""

    def __init__(
        self,
        app: App,
        *,
        hosts: tuple[str, ...],
        origin: str,
        buckets: Buckets,
        metrics: Metrics,
        sessions: Sessions,
        log: AccessLog | None,
        refused: Callable[[Scope, Problem, dict[str, str]], App],
    ) -> None:
        self._app, self._hosts, self._origin, self._buckets, self._refused = app, hosts, origin, buckets, refused
        self._metrics, self._sessions, self._log = metrics, sessions, log
        self._cookie = cookie_name(origin)
        named = HEADERS | (STRICT_TRANSPORT if is_https(origin) else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in named.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Response(send, self._headers, head=scope["method"] == "HEAD")
        began = time.monotonic()
        client = (scope.get("client") or ("-",))[0]
        visitor = self._sessions.visitor(_token(scope, self._cookie))
        scope.setdefault("state", {}).update(visitor=visitor, head=response.head)
        try:
            refusal = self._refuse(scope, client, visitor)
            if refusal is not None:
                await self._refused(scope, *refusal)(scope, receive, response)
            else:
                if response.head and scope["path"] != "/events" and not scope["path"].startswith(links.PATH):
                    fields = [pair for pair in scope["headers"] if pair[0] != b"range"]  # GET alone has ranges
                    scope = {**scope, "method": "GET", "headers": fields}
                await self._app(scope, receive, response)
        except (ConnectionAbortedError, RuntimeError) as error:
            if not (response.started and _is_known(error) and "cut" in scope["state"]):
                raise
            await _cut(scope, receive)
        finally:
            seconds = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "") or "-"
            self._metrics.request(route, response.status, seconds)
            if self._log is not None:
                self._log.write(
                    client=client,
                    **_named(visitor),
                    method=scope["method"],
                    path=_shown(scope)[:LONGEST_ADDRESS],
                    status=response.status,
                    bytes=response.bytes,
                    ms=round(seconds * 1000, 1),
                )

    def _refuse(self, scope: Scope, client: str, visitor: Visitor) -> tuple[Problem, dict[str, str]] | None:
        """Why a request is not served; None if it is.

        1. Its one host is ours. 2. Its address is not too long, 3. nor its body. 4. What writes does not come from a
        page of another server. 5. There are not too many requests from one address, or in one session.
        """
        headers = dict(scope["headers"])
        if not is_ours(scope["headers"], self._hosts):
            return problems.of_status(421), {}
        if len(_address(scope)) > LONGEST_ADDRESS:
            return problems.of_status(414), {}
        length = headers.get(b"content-length", b"0")
        most = LARGER_BODIES.get(scope["path"], LARGEST_BODY) if visitor.session else LARGEST_BODY
        if not length.isdigit() or len(length) > 9 or int(length) > most:
            return problems.of_status(413), {}
        if scope["method"] not in READS and not self._from_here(headers):
            return problems.of_status(403), {}
        wait = self._buckets.take(owner_of(client)) or (
            visitor.session and self._buckets.take(f"session {visitor.token}")
        )
        if wait:
            return problems.of_status(429), {"Retry-After": problems.retry_after(wait)}
        return None

    def _from_here(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a page of this server sent it, or no page at all: browsers say so by themselves."""
        if headers.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}:
            return False
        origin = headers.get(b"origin")
        if origin is None:
            return True
        if self._origin:
            return origin.decode("latin-1") == self._origin
        return origin in {scheme + headers.get(b"host", b"") for scheme in (b"http://", b"https://")}


class _Response:
    """Sends a response with the headers that every one has, and counts it; HEAD gets no body."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]], *, head: bool) -> None:
        self._send, self._headers, self.head = send, headers, head
        self.status, self.bytes, self.started = 500, 0, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.started = message["status"], True
            present = {name.lower() for name, _ in message.get("headers", [])}
            extra = [(name, value) for name, value in self._headers if name not in present]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            self.bytes += len(body)
            if self.head:
                message = {**message, "body": b""}
        await self._send(message)


def _is_known(error: Exception) -> bool:
    """Whether a response could not be finished for a reason that is no defect: a holder failed half way, mostly."""
    return isinstance(error, ConnectionAbortedError) or isinstance(error.__cause__, FedledgerError)


async def _cut(scope: Scope, receive: Receive) -> None:
    """Hang up, so that the client sees that its response is not whole. A defect is raised, and printed, instead."""
    scope["state"]["cut"]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return str(scope["path"]) + (f"?{query}" if query else "")


def _shown(scope: Scope) -> str:
    """The address for the log: a link to sign in with is cut."""
    return f"{links.PATH}…" if scope["path"].startswith(links.PATH) else _address(scope)


def _token(scope: Scope, wanted: str) -> str:
    """The token of a session, from the cookie of that name."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            for cookie in value.decode("latin-1").split(";"):
                key, _, token = cookie.strip().partition("=")
                if key == wanted:
                    return str(token)
    return ""


def _named(visitor: Visitor) -> dict[str, object]:
    session = visitor.session
    return {"member": session.index, "key": session.address} if session else {}
