"""Places on a gateway: one address that takes all it can get closes it to nobody else."""

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.content.holders import Memory

from ledger.formats.cid import CHUNK, Cid
from ledger.store import Buffer, several
from ledger.store.channels import EACH, PLACES, REST, SHARE, Door
from ledger.store.gateway_server import _LIMITS, GatewayServer, serve
from ledger.store.turns import Turns

pytestmark = pytest.mark.usefixtures("descriptors")

STRANGER, HOLDER = "127.0.0.2", "127.0.0.1"


@pytest.fixture
def gateway() -> Iterator[GatewayServer]:
    running = serve(Memory("hospital"), threads=2, patience=60)
    yield running
    running.close()


def connect(gateway: GatewayServer, source: str, timeout: float = 20) -> socket.socket:
    parts = urlsplit(gateway.url)
    return socket.create_connection((str(parts.hostname), parts.port or 0), timeout, source_address=(source, 0))


def status(gateway: GatewayServer, source: str) -> int:
    parts = urlsplit(gateway.url)
    asked = HTTPConnection(str(parts.hostname), parts.port, timeout=60, source_address=(source, 0))
    with closing(asked) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


@pytest.mark.parametrize("said", [b"", b"GET /health HT"])
def test_a_thousand_half_open_connections_of_one_address_keep_no_holder_out(
    gateway: GatewayServer, said: bytes
) -> None:
    with ExitStack() as stack:
        kept = stack.enter_context(closing(HTTPConnection(HOLDER, urlsplit(gateway.url).port, timeout=60)))
        kept.request("GET", "/health")
        assert kept.getresponse().read()
        for _ in range(1000):
            stack.enter_context(connect(gateway, STRANGER)).sendall(said)
        assert [status(gateway, HOLDER) for _ in range(5)] == [200] * 5
        assert status(gateway, STRANGER) == 200, "the oldest of its own leaves for it"
        assert len(gateway._server.active_channels) <= SHARE + 7
        kept.request("GET", "/health")
        assert kept.getresponse().read(), "a connection that was answered is kept"


def test_a_hundred_members_at_one_address_keep_their_connections(gateway: GatewayServer) -> None:
    """On one machine, or behind a proxy; and a stranger's thousand close none of them."""
    gateway.expect(100)
    with ExitStack() as stack:
        kept = [connect(gateway, HOLDER) for _ in range(100 * EACH)]
        for connection in kept:
            stack.enter_context(connection).sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1)
        for _ in range(1000):
            stack.enter_context(connect(gateway, STRANGER))
        for connection in kept:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1 << 16), "it is open"


class Shut(Memory):
    """A holder that answers nothing until it is `open`."""

    def __init__(self) -> None:
        super().__init__("hospital")
        self.open = threading.Event()

    def copy(self, cid: Cid) -> Buffer:
        self.open.wait(60)
        return super().copy(cid)


