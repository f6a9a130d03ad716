"""What a gateway takes in, where somebody answers for it: bodies of a block, from slow clients too, and no more."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from support.content.holders import Memory

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import CHUNK
from ledger.store.gateway import Request, Response, text
from ledger.store.gateway_server import GatewayServer, serve


class Clerk:
    """Answers below /desk/, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Response | None:
        if not request.path.startswith("/desk/"):
            return None
        self.asked.append(request)
        if request.path == "/desk/malformed":
            raise Malformed("not in its form")
        if request.path == "/desk/unavailable":
            raise Unavailable("not here")
        return text("200 OK", f"{len(request.body)}")


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def gateway(clerk: Clerk) -> Iterator[GatewayServer]:
    running = serve(Memory("hospital"), desk=clerk, patience=60)
    yield running
    running.close()


def put(gateway: GatewayServer, path: str, length: int, piece: int = 1, pause: float = 0.0, sent: int = -1) -> bytes:
    """The response to a request that says `length`, of which all, or `sent` bytes, are sent in pieces."""
    parts = urlsplit(gateway.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60) as client:
        head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Push x\r\n"
        client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        try:
            for at in range(0, length if sent < 0 else sent, piece):
                client.sendall(bytes(min(piece, length - at)))
                time.sleep(pause)
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
        except ConnectionError:
            return b""
    return answer


def test_a_block_from_a_slow_client_is_waited_for(clerk: Clerk) -> None:
    """For longer than the gateway waits for one that sends nothing. A busy machine may stand still for as long: then
    once more, with more patience.
    """
    answer = b""
    for patience in (1, 4, 16, 64):
        with closing(serve(Memory("hospital"), desk=clerk, patience=patience)) as gateway:
            if answer := put(gateway, "/desk/x", CHUNK, CHUNK // 6, patience / 5):
                break
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"%d\n" % CHUNK)
    assert (clerk.asked[0].authorization, clerk.asked[0].method) == ("Push x", "PUT")


IN_MEMORY = 1 << 19
"""Bytes of a body, at most, that are in memory while it comes: ADR 157 counts with them."""


@pytest.mark.parametrize("sent", [IN_MEMORY // 2, IN_MEMORY + CHUNK // 8])
def test_a_body_lies_in_memory_up_to_half_a_block_and_in_a_file_beyond(gateway: GatewayServer, sent: int) -> None:
    parts, end = urlsplit(gateway.url), time.monotonic() + 60
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60) as client:
        client.sendall(f"PUT /desk/x HTTP/1.1\r\nHost: x\r\nContent-Length: {CHUNK}\r\n\r\n".encode() + bytes(sent))
        while True:
            came = [one.request for one in gateway._server.active_channels.values() if one.request is not None]
            if came and came[0].body_rcv is not None and len(body := came[0].body_rcv.getbuf()) == sent:
                break
            assert time.monotonic() < end
            time.sleep(0.01)
        assert body.overflowed is (sent > IN_MEMORY)


def test_one_that_drips_is_cut_off(clerk: Clerk) -> None:
    with closing(serve(Memory("hospital"), desk=clerk, patience=0.6)) as gateway:
        assert put(gateway, "/desk/x", CHUNK, 1000, 0.2) == b""
    assert clerk.asked == []


def test_a_longer_body_is_refused(gateway: GatewayServer, clerk: Clerk) -> None:
    assert b" 413 " in put(gateway, "/desk/x", CHUNK + 1, sent=0).split(b"\r\n")[0]
    assert clerk.asked == []


@pytest.mark.parametrize(("path", "status"), [("malformed", b" 400 "), ("unavailable", b" 404 ")])
def test_errors_are_answered(gateway: GatewayServer, path: str, status: bytes) -> None:
    assert status in put(gateway, f"/desk/{path}", 1).split(b"\r\n")[0]


def test_all_else_is_the_gateways_own(gateway: GatewayServer) -> None:
    assert b" 405 " in put(gateway, "/ipfs/x", 1).split(b"\r\n")[0]
