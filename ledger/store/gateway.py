"""A read-only trustless gateway: serves single blocks and whole files as CARv1 over HTTP (IPFS Trustless Gateway).

A raw block is served as it lies on the disk, not checked. A client must check it anyway, since a gateway may lie;
so a check here would protect nobody, would halve the speed, and would hide the very bytes by which an auditor finds
where a damaged copy differs and whose disk it is on. A CAR is read block by block from a checked source, since its
reader cannot skip a bad block: damage ends the response early, and the reader sees that it is cut.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ledger.errors import Corrupt, Malformed, Unavailable, UsageError
from ledger.formats.cid import Cid
from ledger.store import Blocks, Unreachable, car

RAW_TYPE = "application/vnd.ipld.raw"
CAR_TYPE = "application/vnd.ipld.car"
CORRUPT_HEADER = "Fedledger-Corrupt"
"""On an error response: the CID of the block that this holder itself knows to be damaged."""
_TYPES = {"raw": RAW_TYPE, "car": CAR_TYPE}
_FOREVER = "public, max-age=29030400, immutable"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Answer:
    """What the application answers, before it is put into WSGI's form."""

    status: str
    body: Iterable[bytes]
    headers: dict[str, str] = field(default_factory=dict)


def application(blocks: Blocks) -> App:
    """The gateway over one holder's blocks, as a WSGI application. `blocks` is used by several threads."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = _answer(blocks, environ)
        headers = {"X-Content-Type-Options": "nosniff", **answer.headers}
        start_response(answer.status, list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body

    return app


def _answer(blocks: Blocks, environ: dict[str, Any]) -> Answer:
    path = str(environ.get("PATH_INFO", ""))
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return _text("405 Method Not Allowed", "this gateway only reads: GET or HEAD", Allow="GET, HEAD")
    if path == "/health":
        return _health()
    if not path.startswith("/ipfs/"):
        return _text("404 Not Found", "ask for /ipfs/CID?format=raw, /ipfs/CID?format=car or /health")
    try:
        return _content(blocks, Cid.parse(path.removeprefix("/ipfs/")), environ)
    except (Malformed, Unavailable) as error:
        return _refusal(error)


def _refusal(error: Malformed | Unavailable) -> Answer:
    if isinstance(error, Malformed):
        return _text("400 Bad Request", str(error))
    if isinstance(error, Corrupt):
        damaged = str(error.facts.get("block", ""))
        return _text("500 Internal Server Error", error.message, **{CORRUPT_HEADER: damaged})
    unreachable = isinstance(error, Unreachable)
    return _text("503 Service Unavailable" if unreachable else "404 Not Found", error.message)


def _content(blocks: Blocks, cid: Cid, environ: dict[str, Any]) -> Answer:
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
        pieces = car.write(blocks, cid)
        start = [next(pieces), next(pieces), next(pieces)]
        return Answer("200 OK", (bytes(piece) for piece in _until_damage(start, pieces)), headers)
    block = bytes(blocks.copy(cid))
    if environ.get("HTTP_IF_NONE_MATCH") in {tag, "*"}:
        return Answer("304 Not Modified", [], headers)
    return Answer("200 OK", [block], headers | {"Content-Length": str(len(block))})


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


def _health() -> Answer:
    body = json.dumps({"formats": sorted(_TYPES)}).encode() + b"\n"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    return Answer("200 OK", [body], headers)


def _text(status: str, message: str, **headers: str) -> Answer:
    body = message.encode() + b"\n"
    common = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
    }
    return Answer(status, [body], common | headers)


class GatewayServer:
    """A running gateway: its `url`, and `close()`."""

    def __init__(self, server: Any, sockets: dict[int, Any], host: str, patience: float) -> None:
        from ledger.store.slow_clients import Patience

        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{server.effective_port}"
        self._server, self._sockets = server, sockets
        self._patience = Patience(server, patience)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port; calling it again is harmless."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._server.pull_trigger()
        self._thread.join()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        for connection in list(self._sockets.values()):
            connection.close()

    def wait(self) -> None:
        """Serve until `close` is called from elsewhere or the process is interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def _run(self) -> None:
        from waitress import wasyncore

        while not self._stop.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)
            self._patience.look()


def serve(
    blocks: Blocks, host: str = "127.0.0.1", port: int = 0, *, threads: int = 8, patience: float = 20.0
) -> GatewayServer:
    """Start a gateway; port 0 takes a free one. A client slower than `patience` seconds is cut off.

    Raises Unavailable for a taken port, UsageError for a bad host.
    """
    from waitress.server import create_server

    sockets: dict[int, Any] = {}
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
        shown = f"[{address}]" if ":" in str(address) else address
        server = create_server(
            application(blocks),
            map=sockets,
            listen=f"{shown}:{port}",
            threads=threads,
            ident="fedledger",
            connection_limit=200,
            channel_timeout=60,
            cleanup_interval=10,
            max_request_header_size=16384,
            max_request_body_size=1024,
            outbuf_overflow=1 << 23,
            outbuf_high_watermark=1 << 22,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=True,
        )
    except (socket.gaierror, OverflowError, ValueError) as error:
        raise UsageError(f"cannot serve on {host}:{port}: {error}", host=host, port=port) from error
    except OSError as error:
        for connection in list(sockets.values()):
            connection.close()
        raise Unavailable(
            f"cannot serve on {host}:{port}: {error.strerror}",
            advice="choose another port, or 0 for any free one",
            host=host,
            port=port,
        ) from error
    return GatewayServer(server, sockets, str(address), patience)