def until_busy(gateway: GatewayServer, number: int) -> None:
    """Wait until so many connections have a request."""
    end = time.monotonic() + 60
    while sum(one.busy for one in list(gateway._server.active_channels.values())) < number:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_address_of_many_connections_has_forty_requests_before_others() -> None:
    """Nor is any of its own hung up on: they wait for their turn."""
    shut = Shut()
    mine, theirs = shut.add(b"mine"), shut.add(b"theirs")
    with closing(serve(shut, threads=2, patience=60)) as running, ExitStack() as stack:
        running.expect(100)
        crowd = [stack.enter_context(connect(running, STRANGER)) for _ in range(100 * EACH)]
        for connection in crowd:
            connection.sendall(f"GET /ipfs/{theirs}?format=raw HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until_busy(running, len(crowd))
        connection = stack.enter_context(connect(running, HOLDER))
        connection.sendall(f"GET /ipfs/{mine}?format=raw HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until_busy(running, len(crowd) + 1)
        shut.open.set()
        assert all(one.recv(1) for one in [*crowd, connection])
    assert len(shut.asked) == len(crowd) + 1
    assert shut.asked.index(mine) <= SHARE


@dataclass(eq=False)
class Client:
    """A connection as `Turns` sees it."""

    address: str
    at_work: bool = True


def test_turns_go_to_the_address_that_is_least_at_work_and_end_with_the_response() -> None:
    begun = list[Client]()
    turns = Turns(begun.append, share=2, places=3)
    crowd = [Client(STRANGER) for _ in range(4)]
    for one in crowd:
        turns.take(one)
    assert begun == crowd[:2]
    first, second = Client(HOLDER), Client(HOLDER)
    turns.take(first)
    turns.take(second)
    assert begun == [*crowd[:2], first], "all places are taken"
    crowd[0].at_work = False
    turns.look()
    assert begun[3:] == [crowd[2]], "both have one at work, and it came first"
    first.at_work = False
    turns.look()
    assert begun[4:] == [second]
    crowd[1].at_work = False
    turns.take(crowd[2])
    assert begun[5:] == [crowd[3], crowd[2]], "who asks again does so behind those that wait"
    for one in (*crowd, second):
        one.at_work = False
    turns.look()
    assert not turns.awaited


def test_a_gateway_stays_below_its_servers_own_limit() -> None:
    door = Door()
    door.expect(255)
    assert door.places < _LIMITS["connection_limit"] - 20
    door.expect(4)
    assert (door.places, door.share) == (PLACES, SHARE)


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "places", "share"),
    [
        (20_000, 20_000, None, 965, 765),
        (1024, 4096, 2895, 965, 765),
        (1024, 1500, 1500, 500, 300),
        (256, 256, None, 85, SHARE),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, 965, 765),
        (1024, resource.RLIM_INFINITY, 2895, 965, 765),
    ],
)
def test_connections_and_bodies_leave_a_third_of_the_files_to_all_else(
    soft: int, hard: int, raised: int | None, places: int, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member of 255 visits all the others, too. A body beyond half of a block lies in a file of its own."""
    told = list[tuple[int, int]]()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, both: told.append(both))
    door = Door()
    door.expect(255)
    assert told == ([] if raised is None else [(raised, hard)])
    assert (door.places, door.share) == (places, share)


def test_a_gateway_that_can_open_nothing_rests_and_then_answers(gateway: GatewayServer) -> None:
    """It would else try again and again, with all of a core."""
    client, tries, real = socket.socket(), list[float](), gateway._server.accept

    def accept() -> Any:
        tries.append(time.monotonic())
        return real()

    gateway._server.accept = accept
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with client, ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        with pytest.raises(OSError, match="Too many"):
            while True:
                stack.callback(os.close, os.dup(client.fileno()))
        client.settimeout(60)
        client.connect((HOLDER, urlsplit(gateway.url).port))
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        end = time.monotonic() + 60
        while len(tries) < 3:
            assert time.monotonic() < end
            time.sleep(0.01)
        stack.close()
        assert client.recv(1)
    pauses = [later - earlier for earlier, later in pairwise(tries[:3])]
    assert min(pauses) >= REST


def test_many_addresses_share_the_places_and_the_largest_crowd_leaves(gateway: GatewayServer) -> None:
    with ExitStack() as stack:
        for network in range(10):
            for _ in range(SHARE):
                stack.enter_context(connect(gateway, f"127.0.1.{network + 1}"))
        assert status(gateway, HOLDER) == 200
        assert len(gateway._server.active_channels) <= PLACES


@pytest.mark.parametrize("several_at_a_time", [False, True])
def test_requests_ahead_of_their_responses_keep_no_thread(several_at_a_time: bool) -> None:
    """A response fits into a connection's buffer, and two of them do not; no client of ours asks ahead."""
    memory = Memory("hospital")
    cids = [memory.add(bytes([number]) * CHUNK) for number in range(2)]
    body = several.encode(cids)
    one = b"POST /blocks HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    if not several_at_a_time:
        one = f"GET /ipfs/{cids[0]}?format=raw HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with closing(serve(memory, threads=2, patience=60)) as running, ExitStack() as stack:
        for _ in range(4):
            reader = stack.enter_context(connect(running, STRANGER))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(one * 12)
        time.sleep(0.2)
        assert status(running, HOLDER) == 200


def test_one_that_never_says_anything_is_hung_up_on() -> None:
    running = serve(Memory("hospital"), threads=1, patience=0.3)
    with connect(running, HOLDER) as silent:
        assert silent.recv(1) == b""
    running.close()
