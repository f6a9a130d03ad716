"""What stands between answers for others: it is told apart, heeded, and nobody is blamed for it."""

import time
from collections.abc import Callable
from contextlib import closing
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest
from support.content.answering import BLOCK, JSON, always, send
from support.content.holders import Daemon, Server

from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import Corrupt, Unavailable
from ledger.formats.cid import Cid, raw
from ledger.http.networks import Reach
from ledger.http.trouble import Cause, Trouble, rest_of
from ledger.store import Unreachable
from ledger.store.holders import Holders
from ledger.store.kubo import Kubo
from ledger.store.remote import Remote

CID = raw(b"hello")
PAGE = b"<html>blocked by policy, mail hunter2@it.example</html>"
LIMITED = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"request rate limited"}}'


def in_turn(*answers: Callable[[BaseHTTPRequestHandler], None]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers one after the other."""
    left = iter(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        next(left)(handler)

    return answer


def numbered(handler: BaseHTTPRequestHandler) -> None:
    """The answer of a chain's node to whatever number a request has."""
    body = handler.rfile.read(int(handler.headers["Content-Length"]))
    number = body.split(b'"id":')[1].split(b",")[0]
    del handler.headers["Content-Length"]
    send(handler, 200, b'{"jsonrpc":"2.0","id":%s,"result":"0x1"}' % number, JSON)


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "application/xhtml+xml"])
def test_a_page_is_no_damaged_copy(kind: str) -> None:
    with Server(always(200, PAGE, kind)) as server, closing(Remote("north", server.url)) as holder:
        with pytest.raises(Unreachable, match="somebody between here and north answered with a web page") as caught:
            holder.get(CID)
        holders = Holders(None, [holder])
        with pytest.raises(Unavailable) as read:
            list(holders.read(CID))
    assert not isinstance(read.value, Corrupt)
    assert holders.bad_copies == []
    assert "hunter2" not in f"{caught.value}{read.value}"


def test_a_good_block_of_another_type_is_taken() -> None:
    answer = always(200, b"hello", "application/octet-stream")
    with Server(answer) as server, closing(Remote("north", server.url)) as holder:
        assert holder.get(CID) == b"hello"


def test_bytes_served_as_a_block_are_the_holders_own() -> None:
    with (
        Server(always(200, b"hellO", BLOCK)) as server,
        closing(Remote("north", server.url)) as holder,
        pytest.raises(Corrupt, match="north holds a damaged copy"),
    ):
        holder.get(CID)


def test_a_page_is_no_chain_and_no_kubo() -> None:
    with Server(always(200, PAGE, "text/html")) as server:
        rpc, kubo = Rpc(server.url), Kubo(server.url)
        with pytest.raises(Trouble, match="somebody between here and the chain's node answered with a web page"):
            rpc.chain_id()
        for act in (kubo.pins, lambda: kubo.get(CID)):
            with pytest.raises(Unreachable, match="somebody between"):
                act()
        rpc.close()
        kubo.close()


@pytest.mark.parametrize(
    ("status", "words", "cause"),
    [
        (401, "asks for credentials", Cause.CREDENTIALS),
        (403, "refuses access", Cause.CREDENTIALS),
        (407, "behind a proxy that asks for credentials", Cause.PROXY),
        (429, "was asked too often", Cause.BUSY),
        (502, "not reached by what stands in front of it", Cause.LOST),
        (503, "is busy", Cause.BUSY),
        (500, "did not do what was asked", Cause.STATUS),
    ],
)
def test_each_status_has_its_own_words(status: int, words: str, cause: Cause) -> None:
    with Server(always(status, PAGE, "text/html")) as server:
        rpc = Rpc(server.url, patience=0)
        with pytest.raises(Trouble, match=f"{words}: status {status}, with a web page") as caught:
            rpc.chain_id()
        assert caught.value.cause is cause
        rpc.close()
        with closing(Remote("north", server.url)) as holder, pytest.raises(Unreachable, match=words) as told:
            holder.get(CID)
    assert "hunter2" not in f"{caught.value}{told.value}"
    assert told.value.advice


@pytest.mark.parametrize("busy", [always(429), always(503, Retry_After="0"), always(200, LIMITED, JSON)])
def test_a_busy_node_is_waited_for(busy: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with Server(in_turn(busy, numbered)) as server:
        rpc = Rpc(server.url)
        assert rpc.call("eth_chainId") == "0x1"
        rpc.close()


@pytest.mark.parametrize(
    ("status", "words"), [(429, "asked too often: status 429"), (403, "refuses access"), (404, "status 404")]
)
def test_json_that_is_not_json_rpc_is_told_by_its_status(status: int, words: str) -> None:
    """An API gateway in front of the node has JSON of its own."""
    with Server(always(status, b'{"message":"API rate limit exceeded"}', JSON)) as server:
        rpc = Rpc(server.url, patience=0)
        with pytest.raises(Trouble, match=words):
            rpc.chain_id()
        rpc.close()


def test_a_node_is_left_alone_for_as_long_as_it_asks() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, 429, b"", Retry_After="50")

    with Server(answer) as server:
        rpc = Rpc(server.url, patience=0.1)
        for _ in range(3):
            with pytest.raises(Trouble, match="a pause of 50 s"):
                rpc.chain_id()
        rpc.close()
    assert asked == ["/"]


