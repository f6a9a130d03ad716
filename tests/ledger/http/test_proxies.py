"""A proxy that the environment names carries requests; what must not be dialled is refused before."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from ledger.store.link import Link
from ledger.store.networks import EVERYWHERE, Reach
from ledger.store.proxies import Proxy, connect, proxy_for
from support.content.holders import Memory
from support.content.proxy import ForwardProxy

from ledger.errors import Unavailable
from ledger.store.gateway_server import GatewayServer, serve
from ledger.store.remote import Remote

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy() -> Iterator[ForwardProxy]:
    """A proxy for which every host is this machine."""
    with ForwardProxy(host="127.0.0.1") as running:
        yield running


@pytest.fixture
def memory() -> Memory:
    return Memory("hospital")


@pytest.fixture
def gateway(memory: Memory) -> Iterator[GatewayServer]:
    running = serve(memory)
    yield running
    running.close()


def test_the_environment_is_read_as_others_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://us%40er:p%3Aw@proxy.example:3128")
    monkeypatch.setenv("http_proxy", "plain.example")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_for(True, "north.example") == Proxy("proxy.example", 3128, "Basic dXNAZXI6cDp3")
    assert proxy_for(False, "north.example") == Proxy("plain.example", 80)
    assert proxy_for(True, "gateway.inside.example") is None
    for host in ("localhost", "127.0.0.1", "::1"):
        assert proxy_for(True, host) is None
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")
    with pytest.raises(OSError, match="not an http URL"):
        proxy_for(True, "north.example")


def test_blocks_come_through_a_proxy(
    memory: Memory, gateway: GatewayServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    cid = memory.add(b"hello")
    port = gateway.url.rpartition(":")[2]
    with closing(Remote("hospital", f"http://gateway.invalid:{port}")) as holder:
        assert bytes(holder.get(cid)) == bytes(holder.get(cid)) == b"hello"
    assert proxy.asked == [f"GET http://gateway.invalid:{port}/ipfs/{cid}?format=raw"] * 2


def test_a_tunnel_leads_to_the_host_that_was_meant(gateway: GatewayServer, proxy: ForwardProxy) -> None:
    way = Proxy("127.0.0.1", proxy.port)
    port = int(gateway.url.rpartition(":")[2])
    with connect(way, "gateway.invalid", port, 5, EVERYWHERE, tunnel=True) as tunnel:
        tunnel.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tunnel.recv(15) == b"HTTP/1.1 200 OK"
    assert proxy.asked == [f"CONNECT gateway.invalid:{port}"]


def test_a_proxy_that_opens_no_way(proxy: ForwardProxy) -> None:
    proxy.refuses = True
    with pytest.raises(OSError, match="status 403"):
        connect(Proxy("127.0.0.1", proxy.port), "gateway.invalid", 443, 5, EVERYWHERE, tunnel=True)


def test_what_must_not_be_dialled_is_not_asked_of_a_proxy(proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with (
        closing(Remote("cloud", "http://169.254.169.254", reach=Reach())) as holder,
        pytest.raises(Unavailable, match="link-local"),
    ):
        holder.copy(Memory().add(b"x"))
    assert proxy.asked == []


def test_a_server_that_hangs_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Link(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            link.ask("GET", "/", seconds=0.2, ceiling=10)
        link.close()
