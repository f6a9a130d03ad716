"""A gateway before clients that mean it harm, and a client before addresses and holders that do."""

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from support.content.holders import Memory

from ledger.errors import Unavailable, UsageError
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.party.connection import remotes
from ledger.store import Unreachable, remote
from ledger.store.gateway_server import GatewayServer, serve
from ledger.store.remote import Remote

DATA = hashlib.shake_128(b"slow").digest(24 * CHUNK)
THREADS = 2
BLOCK = raw(DATA[:CHUNK])


@pytest.fixture
def memory() -> Memory:
    return Memory("hospital")


@pytest.fixture
def gateway(memory: Memory) -> Iterator[GatewayServer]:
    running = serve(memory, threads=THREADS, patience=0.5)
    yield running
    running.close()


def connect(gateway: GatewayServer) -> socket.socket:
    parts = urlsplit(gateway.url)
    return socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10)


def healthy(gateway: GatewayServer, timeout: float) -> bool:
    parts = urlsplit(gateway.url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200


def test_readers_that_never_read_do_not_keep_a_gateways_threads(memory: Memory, gateway: GatewayServer) -> None:
    cid = memory.add(DATA)
    with ExitStack() as stack:
        for _ in range(THREADS + 1):
            reader = stack.enter_context(connect(gateway))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.2)
        assert healthy(gateway, timeout=8)


def test_a_request_in_drips_is_hung_up_on(gateway: GatewayServer) -> None:
    with connect(gateway) as slow:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() < began + 8:
                slow.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - began < 5


def test_a_slow_but_steady_reader_gets_all_of_it(memory: Memory, gateway: GatewayServer) -> None:
    cid = memory.add(DATA)
    with connect(gateway) as reader:
        reader.sendall(f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received, began = 0, time.monotonic()
        while piece := reader.recv(1 << 20):
            received += len(piece)
            time.sleep(0.04)
        assert time.monotonic() - began > 0.6, "longer than the gateway's patience"
    assert received > len(DATA)


HOSTILE = [
    "http://[",
    "http://h:99999",
    "http://h:x",
    "http://h:0",
    "http://℀.com",
    "http://a..b",
    "http://" + "a" * 64,
    "http://127.0.0.1/é",
    "http://127.0.0.1/a b",
    "http://127.0.0.1/\x1b[31m",
    "http://127.0.0.1/\r\nX: y",
    "file:///etc/hostname",
    "unix:/socket",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_an_address_that_cannot_be_is_refused_and_stops_nobody(url: str) -> None:
    with pytest.raises(UsageError, match="holder's address"):
        Remote("member 3", url)
    assert remotes([("member 3", url)]) == []


def test_link_local_peers_hear_nothing(gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for peer in ("169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254"):
        assert remote._is_link_local(peer)
    for peer in ("127.0.0.1", "10.0.0.1", "::1", "2001:db8::1", "192.168.1.1"):
        assert not remote._is_link_local(peer)
    monkeypatch.setattr(remote, "_is_link_local", lambda peer: peer == "127.0.0.1")
    with closing(Remote("cloud", gateway.url)) as holder, pytest.raises(Unreachable, match="link-local"):
        holder.get(BLOCK)


@pytest.mark.parametrize(
    "path",
    [
        "/ipfs/../../etc/passwd",
        "/ipfs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        f"/ipfs/{BLOCK}/../x",
        f"/ipfs/{BLOCK}%00",
        "/ipfs/" + "b" * 8000,
        "//ipfs/",
        "/ipfs/",
        f"/ipfs/{str(BLOCK).upper()}",
        f"/ipfs/{BLOCK}?format=raw&format=car",
        f"/ipfs/{BLOCK}?format=../raw",
    ],
)
def test_a_path_names_a_cid_or_nothing(path: str, gateway: GatewayServer) -> None:
    with connect(gateway) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), answer[:100]
    assert b"root:" not in answer


@pytest.mark.parametrize("size", [20_000, 2_000_000])
def test_endless_headers_are_refused(size: int, gateway: GatewayServer) -> None:
    with connect(gateway) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * size)
            assert connection.recv(100).startswith((b"HTTP/1.0 431", b"HTTP/1.1 431"))
        except ConnectionError:
            pass
    assert healthy(gateway, timeout=8)


def test_a_holder_is_asked_for_a_block_and_for_nothing_else(gateway: GatewayServer) -> None:
    """What a client asks for follows from the CID alone; credentials and queries of an address are not sent on."""
    asked: list[str] = []
    with closing(Remote("x", gateway.url.replace("http://", "http://user:secret@") + "/base?x=1#y")) as holder:
        original = holder._connection.putrequest

        def note(method: str, url: str, *arguments: object, **options: object) -> None:
            asked.append(f"{method} {url}")
            original(method, url, *arguments, **options)  # type: ignore[arg-type]

        holder._connection.putrequest = note  # type: ignore[method-assign,assignment]
        with pytest.raises(Unavailable, match="returned no block"):
            holder.get(Cid.parse(str(BLOCK)))
    assert asked == [f"GET /base/ipfs/{BLOCK}?format=raw"]
