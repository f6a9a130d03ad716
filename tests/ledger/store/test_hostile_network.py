"""A gateway before clients that mean it harm, and a client before addresses and holders that do."""

import hashlib
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import msgspec
import pytest
from support.content.holders import Memory, Server

from ledger.config import Chain, Contract, Contracts, Founding, Gateway, Network
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Role
from ledger.formats.cid import CHUNK, raw
from ledger.history.state import Member
from ledger.http.networks import EVERYWHERE, Forbidden, Reach
from ledger.party.named_gateways import NamedGateway, named_gateways, remotes
from ledger.store import Unreachable
from ledger.store.gateway import application
from ledger.store.gateway_server import GatewayServer, serve
from ledger.store.holders import Holders
from ledger.store.remote import Remote

CONTRACT = Contract(address="0x" + "00" * 20, code_hash="0x" + "ab" * 32)
NETWORK = Network(
    fedledger="network/1",
    name="hospitals",
    chain=Chain(id=31337, rpc=""),
    founding=Founding(block=0, hash="0x" + "00" * 32, members=()),
    contracts=Contracts(
        consortium=CONTRACT,
        ledger=CONTRACT,
        scores=CONTRACT,
        releases=CONTRACT,
        ballots=CONTRACT,
        masks=CONTRACT,
        budgets=CONTRACT,
        court=CONTRACT,
    ),
)
DATA = hashlib.shake_128(b"slow").digest(24 * CHUNK)
THREADS = 2
BLOCK = raw(DATA[:CHUNK])


@pytest.fixture
def memory() -> Memory:
    return Memory("hospital")


@pytest.fixture
def gateway(memory: Memory) -> Iterator[GatewayServer]:
    running = serve(memory, threads=THREADS, patience=60)
    yield running
    running.close()


def connect(gateway: GatewayServer) -> socket.socket:
    parts = urlsplit(gateway.url)
    return socket.create_connection((str(parts.hostname), parts.port or 0), timeout=60)


def healthy(gateway: GatewayServer) -> bool:
    parts = urlsplit(gateway.url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200


@pytest.fixture
def hasty(memory: Memory) -> Iterator[GatewayServer]:
    """One that waits half a second for a client: on a busy machine that may be too short for any."""
    running = serve(memory, threads=THREADS, patience=0.5)
    yield running
    running.close()


def test_readers_that_never_read_do_not_keep_a_gateways_threads(memory: Memory, hasty: GatewayServer) -> None:
    cid = memory.add(DATA)
    with ExitStack() as stack:
        for _ in range(THREADS + 1):
            reader = stack.enter_context(connect(hasty))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.2)
        tries, answered = 0, False
        while not answered and (tries := tries + 1) < 100:
            with suppress(ConnectionError):
                answered = healthy(hasty)
        assert answered


def test_archives_take_no_more_than_half_of_the_threads_and_their_places_come_back(memory: Memory) -> None:
    cid, started = memory.add(DATA), list[str]()
    app = application(memory, archives=1)

    def ask(method: str = "GET", form: str = "car") -> Iterable[bytes]:
        asked = {"REQUEST_METHOD": method, "PATH_INFO": f"/ipfs/{cid}", "QUERY_STRING": f"format={form}"}
        return app(asked, lambda status, _: started.append(status))

    first = ask()
    ask()
    ask(form="raw")
    first.close()  # type: ignore[attr-defined]
    ask("HEAD")
    last = ask()
    assert [status[:3] for status in started] == ["200", "503", "200", "200", "200"]
    assert len(b"".join(last)) > len(DATA)


def test_a_request_in_drips_is_hung_up_on(hasty: GatewayServer) -> None:
    with connect(hasty) as slow, pytest.raises(ConnectionError):
        for _ in range(1200):
            slow.sendall(b"x")
            time.sleep(0.05)


