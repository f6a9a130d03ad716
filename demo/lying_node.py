"""A node that lies about logs, for the demo and the tests: a proxy before an honest one, which edits what `eth_getLogs`
answers.
"""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ledger.chain.build import committed
from ledger.chain.codec import signature
from ledger.formats.claims import OPENING, UpdateOpening, pack_openings, unpack_openings
from ledger.formats.digest import keccak

Log = dict[str, Any]
Edit = Callable[[list[Log]], list[Log]]
Forge = Callable[[dict[str, Any], Any], Any]
"""From a request and its result to what is said instead."""
WORD = 64
"""Hexadecimal digits of a word."""
OPENINGS = 3
"""Words of an UpdatesOpened's data before what was opened: deadline, offset, length."""


def topic(event: str) -> str:
    """The first topic of an event of RoundLedger."""
    entry = next(entry for entry in committed("ledger").abi if entry["type"] == "event" and entry["name"] == event)
    return "0x" + keccak(signature(entry).encode()).hex()


def number(log: Log, place: int = 2) -> int:
    """An indexed number: the round, by default."""
    return int(log["topics"][place], 16)


def word(log: Log, place: int, value: bytes | int) -> Log:
    """The log with another word in its data."""
    digits = value.to_bytes(32, "big").hex() if isinstance(value, int) else value.hex()
    data = log["data"].removeprefix("0x")
    return log | {"data": "0x" + data[: place * WORD] + digits + data[(place + 1) * WORD :]}


def heavier(logs: list[Log]) -> list[Log]:
    """The first update opened gets another weight."""
    first = next((log for log in logs if log["topics"][0] == topic("UpdatesOpened")), None)
    return [opened(log, weight=1 + opening_of(log).weight) if log is first else log for log in logs]


def opening_of(log: Log) -> UpdateOpening:
    """The first of the updates that a log of UpdatesOpened opens."""
    packed = bytes.fromhex(log["data"][2 + WORD * OPENINGS :])
    return unpack_openings(packed[:OPENING])[0]


def opened(log: Log, **changes: Any) -> Log:
    """The log, its first update changed."""
    changed = pack_openings([opening_of(log)._replace(**changes)]).hex()
    start = 2 + WORD * OPENINGS
    return log | {"data": log["data"][:start] + changed + log["data"][start + len(changed) :]}


@contextmanager
def lying(url: str, edit: Edit, refuse: tuple[str, ...] = (), forge: Forge | None = None) -> Iterator[str]:
    """The URL of a node that says what the one at `url` says, but for logs, and refuses the methods named.

    `forge` changes the result of any other method.
    """

    def told(asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        method = asked["method"]
        if method in refuse:
            return {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32601, "message": "no such method"}}
        if "result" not in answer:
            return answer
        if method == "eth_getLogs":
            return answer | {"result": edit(answer["result"])}
        return answer | {"result": forge(asked, answer["result"])} if forge else answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(body)
            onward = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  our own node
            with urllib.request.urlopen(onward) as response:  # noqa: S310
                answer = json.loads(response.read())
            whole = [told(*pair) for pair in zip(asked, answer, strict=True)] if isinstance(asked, list) else None
            data = json.dumps(whole or told(asked, answer)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
