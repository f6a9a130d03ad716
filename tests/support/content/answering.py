"""Answers of servers in tests, in one line each."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

JSON = "application/json"
BLOCK = "application/vnd.ipld.raw"


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", kind: str = "", **headers: str) -> None:
    """Send an answer; underscores in headers' names stand for hyphens."""
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    handler.send_response(status)
    fields = {"Content-Type": kind} if kind else {}
    for name, value in {**fields, "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def always(status: int, body: bytes = b"", kind: str = "", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """The same answer to everything."""
    return lambda handler: send(handler, status, body, kind, **headers)


def chain(handler: BaseHTTPRequestHandler) -> None:
    """The first answer of a chain's node: its id is 1."""
    send(handler, 200, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', JSON)
