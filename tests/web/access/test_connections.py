"""Connections of strangers: one address shuts nobody else out, and who is too slow is hung up on. Over real sockets."""

import asyncio
import contextlib
import dataclasses
import io
import json
import socket
from collections import Counter
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from support.clock import fill_no_bucket
from support.web.released import address, known
from support.web.server import get, served, until, view_of
from support.worlds.releases import release
from support.worlds.world import World
from uvicorn.config import Config
from uvicorn.server import ServerState

from ledger.config import Gateway
from ledger.http import connections
from ledger.http.clients import Patience
from ledger.http.connections import LONGEST_HEAD, MOST_PIPELINED, SHARE, TAKEN, WebConnection
from web.access import listeners
from web.view import View

pytestmark = pytest.mark.usefixtures("descriptors")

STRANGER, READER = "127.0.0.2", "127.0.0.1"
HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
POST = (
    b"POST /sign-out.json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def view() -> View:
    return view_of(World().open_job().honest_round())


def connect(url: str, source: str = READER) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), parts.port or 0), 60, source_address=(source, 0))


def status(url: str, source: str, headers: dict[str, str] | None = None) -> int:
    parts = urlsplit(url)
    asked = HTTPConnection(str(parts.hostname), parts.port, timeout=60, source_address=(source, 0))
    with closing(asked) as connection:
        connection.request("GET", "/health", headers=headers or {})
        return connection.getresponse().status


def rest_of(connection: socket.socket) -> bytes:
    """All that still comes until the server hangs up."""
    said = b""
    while piece := connection.recv(1 << 16):
        said += piece
    return said


def read_until(connection: socket.socket, mark: bytes, times: int = 1) -> None:
    """Read until so much was said."""
    said = b""
    while said.count(mark) < times:
        piece = connection.recv(1 << 16)
        assert piece, f"hung up after {said!r}"
        said += piece


@pytest.mark.parametrize("said", [b"", HEAD, POST], ids=["nothing", "half a head", "half a body"])
def test_a_thousand_half_open_connections_of_one_address_shut_nobody_else_out(view: View, said: bytes) -> None:
    with served(view, patience=60) as url, ExitStack() as stack:
        kept = stack.enter_context(closing(HTTPConnection(READER, urlsplit(url).port, timeout=60)))
        kept.request("GET", "/health")
        assert kept.getresponse().read()
        for _ in range(1005):
            stack.enter_context(connect(url, STRANGER)).sendall(said)
        assert [status(url, READER) for _ in range(5)] == [200] * 5
        assert status(url, STRANGER) == 200, "the oldest of its own leaves for it"
        kept.request("GET", "/health")
        assert kept.getresponse().read(), "a connection that was answered is kept"


def test_many_addresses_share_the_places_and_the_largest_crowd_leaves(view: View) -> None:
    with served(view, patience=60) as url, ExitStack() as stack:
        for network in range(7):
            for _ in range(SHARE):
                stack.enter_context(connect(url, f"127.0.1.{network + 1}"))
        assert status(url, READER) == 200


def test_who_is_too_slow_is_hung_up_on(view: View) -> None:
    with served(view, patience=0.5) as url:
        for said in (b"", b"\r\n", HEAD, POST):
            with connect(url) as client:
                client.sendall(said)
                assert rest_of(client) == b"", said
        until(lambda: health(url) == 200)


def health(url: str) -> int:
    """The status of it; 0 where this client, too, was hung up on."""
    try:
        return get(url + "/health").status_code
    except httpx.TransportError:
        return 0


def test_drips_prolong_nothing(view: View) -> None:
    with served(view, patience=2) as url, ExitStack() as stack:
        answered: list[socket.socket] = []

        def is_answered() -> bool:
            client = stack.enter_context(connect(url))
            client.sendall(HEALTH)
            with contextlib.suppress(OSError):  # a busy machine is too slow for the patience, too
                answered.extend([client] * client.recv(1 << 16).startswith(b"HTTP/1.1 200"))
            return bool(answered)

        until(is_answered)
        client = answered[0]
        client.settimeout(0.1)
        ended = []

        def hung_up() -> bool:
            try:
                client.sendall(b"\r\n")
                ended.append(client.recv(1) == b"")
            except TimeoutError:
                return False
            except OSError:
                ended.append(True)
            return bool(ended)

        until(hung_up)
        assert ended == [True]


def test_a_reader_that_takes_nothing_is_hung_up_on(view: View) -> None:
    with served(view, patience=0.5) as url, connect(url) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        asked = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n"
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            while True:
                client.sendall(asked)