def read_steadily(memory: Memory, patience: float) -> tuple[int, float]:
    """How many bytes a reader got that pauses behind each piece, and in how many seconds."""
    cid, received = memory.add(DATA), 0
    with closing(serve(memory, threads=THREADS, patience=patience)) as gateway, connect(gateway) as reader:
        reader.sendall(f"GET /ipfs/{cid}?format=car HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        began = time.monotonic()
        with suppress(ConnectionError):
            while piece := reader.recv(1 << 20):
                received += len(piece)
                time.sleep(patience / 20)
        return received, time.monotonic() - began


def test_a_slow_but_steady_reader_gets_all_of_it(memory: Memory) -> None:
    """In longer than the gateway's patience. A busy machine may stand still for as long: then once more, with more."""
    received = 0
    for patience in (1.0, 4.0, 16.0, 64.0):
        received, took = read_steadily(memory, patience)
        if received > len(DATA):
            assert took > patience, "longer than the gateway's patience"
            break
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
    "http://127.0.0.1/../admin",
    "http://127.0.0.1/a/../../admin",
    "http://127.0.0.1/%2e%2e/admin",
    "http://127.0.0.1//admin",
    "http://127.0.0.1/a;b",
    "http://127.0.0.1/a\\b",
    "http://127.0.0.1/\r\nX: y",
    "file:///etc/hostname",
    "unix:/socket",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_an_address_that_cannot_be_is_refused_and_stops_nobody(url: str) -> None:
    with pytest.raises(UsageError, match="holder's address"):
        Remote("member 3", url)
    assert remotes([NamedGateway("member 3", url, EVERYWHERE)]) == {}


NEVER = [
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "0.0.0.0",  # noqa: S104
    "::",
    "224.0.0.1",
    "ff02::1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:168.63.129.16",
    "::a9fe:a9fe",
    "::ffff:0:a9fe:a9fe",
    "fd00:ec2::254",
    "fd20:ce::254",
]
INSIDE = [
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "::ffff:192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "192.0.0.1",
    "192.88.99.1",
    "0.1.2.3",
    "198.18.0.1",
    "240.0.0.1",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "fec0::1",
    "2001:0:1:2:3:4:5:6",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
]
PUBLIC = ["1.1.1.1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2606:4700::1111", "2002:101:101::1", "223.255.255.1"]


def test_which_addresses_may_be_dialled() -> None:
    for peer in NEVER:
        for reach in (Reach(), EVERYWHERE):
            with pytest.raises(Forbidden, match="which no holder has"):
                reach.check(peer)
    for peer in INSIDE:
        EVERYWHERE.check(peer)
        with pytest.raises(Forbidden, match="allowed network") as caught:
            Reach().check(peer)
        assert "[holders] allow" in caught.value.advice
    for peer in PUBLIC:
        Reach().check(peer)


def test_private_networks_are_dialled_where_they_are_allowed() -> None:
    private = Reach.of(["10.0.0.0/8", "fd12::/16"])
    private.check("10.200.0.1")
    private.check("::ffff:10.200.0.1")
    private.check("fd12::7")
    for peer in ("192.168.1.1", "127.0.0.1", "fd13::7"):
        with pytest.raises(Forbidden):
            private.check(peer)


MEMBER = Member(
    0, "member 0", "0x00", Role.PARTICIPANT, since=1, roles_since=1, keys=[], gateway="http://127.0.0.1:9090"
)


def test_loopback_is_for_the_local_chain_and_for_those_named_in_the_network_file() -> None:
    def reaches(chain: int) -> dict[str, Reach]:
        network = msgspec.structs.replace(
            NETWORK, chain=Chain(id=chain, rpc=""), gateways=(Gateway(name="cluster", url="http://127.0.0.1:8080"),)
        )
        return {one.name: one.reach for one in named_gateways(network, [MEMBER])}

    reaches(31337)["member 0"].check("127.0.0.1")
    with pytest.raises(Forbidden):
        reaches(31337)["member 0"].check("10.0.0.1")
    with pytest.raises(Forbidden):
        reaches(1)["member 0"].check("127.0.0.1")
    reaches(1)["cluster"].check("127.0.0.1")


def test_credentials_go_to_exactly_their_url_where_a_member_announced_it() -> None:
    network = msgspec.structs.replace(NETWORK, gateways=(Gateway(name="cluster", url="http://127.0.0.1:8080"),))
    exact = {one.name: one.outgoing.exact for one in named_gateways(network, [MEMBER])}
    assert exact == {"member 0": True, "cluster": False}


def test_a_peer_that_must_not_be_dialled_hears_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as peer:
        peer.settimeout(0.5)
        url = f"http://localhost:{peer.getsockname()[1]}"
        with (
            closing(Remote("cloud", url, reach=Reach())) as cloud,
            pytest.raises(Unreachable, match="allowed") as caught,
        ):
            cloud.get(BLOCK)
        assert 'allow = ["127.0.0.1/32"]' in caught.value.advice
        with pytest.raises(TimeoutError):
            peer.accept()


SECRET = "root:hunter2"
WORDS = [
    f"HTTP/1.1 404 {SECRET}\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}",
    f"HTTP/1.1 500 {SECRET}\r\nFedledger-Corrupt: {SECRET}\r\nContent-Length: 0\r\n\r\n",
    f"HTTP/1.1 302 x\r\nLocation: http://{SECRET}/\r\nContent-Length: 0\r\n\r\n",
    f"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{SECRET}",
    f"HTTP/1.1 200 OK\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}",
    f"HTTP/{SECRET} 200 OK\r\n\r\n",
    f"-ERR unknown command {SECRET}\r\n",
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
    f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n",
]


@pytest.mark.parametrize("words", WORDS)
def test_what_a_holder_says_is_repeated_nowhere(words: str) -> None:
    """What answers may be a service inside a network, and what it says would go to journals, findings and pages."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(words.encode())

    with Server(answer) as server, closing(Remote("inside", server.url, timeout=60)) as holder:
        holders = Holders(None, [holder])
        with pytest.raises(Unavailable) as caught:
            holder.get(BLOCK)
        with pytest.raises(Unavailable) as read:
            list(holders.read(BLOCK))
    for error in (caught.value, read.value):
        assert "hunter2" not in f"{error} {error.advice} {dict(error.facts)}"


def test_a_redirect_is_named_and_not_followed() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        handler.send_response(301)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    asked: list[str] = []
    with (
        Server(answer) as server,
        closing(Remote("subdomains", server.url)) as holder,
        pytest.raises(Unreachable, match="status 301") as caught,
    ):
        holder.get(BLOCK)
    assert "redirect" in caught.value.advice
    assert asked == [f"/ipfs/{BLOCK}?format=raw"]


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
    assert healthy(gateway)


def test_a_holder_is_asked_for_a_block_and_for_nothing_else() -> None:
    """What a client asks for follows from the CID alone; credentials and queries of an address are not sent on."""
    asked: list[tuple[str, str | None]] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        asked.append((f"{handler.command} {handler.path}", handler.headers["Authorization"]))
        handler.send_response(404)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with Server(note) as server:
        url = server.url.replace("http://", "http://user:secret@") + "/base?x=1#y"
        with closing(Remote("x", url)) as holder, pytest.raises(Unavailable, match="returned no block") as caught:
            holder.get(BLOCK)
    assert asked == [(f"GET /base/ipfs/{BLOCK}?format=raw", None)]
    assert "secret" not in f"{caught.value}{holder.url}"
