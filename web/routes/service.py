"""Routes that are not pages: health, readiness, metrics, live events, and content by CID."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Path, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from ledger.formats.cid import Cid
from ledger.store.gateway import CORRUPT_HEADER, application
from web.access import problems
from web.access.listeners import Listener, Listeners
from web.access.metrics import CONTENT_TYPE, Metrics
from web.access.sessions import is_https
from web.reading.activity import events_after
from web.reading.ledger import NotYet, Reading
from web.routes.access import SECURITY, may_read, require_insider
from web.routes.parameters import reading
from web.routes.responses import UNCACHED, caching, pieces_for
from web.view import View

POLL, HEARTBEAT = 0.25, 15.0
MOST_READERS = 8
MOST_TOLD = 50
"""A message of a change carries so many events at most."""
VALID = timedelta(days=180)
"""How long a reader may rely on security.txt."""
Form = Literal["raw", "car"]
CID_PATTERN = "^baf(krei|ybei)[a-h][a-z2-7]{50}[aeimquy4]$"
"""The CIDs that fedledger uses, as text, for the description alone; `Cid.parse` checks them."""
CidText = Annotated[str, Path(description="CID of a block or a file", json_schema_extra={"pattern": CID_PATTERN})]
router = APIRouter()


@router.get("/health", tags=["service"], summary="Whether the process responds at all")
async def health() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json", headers=UNCACHED)


@router.get("/ready", tags=["service"], summary="Whether the ledger has been read, and the chain still can be")
async def ready(request: Request) -> Response:
    now = reading(request)
    chain = now.chain
    if now.state.snapshot is None or not chain.up:
        raise NotYet("the chain cannot be read", advice="check that its node is running", trouble=chain.trouble)
    body = msgspec.json.encode({"status": "ready", "chain": chain})
    return Response(body, media_type="application/json", headers=UNCACHED)


@router.get("/metrics", tags=["service"], summary="Counts for Prometheus")
async def metrics(request: Request) -> Response:
    """To this machine and to members, unless the operator opened them to everyone."""
    counts: Metrics = request.app.state.metrics
    if not request.app.state.view.open_metrics:
        require_insider(request)
    relayer = request.app.state.view.relayer
    status = relayer.status() if relayer else None
    return Response(counts.text(reading(request).state, status), headers={"Content-Type": CONTENT_TYPE})


@router.get(SECURITY, include_in_schema=False)
async def security(request: Request) -> Response:
    """Where to report a fault in security (RFC 9116), if the operator says where."""
    view: View = request.app.state.view
    if not view.contact:
        raise HTTPException(404)
    until = (datetime.now(UTC) + VALID).strftime("%Y-%m-%dT00:00:00Z")
    text = f"Contact: {view.contact}\nExpires: {until}\n"
    if is_https(view.origin):
        text += f"Canonical: {view.origin}{SECURITY}\n"
    return Response(text, media_type="text/plain", headers=UNCACHED)


@router.get("/events", tags=["live"], summary="Server-sent events: one `change` for every change of the pages")
async def events(request: Request) -> Response:
    listeners: Listeners = request.app.state.listeners

    async def stream() -> AsyncIterator[bytes]:
        with listeners.admit(request.client.host if request.client else "") as listener:
            async for message in _messages(request, listener):
                yield message

    return StreamingResponse(stream(), media_type="text/event-stream", headers=UNCACHED)


async def _messages(request: Request, listener: Listener) -> AsyncIterator[bytes]:
    """The present state first, so that a client that returns knows whether it missed something; then every change."""
    view: View = request.app.state.view
    serial, silent, told = -1, 0.0, None
    yield b"retry: 3000\n\n"
    while not (view.closing.is_set() or listener.left) and may_read(request):
        now = Reading(view.network, view.latest.state)
        if now.state.serial != serial:
            serial, silent = now.state.serial, 0.0
            data, told = _change(now, told)
            yield b"event: change\nid: %d\ndata: %b\n\n" % (serial, data)
        elif silent >= HEARTBEAT:
            silent = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(POLL)
        silent += POLL


def _change(now: Reading, told: int | None) -> tuple[bytes, int | None]:
    """A change with the ledger's events that came since the event of number `told`, and the number of the last."""
    snapshot = now.state.snapshot
    last = snapshot.applied if snapshot else None
    since = last if told is None else told
    lines = events_after(now, since, MOST_TOLD) if since is not None and last is not None else ()
    missed = max(0, (last or 0) - (since or 0) - len(lines))
    change = {"fedledger": "event/1", "serial": now.state.serial, "chain": now.chain}
    return msgspec.json.encode(change | {"activity": lines, "missed": missed}), last


@router.get(
    "/ipfs/{cid}",
    tags=["content"],
    summary="A block (format=raw) or a whole file (format=car), to be checked by its reader",
)
async def content(request: Request, cid: CidText, format: Form | None = None) -> Response:
    """The gateway that every holder runs, over all holders, by the rules of docs/spec/content.md."""
    view: View = request.app.state.view
    view.content.check(Cid.parse(cid))
    started: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        started.update(status=int(status[:3]), headers=headers)

    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/ipfs/{cid}",
        "QUERY_STRING": request.url.query,
        "HTTP_ACCEPT": request.headers.get("accept", ""),
        "HTTP_IF_NONE_MATCH": ", ".join(request.headers.getlist("if-none-match")),
    }
    limiter: CapacityLimiter = request.app.state.readers
    body = await to_thread.run_sync(application(view.content), environ, start, limiter=limiter)
    if started["status"] >= 400:
        return _refusal(request, started["status"], b"".join(body), dict(started["headers"]))
    response = StreamingResponse(_pieces(pieces_for(request, body), limiter), status_code=started["status"])
    for name, value in started["headers"]:
        response.headers[name] = value
    if view.read == "members":
        response.headers["Cache-Control"] = caching(request)
    return response


async def _pieces(body: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """Pieces as they are read. Slow holders keep few threads busy, and never those of the pages."""
    while (piece := await to_thread.run_sync(next, body, None, limiter=limiter)) is not None:
        yield piece


def _refusal(request: Request, status: int, text: bytes, headers: dict[str, str]) -> Response:
    """The gateway's refusal in the one form that errors have here."""
    detail, damaged = text.decode(errors="replace").strip(), headers.get(CORRUPT_HEADER)
    problem = problems.of_status(status, detail)
    if damaged is not None:
        problem = problems.named("Corrupt", status, detail, "read it from another holder", {"block": damaged})
    return Response(problems.encoded(problem, request.scope["path"]), status, media_type=problems.MEDIA_TYPE)