class Waiting(asyncio.Transport):
    """A connection to a client that takes a response at its own pace: `unsent` bytes wait for it."""

    def __init__(self, unsent: int) -> None:
        super().__init__()
        self.unsent, self.aborted = unsent, False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(("pace", "kept"), [(30_000, True), (TAKEN // 18, True), (TAKEN // 22, False), (0, False)])
def test_a_reader_that_takes_48_kib_in_20_seconds_is_kept_however_large_the_piece(
    monkeypatch: pytest.MonkeyPatch, pace: int, kept: bool
) -> None:
    now = [0.0]
    monkeypatch.setattr("ledger.http.clients.time.monotonic", lambda: now[0])
    transport, patience = Waiting(4 << 20), Patience(20)
    loop = asyncio.new_event_loop()
    connection = WebConnection(Config(lambda: None, http=WebConnection, ws="none"), ServerState(), {}, loop)
    connection.connection_made(transport)
    for second in range(120):
        now[0] = float(second)
        patience.look([connection])
        transport.unsent -= pace
    loop.close()
    assert transport.aborted is not kept


def test_a_head_has_a_length_and_a_client_so_many_requests_at_a_time(view: View) -> None:
    with served(view) as url:
        with connect(url) as client:
            client.sendall(HEAD + b"a" * LONGEST_HEAD)
            assert b"400 Bad Request" in rest_of(client)
        with connect(url) as client:
            client.sendall(HEALTH * (MOST_PIPELINED + 2))
            assert b"400 Bad Request" in rest_of(client)
        with connect(url) as client:
            client.sendall(HEALTH * MOST_PIPELINED)
            read_until(client, b'{"status":"ok"}', MOST_PIPELINED)


def test_pipelined_heads_may_come_in_any_pieces(view: View) -> None:
    one = HEAD.replace(b"GET /", b"GET /health") + b"a" * 2000 + b"\r\n\r\n"
    said = one * 20
    with served(view) as url, connect(url) as client:
        client.sendall(said[:100])
        for start in range(100, len(said), len(one)):
            client.sendall(said[start : start + len(one)])
            read_until(client, b'{"status":"ok"}')


@pytest.mark.parametrize("said", [HEAD + b"a" * LONGEST_HEAD, HEALTH * (MOST_PIPELINED + 2), b"no request\r\n\r\n"])
def test_no_refusal_is_written_into_a_response_that_is_on_its_way(view: View, said: bytes) -> None:
    with served(view) as url, connect(url) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        read_until(client, b"event: change")
        rest = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(said)
            rest = rest_of(client)
        assert b"400 Bad Request" not in rest


def test_a_trusted_proxy_has_all_places_and_names_its_clients(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SHARE", 3)
    log = io.StringIO()
    with served(view, log, proxies=("127.0.0.9", "10.0.0.0/8"), patience=60) as url, ExitStack() as stack:
        through = [stack.enter_context(connect(url, "127.0.0.9")) for _ in range(10)]
        direct = [stack.enter_context(connect(url, STRANGER)) for _ in range(10)]
        for client in (*through, direct[-1]):
            client.sendall(HEALTH)
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert direct[0].recv(1) == b""
        status(url, "127.0.0.9", {"X-Forwarded-For": "192.0.2.7, 2001:db8::1, 10.1.2.3"})
        status(url, "127.0.0.9", {"X-Forwarded-For": "192.0.2.7"})
        status(url, STRANGER, {"X-Forwarded-For": "192.0.2.7"})
    clients = Counter(json.loads(line)["client"] for line in log.getvalue().splitlines())
    assert clients == {"127.0.0.9": 10, STRANGER: 2, "2001:db8::1": 1, "192.0.2.7": 1}


def test_the_addresses_of_one_house_have_one_rate(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_no_bucket(monkeypatch)
    with served(dataclasses.replace(view, rate=1.0), proxies=("127.0.0.1",)) as url:
        named = [{"X-Forwarded-For": f"2001:db8::{number}"} for number in range(6)]
        assert [status(url, READER, headers) for headers in named][-1] == 429
        assert status(url, READER, {"X-Forwarded-For": "2001:db8:0:1::1"}) == 200


def test_listeners_are_shared_by_address_and_the_oldest_leaves(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PLACES", 8)
    monkeypatch.setattr(listeners, "SHARE", 4)
    listen = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with served(view) as url, ExitStack() as stack:
        opened: dict[str, list[socket.socket]] = {}
        for source in [STRANGER] * 5 + ["127.0.0.3"] * 5 + [READER]:
            client = stack.enter_context(connect(url, source))
            client.sendall(listen)
            read_until(client, b"event: change")
            opened.setdefault(source, []).append(client)
        for left in (opened[STRANGER][0], opened["127.0.0.3"][0], opened[STRANGER][1]):
            read_until(left, b"0\r\n\r\n")
        assert "listeners 8.0" in get(url + "/metrics").text


def test_a_holder_that_is_silent_does_not_keep_the_server_from_stopping(capfd: pytest.CaptureFixture[str]) -> None:
    world = World().open_job().honest_round()
    made = release(world)
    with socket.create_server((READER, 0)) as silent:
        gateway = Gateway(name="silent", url=f"http://{READER}:{silent.getsockname()[1]}")
        view = view_of(world, known=msgspec.structs.replace(known(world), gateways=(gateway,)))
        with ExitStack() as stack:
            with served(view) as url, connect(url) as client:
                client.sendall(b"GET " + address(made).encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                stack.enter_context(silent.accept()[0])
            assert capfd.readouterr().err == ""
