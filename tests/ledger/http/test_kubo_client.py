"""ipfshttpclient's requests to a Kubo daemon go out as all others do, and errors have the same words."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.content.answering import JSON, always, send
from support.content.holders import Daemon, Server
from support.content.proxy import ForwardProxy
from support.content.tls import Authority

from ledger.config import Home, HttpSettings, ServerSettings
from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats.cid import CHUNK, raw
from ledger.http.outgoing import Outgoing
from ledger.store import Unreachable, files
from ledger.store.kubo import Kubo

CID = raw(b"hello")
DEAD = "http://127.0.0.1:9"
NO_PINS = b'{"Keys":{}}'
WORDS = b'{"Message":"block was not found locally (offline)","Code":0,"Type":"error"}'

Answerer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def as_web3_leaves_it() -> Iterator[None]:
    """Python's recursion limit is one that overflows the stack."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(usual)


def use(kubo: Kubo) -> None:
    """Every request that a store makes."""
    data = bytes(range(256)) * 5000
    cid = kubo.put([data], "one")
    kubo.pin("two", cid)
    assert kubo.pins() == {"one": cid, "two": cid}
    assert b"".join(files.read(kubo, cid)) == data
    assert kubo.has(cid)
    assert not kubo.has(CID)
    kubo.unpin("one")
    kubo.unpin("two")
    assert kubo.pins() == {}


def requests_of(kubo: Kubo) -> list[Callable[[], object]]:
    """One request of each kind: a document, a block, an upload."""
    return [kubo.pins, lambda: kubo.copy(CID), lambda: kubo.has(CID), lambda: kubo.put([b"hello"], "file")]


@pytest.mark.engine
@pytest.mark.parametrize("host", ["/ip4/127.0.0.1", "/dns4/localhost"])
def test_the_own_kubo_daemon_is_never_asked_through_a_proxy(
    host: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, DEAD)
    outgoing = Outgoing(HttpSettings(proxy=DEAD))
    with closing(Kubo(f"{host}/tcp/{daemon.port}", timeout=60, outgoing=outgoing)) as kubo:
        use(kubo)


@pytest.mark.engine
@pytest.mark.parametrize("source", ["environment", "setting"])
def test_a_daemon_elsewhere_is_asked_through_the_proxy(
    source: str, daemon: Daemon, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url if source == "environment" else DEAD)
    if source == "setting":
        (tmp_path / "node.toml").write_text(f'[http]\nproxy = "{proxy.url.replace("//", "//me:secret@")}"\n')
        proxy.authorization = "Basic bWU6c2VjcmV0"
    outgoing = Outgoing(Home(tmp_path).http())
    with closing(Kubo(f"/dns4/kubo.invalid/tcp/{daemon.port}", timeout=60, outgoing=outgoing)) as kubo:
        use(kubo)
    place = f"POST http://kubo.invalid:{daemon.port}/api/v0"
    asked = {line.partition("?")[0] for line in proxy.asked}
    assert asked == {f"{place}/{one}" for one in (
        "dag/import", "pin/add", "pin/ls", "pin/rm", "block/get", "block/stat")}  # fmt: skip


def test_a_host_in_no_proxy_is_asked_straight(proxy: ForwardProxy) -> None:
    outgoing = Outgoing(HttpSettings(proxy=proxy.url, no_proxy=("kubo.invalid",)))
    with closing(Kubo("/dns4/kubo.invalid/tcp/5001", outgoing=outgoing)) as kubo:
        for act in requests_of(kubo):
            with pytest.raises(Unreachable, match="no Kubo daemon answers"):
                act()
    assert proxy.asked == []


@pytest.mark.parametrize(("status", "words"), [(407, "asks for a user and a password"), (403, "refuses access")])
def test_a_proxy_that_refuses_is_named(status: int, words: str, proxy: ForwardProxy) -> None:
    proxy.refuses = status
    with closing(Kubo("/dns4/kubo.invalid/tcp/5001", outgoing=Outgoing(HttpSettings(proxy=proxy.url)))) as kubo:
        for act in requests_of(kubo):
            with pytest.raises(Unreachable, match=f"the proxy {proxy.url}|through the proxy {proxy.url}") as caught:
                act()
            assert words in str(caught.value)


