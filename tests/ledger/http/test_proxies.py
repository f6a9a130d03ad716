"""A proxy that the environment or a setting names carries requests, chain, gateways and all; errors name it."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.content.answering import always, chain
from support.content.holders import Memory, Server
from support.content.proxy import ForwardProxy
from support.content.tls import Authority

from ledger.chain.rpc import Rpc
from ledger.config import Home, HttpSettings
from ledger.errors import Unavailable
from ledger.http.addresses import parse
from ledger.http.networks import Reach
from ledger.http.outgoing import Outgoing
from ledger.http.proxies import Proxy, ProxyRefused, proxy_for
from ledger.http.trouble import Cause, Trouble
from ledger.store import Unreachable
from ledger.store.gateway_server import GatewayServer, serve
from ledger.store.remote import Remote

NORTH = parse("https://north.example")
PLAIN = parse("http://north.example:8080")


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
    assert proxy_for(NORTH) == Proxy(parse("http://proxy.example:3128"), "Basic dXNAZXI6cDp3")
    assert proxy_for(PLAIN) == Proxy(parse("http://plain.example"))
    for host in ("localhost", "127.0.0.1", "[::1]", "x.localhost", "127.8.8.8"):
        assert proxy_for(parse(f"https://{host}")) is None
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_for(NORTH) is None
    monkeypatch.setenv("ALL_PROXY", "http://all.example:1")
    assert proxy_for(NORTH) == Proxy(parse("http://all.example:1"))


@pytest.mark.parametrize("url", ["socks5://proxy.example", "https://proxy.example", "http://proxy.example:99999"])
def test_another_kind_of_proxy_is_refused_by_name(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ProxyRefused, match="a proxy's address is not") as caught:
        proxy_for(NORTH)
    assert "http://proxy:3128" in caught.value.advice


@pytest.mark.parametrize(
    ("entry", "exempt"),
    [
        ("*", True),
        ("example", True),
        (".north.example", True),
        ("*.example", True),
        ("NORTH.example:8080", True),
        ("north.example:443", False),
        ("orth.example", False),
        ("10.0.0.0/8", False),
        ("", False),
    ],
)
def test_hosts_are_exempt_as_no_proxy_says(entry: str, exempt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", f"south.example, {entry}")
    assert (proxy_for(PLAIN) is None) == exempt
    assert (proxy_for(PLAIN, "", [entry]) is None) == exempt


@pytest.mark.parametrize("host", ["10.1.2.3", "[fd12::7]", "[fd12::7]:9000"])
def test_networks_are_exempt(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert proxy_for(parse(f"http://{host}"), "", ["10.0.0.0/8", "fd12::/16"]) is None
    assert proxy_for(parse(f"http://{host}"), "", ["11.0.0.0/8", "[fd12::7]:1"]) is not None


def test_a_setting_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://environment.example:1")
    (tmp_path / "node.toml").write_text('[http]\nproxy = "http://setting.example:2"\nno_proxy = ["south.example"]\n')
    outgoing = Outgoing(Home(tmp_path).http())
    assert outgoing.proxy(NORTH) == Proxy(parse("http://setting.example:2"))
    assert outgoing.proxy(parse("https://south.example")) is None
    assert Outgoing(HttpSettings(proxy="none")).proxy(NORTH) is None


def test_the_chain_is_asked_through_a_proxy(proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:secret@"))
    proxy.authorization = "Basic bWU6c2VjcmV0"
    with Server(chain) as node:
        rpc = Rpc(f"http://chain.invalid:{node.port}/rpc?x=1")
        assert rpc.chain_id() == 1
        rpc.close()
    assert proxy.asked == [f"POST http://chain.invalid:{node.port}/rpc?x=1"]


def test_blocks_come_through_a_proxy(
    memory: Memory, gateway: GatewayServer, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    cid = memory.add(b"hello")
    port = gateway.url.rpartition(":")[2]
    with closing(Remote("hospital", f"http://gateway.invalid:{port}")) as holder:
        assert bytes(holder.get(cid)) == bytes(holder.get(cid)) == b"hello"
    assert proxy.asked == [f"GET http://gateway.invalid:{port}/ipfs/{cid}?format=raw"] * 2


def test_a_tunnel_leads_to_the_host_that_was_meant(
    authority: Authority, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is the server's own, for the name that was asked for."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        chain(handler)

    with authority.server(answer, "chain.example") as node:
        rpc = Rpc(f"https://chain.example:{node.port}", outgoing=Outgoing(HttpSettings(ca=str(authority.file))))
        assert rpc.chain_id() == 1
        rpc.close()
    assert proxy.asked == [f"CONNECT chain.example:{node.port}"]
    assert asked == ["/"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_error_names_the_proxy_and_never_its_password(
    scheme: str, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("//", "//me:hunter2@"))
    proxy.authorization = "Basic else"
    with pytest.raises(Trouble, match=f"the proxy {proxy.url} answered 407: it does not know") as caught:
        Rpc(f"{scheme}://chain.invalid").chain_id()
    assert caught.value.cause is Cause.PROXY
    assert "user:password" in caught.value.advice
    assert "hunter2" not in f"{caught.value}{caught.value.advice}"
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
    with pytest.raises(Trouble, match="answered 407: it asks for a user and a password"):
        Rpc(f"{scheme}://chain.invalid").chain_id()


def test_a_proxy_that_opens_no_way_is_not_the_holders_fault(
    proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy.url)
    proxy.refuses = 403
    with (
        closing(Remote("hospital", "https://gateway.invalid")) as holder,
        pytest.raises(Unreachable, match=f"the proxy {proxy.url} answered 403: it opens no way") as caught,
    ):
        holder.get(Memory().add(b"x"))
    assert "NO_PROXY" in caught.value.advice


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "refuses access: status 403"), (503, "is busy: status 503"), (504, "in time: status 504")],
)
def test_what_a_proxy_may_have_made_up_is_told_with_its_name(
    status: int, words: str, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    proxy.refuses = status
    with pytest.raises(Trouble, match=f"{words}, through the proxy {proxy.url}"):
        Rpc("http://chain.invalid", patience=0).chain_id()


def test_a_proxys_page_is_the_proxys(proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    with (
        Server(always(200, b"<html>", "text/html")) as server,
        closing(Remote("hospital", f"http://gateway.invalid:{server.port}")) as holder,
        pytest.raises(Unreachable, match=f"the proxy {proxy.url}, or somebody behind it, answered with a web page"),
    ):
        holder.get(Memory().add(b"x"))


def test_a_proxy_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(Trouble, match=r"the proxy http://127\.0\.0\.1:9 cannot be reached") as caught:
        Rpc("http://chain.invalid").chain_id()
    assert "start the node" not in caught.value.advice


def test_what_must_not_be_dialled_is_not_asked_of_a_proxy(proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with (
        closing(Remote("cloud", "http://169.254.169.254", reach=Reach())) as holder,
        pytest.raises(Unavailable, match="link-local"),
    ):
        holder.copy(Memory().add(b"x"))
    assert proxy.asked == []


PUBLIC, PRIVATE = "1.1.1.1", "127.0.0.1"


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """Let a name have these addresses here; without any it is not known."""
    real = socket.getaddrinfo

    def found(host: str, port: int, *more: Any, **options: Any) -> list[Any]:
        if host != name:
            return real(host, port, *more, **options)
        if not addresses:
            raise socket.gaierror(-2, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr("socket.getaddrinfo", found)


@pytest.mark.parametrize("addresses", [(PUBLIC, PRIVATE), (PRIVATE, PUBLIC), (PUBLIC, "169.254.169.254")])
def test_a_proxy_is_not_asked_for_a_name_with_one_forbidden_address(
    addresses: tuple[str, ...], proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy resolves the name itself, and may take that one."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    resolve(monkeypatch, "gateway.example", *addresses)
    with closing(Remote("cloud", "http://gateway.example", reach=Reach())) as holder, pytest.raises(Unreachable):
        holder.copy(Memory().add(b"x"))
    assert proxy.asked == []


@pytest.mark.parametrize(
    "name",
    ["metadata", "metadata.google.internal", "metadata.tencentyun.com", "Files.LAN", "nas.local", "x.home.arpa"],
)
def test_a_proxy_is_not_asked_for_an_own_networks_name_that_is_unknown_here(
    name: str, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    resolve(monkeypatch, name)
    with (
        closing(Remote("cloud", f"http://{name}", reach=Reach())) as holder,
        pytest.raises(Unreachable, match="does not resolve here, and is a name of an own network") as caught,
    ):
        holder.copy(Memory().add(b"x"))
    assert "no_proxy" in caught.value.advice
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("name", "addresses", "reach"),
    [
        ("gateway.invalid", (), Reach()),
        ("gateway.example", (PUBLIC,), Reach()),
        ("nas.local", (), Reach.of(["0.0.0.0/0", "::/0"])),
        ("nas.local", ("fe80::1", PRIVATE), Reach.of(["0.0.0.0/0", "::/0"])),
    ],
)
def test_other_names_are_left_to_the_proxy(
    name: str,
    addresses: tuple[str, ...],
    reach: Reach,
    memory: Memory,
    gateway: GatewayServer,
    proxy: ForwardProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    resolve(monkeypatch, name, *addresses)
    cid, port = memory.add(b"hello"), gateway.url.rpartition(":")[2]
    with closing(Remote("hospital", f"http://{name}:{port}", reach=reach)) as holder:
        assert bytes(holder.get(cid)) == b"hello"
