"""A trustless gateway: serves single blocks and whole files as CARv1 over HTTP (IPFS Trustless Gateway). Alone it only
reads; a `Responder` may answer more (ledger/party/sharing/desk.py).

A raw block is served as it lies on the disk, not checked. A client must check it anyway, since a gateway may lie;
so a check here would protect nobody, would halve the speed, and would hide the very bytes by which an auditor finds
where a damaged copy differs and whose disk it is on. A CAR is read block by block from a checked source, since its
reader cannot skip a bad block: damage ends the response early, and the reader sees that it is cut.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

from ledger.errors import Corrupt, Malformed, Unavailable
from ledger.formats.cid import CHUNK, Cid
from ledger.http.conditions import has_already
from ledger.store import Blocks, Unreachable, car, several

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
CORRUPT_HEADER = "Fedledger-Corrupt"
"""On an error response: the CID of the block that this holder itself knows to be damaged."""
_TYPES = {"raw": RAW_TYPE, "car": CAR_TYPE}
LARGEST_BODY = CHUNK
"""Bytes of a request's body, at most: one block."""
RETRY = "10"
"""Seconds after which an archive may be asked for again."""
_FOREVER = "public, max-age=29030400, immutable"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Response:
    """What the application answers, before it is put into WSGI's form."""

    status: str
    body: Iterable[bytes]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What a client asked: `authorization` and `if_none_match` are the headers of these names, empty where there are
    none; `body` has at most `LARGEST_BODY` bytes.
    """

    method: str
    path: str
    authorization: str
    body: bytes
    if_none_match: str = ""


class Responder(Protocol):
    """Answers what is not for content; used by several threads."""

    def answer(self, request: Request) -> Response | None:
        """None where the path is none of its own."""
        ...


def application(blocks: Blocks, desk: Responder | None = None, archives: int = 4) -> App:
    """The gateway over one holder's blocks, as a WSGI application. `blocks` is used by several threads.

    So many `archives` are sent at a time, at most: each keeps a thread for as long as its reader takes.
    """
    places = threading.BoundedSemaphore(archives)

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = _several(blocks, environ) or _at_desk(desk, environ) or _respond(blocks, environ, places)
        headers = {"X-Content-Type-Options": "nosniff", **response.headers}
        start_response(response.status, list(headers.items()))
        if environ["REQUEST_METHOD"] != "HEAD":
            return response.body
        if isinstance(response.body, _Archive):
            response.body.close()
        return []

    return app


def _several(blocks: Blocks, environ: dict[str, Any]) -> Response | None:
    """See `ledger.store.several`. The response fits into the server's buffer, so that no thread waits for its reader.
    None where anything else is asked for.
    """
    if environ.get("PATH_INFO") != several.PATH:
        return None
    if environ["REQUEST_METHOD"] != "POST":
        return text("405 Method Not Allowed", "POST, with CIDs", Allow="POST")
    try:
        asked = several.parse(_body(environ, several.LONGEST_REQUEST + 1))
    except Malformed as error:
        return _refusal(error)
    pieces = several.answer(blocks, asked)
    length = str(sum(map(len, pieces)))
    return Response("200 OK", pieces, {"Content-Type": CAR_TYPE, "Content-Length": length, "Cache-Control": "no-store"})


def _body(environ: dict[str, Any], most: int) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(environ["wsgi.input"].read(min(length, most))) if length else b""


def _at_desk(desk: Responder | None, environ: dict[str, Any]) -> Response | None:
    if desk is None:
        return None
    body = _body(environ, LARGEST_BODY)
    path, authorization = str(environ.get("PATH_INFO", "")), str(environ.get("HTTP_AUTHORIZATION", ""))
    seen = str(environ.get("HTTP_IF_NONE_MATCH", ""))
    try:
        return desk.answer(Request(environ["REQUEST_METHOD"], path, authorization, body, seen))
    except (Malformed, Unavailable) as error:
        return _refusal(error)


def _respond(blocks: Blocks, environ: dict[str, Any], places: threading.Semaphore) -> Response:
    path = str(environ.get("PATH_INFO", ""))
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return text("405 Method Not Allowed", "this gateway only reads: GET or HEAD", Allow="GET, HEAD")
    if path == "/health":
        return _health()
    if not path.startswith("/ipfs/"):
        return text("404 Not Found", "ask for /ipfs/CID?format=raw, /ipfs/CID?format=car or /health")
    try:
        return _content(blocks, Cid.parse(path.removeprefix("/ipfs/")), environ, places)
    except (Malformed, Unavailable) as error:
        return _refusal(error)


def _refusal(error: Malformed | Unavailable) -> Response:
    if isinstance(error, Malformed):
        return text("400 Bad Request", str(error))
    if isinstance(error, Corrupt):
        damaged = str(error.facts.get("block", ""))
        return text("500 Internal Server Error", error.message, **{CORRUPT_HEADER: damaged})
    unreachable = isinstance(error, Unreachable)
    return text("503 Service Unavailable" if unreachable else "404 Not Found", error.message)


def _content(blocks: Blocks, cid: Cid, environ: dict[str, Any], places: threading.Semaphore) -> Response:
    form = _form(environ)
    tag = f'"{cid}.{form}"'
    headers = {
        "Content-Type": _TYPES[form] + ("; version=1; order=dfs; dups=n" if form == "car" else ""),
        "Content-Disposition": f'attachment; filename="{cid}.{"bin" if form == "raw" else "car"}"',
        "Cache-Control": _FOREVER,
        "Etag": tag,
        "Vary": "Accept",
    }
    if form == "car":
        return _archive(blocks, cid, headers, places)
    block = bytes(blocks.copy(cid))
    if has_already(str(environ.get("HTTP_IF_NONE_MATCH", "")), tag):
        return Response("304 Not Modified", [], headers)
    return Response("200 OK", [block], headers | {"Content-Length": str(len(block))})


def _archive(blocks: Blocks, cid: Cid, headers: dict[str, str], places: threading.Semaphore) -> Response:
    if not places.acquire(blocking=False):
        return text("503 Service Unavailable", "enough archives are being sent; ask again", **{"Retry-After": RETRY})
    try:
        pieces = car.write(blocks, cid)
        start = [next(pieces), next(pieces), next(pieces)]
    except BaseException:
        places.release()
        raise
    return Response("200 OK", _Archive(_until_damage(start, pieces), places), headers)


class _Archive:
    """The pieces of an archive that keeps a place until it is closed, which a server does in any case."""

    def __init__(self, pieces: Iterator[Any], places: threading.Semaphore) -> None:
        self._pieces, self._places, self._open = pieces, places, True

    def __iter__(self) -> Iterator[bytes]:
        return (bytes(piece) for piece in self._pieces)

    def close(self) -> None:
        if self._open:
            self._open = False
            self._places.release()


def _form(environ: dict[str, Any]) -> str:
    """`raw` or `car`, by the query or the Accept header; the query goes first. Raises Malformed for any other."""
    asked = parse_qs(str(environ.get("QUERY_STRING", ""))).get("format")
    if asked is None:
        kinds = [kind.split(";")[0].strip() for kind in str(environ.get("HTTP_ACCEPT", "")).split(",")]
        asked = [form for form, kind in _TYPES.items() if kind in kinds][:1]
    if len(asked) != 1 or asked[0] not in _TYPES:
        raise Malformed(f"this gateway serves format=raw ({RAW_TYPE}) or format=car ({CAR_TYPE})", asked=asked)
    return asked[0]


def _until_damage(start: list[Any], pieces: Iterator[Any]) -> Iterator[Any]:
    """The pieces of a CAR; where a block fails midway the connection is cut, for a status can no longer say it."""
    yield from start
    try:
        yield from pieces
    except Unavailable as error:
        raise ConnectionAbortedError(error.message) from error


def _health() -> Response:
    body = json.dumps({"formats": sorted(_TYPES)}).encode() + b"\n"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    return Response("200 OK", [body], headers)


def text(status: str, message: str, **headers: str) -> Response:
    """A response of one line."""
    body = message.encode() + b"\n"
    common = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    return Response(status, [body], common | headers)