def test_authority_certificate_and_token_are_the_homes(authority: Authority, tmp_path: Path) -> None:
    shown: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        shown.append(handler.headers["Authorization"])
        send(handler, 200, NO_PINS, JSON)

    certificate, key = authority.client()
    (tmp_path / "token").write_text("ey.J.x\n")
    with authority.server(answer, "127.0.0.1", asks=True) as server:
        address = f"/ip4/127.0.0.1/tcp/{server.port}/https"
        one = ServerSettings(server.url, token=str(tmp_path / "token"), certificate=str(certificate), key=str(key))
        known = Outgoing(HttpSettings(ca=str(authority.file), servers=(one,)))
        with closing(Kubo(address, outgoing=known)) as kubo:
            assert kubo.pins() == {}
        with closing(Kubo(address)) as kubo, pytest.raises(Unreachable, match="not trusted"):
            kubo.pins()
    assert shown == ["Bearer ey.J.x"]


def test_the_environments_netrc_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    shown: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        shown.append(handler.headers["Authorization"])
        send(handler, 200, NO_PINS, JSON)

    with Server(answer) as server, closing(Kubo(server.url)) as kubo:
        kubo.pins()
    assert shown == [None]


def test_after_a_close_the_way_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    with Server(always(200, NO_PINS, JSON)) as server, closing(Kubo(server.url)) as kubo:
        kubo.close()
        assert kubo.pins() == kubo.pins() == {}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (302, "redirects to another address"),
        (401, "asks for credentials"),
        (403, "refuses access"),
        (407, "behind a proxy that asks for credentials"),
        (429, "was asked too often"),
        (502, "not reached by what stands in front of it"),
        (503, "is busy"),
        (500, "did not do what was asked"),
    ],
)
@pytest.mark.parametrize("kind", ["text/html", JSON])
def test_each_status_has_its_own_words(status: int, words: str, kind: str) -> None:
    body = b"<html>hunter2" if kind == "text/html" else b'{"error":"hunter2"}'
    with (
        Server(always(status, body, kind, Location="http://127.0.0.1:9/", Retry_After="7")) as server,
        closing(Kubo(server.url, name="north")) as kubo,
    ):
        for act in requests_of(kubo):
            with pytest.raises(Unreachable, match=f"north .*{words}.*: status {status}") as caught:
                act()
            assert not isinstance(caught.value, Corrupt)
            assert "hunter2" not in f"{caught.value}"


def test_the_daemons_own_words_are_told() -> None:
    with Server(always(500, WORDS, JSON)) as server, closing(Kubo(server.url, name="north")) as kubo:
        for act in (kubo.pins, lambda: kubo.copy(CID)):
            with pytest.raises(Unavailable, match="north: block was not found locally") as caught:
                act()
            assert not isinstance(caught.value, Unreachable)
        assert not kubo.has(CID)


@pytest.mark.parametrize(
    "answer",
    [
        always(302, WORDS, JSON, Location="/api/v0/elsewhere"),
        always(200, b"<html>", "text/html"),
        always(200, b"[1]", JSON),
        always(200, b"{" + b"\n" * CHUNK, JSON),
        always(200, b'{"a":' * 100_000, JSON),
        always(500, b'{"Message":' * 5_000, JSON),
        always(200, NO_PINS, JSON, X_Stream_Error="disk is gone"),
    ],
    ids=["redirect", "page", "list", "lines", "deep", "deep refusal", "stream error"],
)
def test_what_is_not_the_daemons_answer_is_nobodys_fault(answer: Answerer, as_web3_leaves_it: None) -> None:
    with Server(answer) as server, closing(Kubo(server.url)) as kubo, pytest.raises(Unreachable) as caught:
        kubo.pins()
    assert not isinstance(caught.value, Corrupt)


def test_a_login_in_the_address_is_sent_and_not_shown() -> None:
    shown: list[str | None] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        shown.append(handler.headers["Authorization"])
        send(handler, 401)

    with Server(answer) as server, closing(Kubo(server.url.replace("//", "//me:hunter2@"))) as kubo:
        for act in requests_of(kubo):
            with pytest.raises(Unreachable) as caught:
                act()
            assert "hunter2" not in f"{caught.value}{kubo.name}{caught.value.facts}"
    assert set(shown) == {"Basic bWU6aHVudGVyMg=="}


def test_a_host_that_ipfshttpclient_cannot_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no multiaddr names") as caught:
        Kubo("http://kubo_1:5001")
    assert "IP address" in caught.value.advice


def test_the_path_of_an_address_is_kept() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path.partition("?")[0])
        send(handler, 200, NO_PINS if "pin" in handler.path else b"hello", JSON)

    with Server(answer) as server, closing(Kubo(f"{server.url}/kubo")) as kubo:
        assert kubo.pins() == {}
        assert kubo.copy(CID) == b"hello"
    assert asked == ["/kubo/api/v0/pin/ls", "/kubo/api/v0/block/get"]
