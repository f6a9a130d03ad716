"""TLS with a private authority, and the ways to show oneself to a server."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.content.answering import BLOCK, always, chain, send
from support.content.holders import Memory, Server
from support.content.tls import Authority

from ledger.chain.rpc import Rpc
from ledger.config import Home, HttpSettings, ServerSettings
from ledger.errors import UsageError
from ledger.http.addresses import gateway
from ledger.http.outgoing import Outgoing
from ledger.http.trouble import Cause, Trouble
from ledger.store.remote import Remote


def asked(url: str, settings: HttpSettings | None = None) -> int:
    """The chain id of the node at a URL."""
    rpc = Rpc(url, outgoing=Outgoing(settings or HttpSettings()))
    try:
        return rpc.chain_id()
    finally:
        rpc.close()


def test_a_private_authority_is_refused_with_the_way_to_trust_it(authority: Authority) -> None:
    with authority.server(chain) as node, pytest.raises(Trouble, match="its certificate is not trusted") as caught:
        asked(node.url)
    assert caught.value.cause is Cause.UNTRUSTED
    assert "[http] ca in node.toml, or SSL_CERT_FILE" in caught.value.advice


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_names_an_authority(name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(authority.file))
    with authority.server(chain) as node:
        assert asked(node.url) == 1


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_setting_names_an_authority(what: str, authority: Authority) -> None:
    ca = authority.file if what == "file" else authority.file.parent
    with authority.server(chain) as node:
        assert asked(node.url, HttpSettings(ca=str(ca))) == 1


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with authority.server(chain, "other.example") as node, pytest.raises(Trouble, match=r"not trusted.*match"):
        asked(node.url, HttpSettings(ca=str(authority.file)))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_named(content: str | None, authority: Authority, tmp_path: Path) -> None:
    place = tmp_path / "ca.pem"
    if content is not None:
        place.write_text(content)
    with authority.server(chain) as node, pytest.raises(UsageError, match="authorities' certificates") as caught:
        asked(node.url, HttpSettings(ca=str(place)))
    assert caught.value.facts["file"] == str(place)


def test_plain_http_on_a_port_for_tls_is_told() -> None:
    with Server(chain) as node, pytest.raises(Trouble, match="does not speak TLS"):
        asked(node.url.replace("http:", "https:"))


def test_a_client_shows_its_certificate(authority: Authority) -> None:
    certificate, key = authority.client()
    with authority.server(chain, asks=True) as node:
        with pytest.raises(Trouble):
            asked(node.url, HttpSettings(ca=str(authority.file)))
        shown = ServerSettings(url=node.url, certificate=str(certificate), key=str(key))
        assert asked(node.url, HttpSettings(ca=str(authority.file), servers=(shown,))) == 1
        other = ServerSettings(url="https://other.example", certificate=str(certificate), key=str(key))
        with pytest.raises(Trouble):
            asked(node.url, HttpSettings(ca=str(authority.file), servers=(other,)))


def test_a_clients_certificate_that_cannot_be_read_is_named(authority: Authority) -> None:
    settings = HttpSettings(servers=(ServerSettings(url="https://node.example", certificate="/nowhere.pem"),))
    with pytest.raises(UsageError, match="client's certificate cannot be used"):
        asked("https://node.example/x", settings)


@pytest.mark.parametrize(
    ("field", "content", "header"),
    [
        ("token", "ey.J.x\n", "Bearer ey.J.x"),
        ("token", "\ufeffey.J.x\r\nrest", "Bearer ey.J.x"),
        ("login", "me:hunter2", "Basic bWU6aHVudGVyMg=="),
    ],
)
def test_chain_and_gateways_are_shown_credentials(field: str, content: str, header: str, tmp_path: Path) -> None:
    """Files in node.toml are relative to the home."""
    shown: list[str | None] = []
    memory = Memory()
    cid = memory.add(b"hello")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        shown.append(handler.headers["Authorization"])
        chain(handler) if handler.command == "POST" else send(handler, 200, b"hello", BLOCK)

    with Server(answer) as server:
        (tmp_path / "secret").write_text(content)
        (tmp_path / "node.toml").write_text(f'[[http.servers]]\nurl = "{server.url}/v1"\n{field} = "secret"\n')
        outgoing = Outgoing(Home(tmp_path).http())
        rpc, holder = Rpc(f"{server.url}/v1/x", outgoing=outgoing), Remote("h", f"{server.url}/v1", outgoing=outgoing)
        elsewhere = Rpc(f"{server.url}/v10", outgoing=outgoing)
        assert rpc.chain_id() == elsewhere.chain_id() == 1
        assert holder.get(cid) == b"hello"
        for one in (rpc, holder, elsewhere):
            one.close()
    assert shown == [header, None, header]


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"a\x00b", "é".encode()])
def test_credentials_that_cannot_be_sent_are_refused_and_not_repeated(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    settings = HttpSettings(servers=(ServerSettings(url="http://127.0.0.1", token=str(file)),))
    with Server(chain) as node, pytest.raises(UsageError) as caught:
        own = ServerSettings(url=node.url, token=str(file))
        asked(node.url, HttpSettings(servers=(*settings.servers, own)))
    assert "é" not in str(caught.value)


def test_wrong_credentials_are_told_apart_from_a_refusal() -> None:
    with Server(always(401)) as node, pytest.raises(Trouble, match="asks for credentials: status 401") as caught:
        asked(node.url.replace("//", "//me:hunter2@"))
    assert "[[http.servers]]" in caught.value.advice
    assert "hunter2" not in f"{caught.value}"
    with Server(always(403)) as node, pytest.raises(Trouble, match="refuses access: status 403"):
        asked(node.url)


@pytest.mark.parametrize(
    ("path", "is_shown"), [("/v1", True), ("/v1/", True), ("/v1/tenants/mallory", False), ("", False)]
)
def test_an_announced_gateway_is_shown_credentials_for_exactly_its_url(
    path: str, is_shown: bool, tmp_path: Path
) -> None:
    """A member that shares a server with others, and announces what is below it, gets nobody's token."""
    (tmp_path / "token").write_text("secret")
    certificate = str(tmp_path / "nowhere.pem")
    server = ServerSettings(url="https://shared.example/v1", token=str(tmp_path / "token"), certificate=certificate)
    way = Outgoing(HttpSettings(servers=(server,)), exact=True)
    address = gateway(f"https://shared.example{path}")
    assert bool(way.headers(address)) == is_shown
    if is_shown:
        with pytest.raises(UsageError, match="client's certificate"):
            way.tls(address)
    else:
        way.tls(address)


def test_a_redirect_takes_no_credentials_to_what_is_below_a_server(tmp_path: Path) -> None:
    shown: list[tuple[str, str | None]] = []
    cid = Memory().add(b"hello")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        shown.append((handler.path, handler.headers["Authorization"]))
        if handler.path.startswith("/tenants/mallory"):
            send(handler, 200, b"hello", BLOCK)
        else:
            send(handler, 302, Location=f"/tenants/mallory/ipfs/{cid}")

    (tmp_path / "token").write_text("secret")
    with Server(answer) as server:
        settings = HttpSettings(servers=(ServerSettings(url=server.url, token=str(tmp_path / "token")),))
        holder = Remote("north", server.url, outgoing=Outgoing(settings, exact=True))
        assert holder.get(cid) == b"hello"
        holder.close()
    asked = f"ipfs/{cid}?format=raw"
    assert shown == [(f"/{asked}", "Bearer secret"), (f"/tenants/mallory/{asked}", None)]
