"""An edge's addresses: FastAPI over the desk. Reading is free to all who reach it; what is written is signed."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ledger.errors import FedledgerError, Malformed, Unavailable, shown
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import encode, parse_address
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.http.buckets import Buckets
from ledger.http.clients import owner_of
from ledger.party.connection import Connection
from ledger.store import disk
from participant.edge.collecting import Collecting
from participant.edge.desk import EdgeDesk
from participant.edge.documents import PACE, SILENCE, UPDATE_HEADER, SignedUpdate, parse_update
from participant.edge.refusals import NothingThere, TooMany, UpdateTooLong, status_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
JSON, BYTES = "application/json", "application/octet-stream"
OPERATORS = frozenset({"file", "path", "folder", "home", "holder", "holders", "url"})
"""Facts for the edge's operator alone: an error that has one says no more than that."""
GONE = 499
"""The status that other servers count for a client that hung up."""


def create_app(desk: EdgeDesk, connection: Connection, rate: float) -> App:
    """The application; `rate` is the requests a second of one address, 0 for any number. It starts no thread."""
    app = FastAPI(title="fedledger edge", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    pages = _Pages(desk, connection)
    app.add_api_route("/v1/tasks", pages.tasks, methods=["GET"])
    app.add_api_route("/v1/documents/{digest}", pages.document, methods=["GET"])
    app.add_api_route("/v1/models/{cid}", pages.model, methods=["GET"])
    app.add_api_route("/v1/receipts/{job}/{round_}/{party}", pages.receipt, methods=["GET"])
    app.add_api_route("/v1/children/{job}/{round_}", pages.children, methods=["GET"])
    app.add_api_route("/v1/updates", pages.update, methods=["POST"])
    return _Limited(app, Buckets(rate))


class _Limited:
    """Around the application: requests of one address, counted."""

    def __init__(self, app: App, buckets: Buckets) -> None:
        self._app, self._buckets = app, buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seconds = self._buckets.take(owner_of((scope.get("client") or ("-",))[0]))
        refused = TooMany("too many requests from this address", seconds) if seconds else None
        app = problem(refused) if refused is not None else self._app
        await app(scope, receive, send)


class _Pages:
    def __init__(self, desk: EdgeDesk, connection: Connection) -> None:
        self._desk, self._connection = desk, connection

    async def tasks(self) -> Response:
        """The edge's rounds that collect now."""
        return Response(encode(self._desk.tasks), media_type=JSON)

    def document(self, digest: str) -> Response:
        """A job's document, or the edge's member list, by its SHA-256: of the rounds that collect now alone."""
        for at in self._desk.collecting():
            if digest == at.job.digest.hex():
                return Response(at.job.encode(), media_type=JSON)
            if digest == at.hierarchy.members(at.edge).hex():
                pieces = self._connection.fetch(Cid(RAW, bytes.fromhex(digest)), 0, None)
                return Response(b"".join(bytes(piece) for piece in pieces), media_type=JSON)
        raise NothingThere("no round that collects now has such a document", digest=digest[:80])

    def model(self, cid: str) -> Response:
        """The base model of a round that collects now."""
        at = next((one for one in self._desk.collecting() if str(one.base.cid) == cid), None)
        if at is None:
            raise NothingThere("no round that collects now builds on such a model", cid=cid[:80])
        headers = {"Content-Length": str(at.job.layout.size)}
        return StreamingResponse(self._file(at), media_type=BYTES, headers=headers)

    def receipt(self, job: int, round_: int, party: str) -> Response:
        """The receipt for a client's update."""
        found = (
            self._desk.folder.round(job, round_).find(parse_address(party, "a client's key"))
            if _is_round(job, round_)
            else None
        )
        if found is None:
            raise NothingThere(
                "no update of this client was taken in this round", job=job, round=round_, party=party[:80]
            )
        return Response(found.encode(), media_type=JSON)

    def children(self, job: int, round_: int) -> Response:
        """The list of those whose updates are in the sum."""
        found = self._desk.folder.round(job, round_).listed() if _is_round(job, round_) else None
        if found is None:
            raise NothingThere("the edge made no sum in this round, or not yet", job=job, round=round_)
        return Response(found, media_type=JSON)

    async def update(self, request: Request) -> Response:
        """Take a signed update: the header says what, the body has the bytes."""
        said = parse_update(request.headers.get(UPDATE_HEADER, "").encode())
        receipt = await run_in_threadpool(self._desk.find, said)
        if receipt is None:
            receipt = await self._take(said, request)
        return Response(receipt.encode(), media_type=JSON)

    async def _take(self, said: SignedUpdate, request: Request) -> EdgeReceipt:
        size = self._desk.size(said)
        with self._desk.place(size, said.party) as draft:
            await _received_in_time(request.stream(), draft, size)
            return await run_in_threadpool(self._desk.take, said, draft)

    def _file(self, at: Collecting) -> Iterator[bytes]:
        for piece in self._connection.fetch(at.base.cid, 0, at.job.layout.size):
            yield bytes(piece)


async def _received_in_time(body: AsyncIterator[bytes], draft: Path, size: int) -> None:
    """As `_receive`, by the pace that clients have. Raises Unavailable where a body drips."""
    try:
        async with asyncio.timeout(SILENCE + size / PACE):
            await _receive(body, draft, size)
    except TimeoutError as error:
        raise Unavailable("the update came too slowly", advice="send the same again", expected=size) from error


async def _receive(body: AsyncIterator[bytes], draft: Path, size: int) -> None:
    """Put a body of exactly so many bytes into a file, and the file on the disk. Raises UpdateTooLong, Malformed."""
    taken = 0
    with disk.translated(draft):
        file = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    with file:
        async for piece in body:
            taken += len(piece)
            if taken > size:
                raise UpdateTooLong("the update is longer than its job's", expected=size)
            _write(file, draft, piece)
        if taken != size:
            raise Malformed("the update is shorter than its job's", expected=size, actual=taken)
        file.flush()
        await asyncio.to_thread(disk.sync, file.fileno(), draft)


def _write(file: BinaryIO, draft: Path, piece: bytes) -> None:
    with disk.translated(draft):
        file.write(piece)


def _is_round(job: int, round_: int) -> bool:
    return 0 < job < 1 << 32 and 0 < round_ < 1 << 32


async def _refused(_: Request, error: Exception) -> Response:
    return problem(error) if isinstance(error, FedledgerError) else problem(_NOTHING)


async def _unserved(_: Request, error: Exception) -> Response:
    return problem(_NOTHING, getattr(error, "status_code", 404))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=GONE)


async def _defect(_: Request, error: Exception) -> Response:
    return problem(Unavailable(f"a defect of fedledger: {type(error).__name__}", advice="please report it"), 500)


_NOTHING = NothingThere("there is nothing at this address", advice="GET /v1/tasks says what the edge collects")
_ANSWERS = {
    FedledgerError: _refused,
    RequestValidationError: _unserved,
    HTTPException: _unserved,
    ClientDisconnect: _gone,
    Exception: _defect,
}


def problem(error: FedledgerError, status: int = 0) -> Response:
    """An error as the command line has it in JSON; what only the edge's operator is to see is left out."""
    facts = {name: value if isinstance(value, int) else shown(value)[:300] for name, value in error.facts.items()}
    inner = facts.keys() & OPERATORS
    words = ("the edge cannot do this now", "tell its operator") if inner else (error.message[:300], error.advice)
    document = {
        "error": error.kind,
        "message": words[0],
        "advice": words[1],
        "facts": {} if inner else facts,
    }
    status = status or status_of(error)
    rest = error.seconds if isinstance(error, TooMany) else 1.0
    return JSONResponse(document, status, headers={"Retry-After": str(ceil(rest))} if status in (429, 503) else {})