def test_a_refusal_that_does_not_pass_is_told_at_once() -> None:
    refusal = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"block range is too wide"}}'
    with Server(always(400, refusal, JSON)) as server:
        rpc = Rpc(server.url)
        with pytest.raises(RpcError, match="too wide"):
            rpc.call("eth_getLogs")
        rpc.close()


def test_a_holder_rests_for_as_long_as_it_asks() -> None:
    now, asked = [0.0], 0

    def answer(handler: BaseHTTPRequestHandler) -> None:
        nonlocal asked
        asked += 1
        send(handler, 503, b"", Retry_After="100")

    with Server(answer) as server, closing(Remote("north", server.url)) as holder:
        holders = Holders(None, [holder], clock=lambda: now[0])
        for now[0] in (0.0, 99.0, 101.0):
            with pytest.raises(Unavailable, match="no holder"):
                holders.get(CID)
    assert asked == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("999999", 3600.0), ("-1", None), ("soon", None), ("", None), ("9" * 50, None)],
)
def test_pauses_are_read_within_bounds(text: str, seconds: float | None) -> None:
    assert rest_of({"retry-after": text}) == seconds


def test_a_pause_may_be_a_date() -> None:
    now = time.time()
    assert 28 <= (rest_of({"retry-after": formatdate(now + 30, usegmt=True)}, now) or 0) <= 30
    assert rest_of({"retry-after": formatdate(now - 30, usegmt=True)}, now) == 0
    assert rest_of({"retry-after": formatdate(now + 9e6, usegmt=True)}, now) == 3600


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_subdomain_gateway_is_followed_once(status: int) -> None:
    asked: list[tuple[str, str]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append((handler.headers["Host"], handler.path))
        if "ipfs.localhost" in handler.headers["Host"]:
            return send(handler, 200, b"hello", BLOCK)
        return send(handler, status, Location=f"http://{CID}.ipfs.localhost:{server.port}/?format=raw")

    with Server(answer) as server, closing(Remote("kubo", f"http://localhost:{server.port}")) as holder:
        assert holder.get(CID) == b"hello"
    assert asked == [
        (f"localhost:{server.port}", f"/ipfs/{CID}?format=raw"),
        (f"{CID}.ipfs.localhost:{server.port}", "/?format=raw"),
    ]


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:{port}/secrets",
        "http://127.0.0.1:{port}/?x={cid}",
        "http://127.0.0.1:{port}/ipfs/{other}",
        "http://me:hunter2@127.0.0.1/",
        "ftp://127.0.0.1/ipfs/{cid}",
        "//[",
        "",
    ],
)
def test_a_redirect_to_anything_but_the_block_is_not_followed(place: str) -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, 302, Location=place.format(port=server.port, cid=CID, other=raw(b"x")))

    with (
        Server(answer) as server,
        closing(Remote("north", server.url)) as holder,
        pytest.raises(Unreachable, match="redirects to another address: status 302") as caught,
    ):
        holder.get(CID)
    assert "not for this block" in caught.value.advice
    assert "hunter2" not in f"{caught.value}{caught.value.advice}"
    assert len(asked) == 1


def test_a_redirect_leads_nowhere_that_must_not_be_dialled() -> None:
    """A holder that may be dialled cannot send its reader into the reader's own network."""
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers["Host"])
        send(handler, 302, Location=f"http://127.0.0.2:{server.port}/ipfs/{CID}")

    reach = Reach.of(["127.0.0.1/32"])
    with (
        Server(answer) as server,
        closing(Remote("north", server.url, reach=reach)) as holder,
        pytest.raises(Unreachable, match="allowed network"),
    ):
        holder.get(CID)
    assert asked == [f"127.0.0.1:{server.port}"]


def test_a_second_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, 301, Location=f"/x{len(asked)}/ipfs/{CID}")

    with (
        Server(answer) as server,
        closing(Remote("north", server.url)) as holder,
        pytest.raises(Unreachable, match="status 301"),
    ):
        holder.get(CID)
    assert len(asked) == 2


def test_a_chains_node_that_moved_on_its_host_is_followed() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        if handler.path == "/old":
            send(handler, 308, Location="/new")
        else:
            numbered(handler)

    with Server(answer) as server:
        rpc = Rpc(f"{server.url}/old")
        assert [rpc.call("eth_chainId"), rpc.call("eth_chainId")] == ["0x1", "0x1"]
        assert rpc.url == f"{server.url}/new"
        rpc.close()
    assert asked == ["/old", "/new", "/new"]


@pytest.mark.parametrize("place", ["http://other.example/rpc", "/again"])
def test_a_chains_node_that_moved_elsewhere_names_the_place(place: str) -> None:
    with Server(always(301, Location=place)) as server:
        rpc = Rpc(server.url)
        with pytest.raises(Trouble, match=f"redirects to .*{place}: status 301") as caught:
            rpc.chain_id()
        rpc.close()
    assert "chain.rpc" in caught.value.advice
    assert caught.value.cause is Cause.MOVED


@pytest.mark.engine
def test_a_real_kubo_gateway_named_localhost_serves_blocks(daemon: Daemon) -> None:
    cid = Cid.parse(daemon.run("block", "put", "--cid-codec=raw", data=b"a block of its own"))
    with closing(Remote("kubo", daemon.gateway.replace("127.0.0.1", "localhost"))) as holder:
        assert holder.get(cid) == b"a block of its own"
