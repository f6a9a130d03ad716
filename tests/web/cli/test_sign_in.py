"""`fedledger web sign-in`: a key at home signs a browser in, and signs nothing else."""

import json
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.consortia.voters import refused, run, said
from support.content.answering import JSON, always, send
from support.content.holders import Server
from support.passphrases import write_passphrase
from support.web.server import get, network, served, view_of
from support.web.signers import world_with

from ledger import keys
from ledger.config import save
from ledger.errors import Unavailable, UsageError
from ledger.formats.sign_in import SignIn


class Member:
    """A party's home, and the options by which a command opens its key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        save(folder / "network.toml", network())
        self.signer = keys.create(folder / "keystore.json", "right", light=True)
        self.key = self.signer.address
        self.options = ("--home", folder, "--passphrase-file", write_passphrase(folder / "passphrase", "right"))


@pytest.fixture
def member(tmp_path: Path) -> Member:
    return Member(tmp_path / "home")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was opened in the browser."""
    links: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: links.append(url) is None)
    yield links


def pages(signer: Any, **settings: Any) -> Any:
    """A server for members, of whom one has this key."""
    return served(view_of(world_with(signer), hosts=("127.0.0.1", "localhost"), read="members", **settings))


def test_a_member_without_a_wallet_gets_a_browser_that_is_signed_in(member: Member, opened: list[str]) -> None:
    with pages(member.signer) as url:
        printed = run("web", "sign-in", url, *member.options).stdout.splitlines()
        assert opened == printed[1:]
        assert opened[0].startswith(url + "/sign-in/")
        with httpx.Client(timeout=60) as browser:
            assert browser.get(opened[0]).status_code == 200
            assert browser.get(url + "/session.json").json()["address"] == member.key
            assert browser.get(url + "/jobs.json").status_code == 200
        run("web", "sign-in", url.replace("127.0.0.1", "localhost") + "/", *member.options, "--no-open")
    assert len(opened) == 1


def test_curl_gets_a_session(member: Member, opened: list[str]) -> None:
    with pages(member.signer) as url:
        made = said("web", "sign-in", url, *member.options, "--json")
        assert made["member"] == {"index": 1, "name": "east", "key": member.key}
        assert get(url + "/jobs.json", headers={"Cookie": made["cookie"]}).status_code == 200
    assert opened == []


def test_the_refusal_of_a_stranger_is_the_servers(member: Member) -> None:
    with pages(keys.ephemeral()) as url:
        error = refused(UsageError, "web", "sign-in", url, *member.options)
    assert "NotMember" in error.message


def test_a_server_under_another_name_gets_no_signature(member: Member) -> None:
    with pages(member.signer, origin="https://audit.example") as url:
        error = refused(UsageError, "web", "sign-in", url, *member.options)
    assert "audit.example" in str(error.facts["actual"])


@pytest.mark.parametrize(
    "url",
    [
        "http://audit.example",
        "https://audit.example/jobs",
        "https://user:word@audit.example",
        "ftp://audit.example",
        "audit.example",
        "http://127.0.0.1.evil.example",
    ],
)
def test_an_address_that_is_not_a_safe_origin_is_refused_before_the_key_is_opened(member: Member, url: str) -> None:
    options = ("--home", member.options[1], "--passphrase-file", "/nowhere")
    error = run("web", "sign-in", url, *options, fails=UsageError).exception
    assert "passphrase" not in str(error)


def text(handler: Any, key: str, **changes: Any) -> bytes:
    """The text of a server at the address that was asked, with changes."""
    here = {"origin": f"http://{handler.headers['Host']}", "address": key, "chain": 31337}
    said = SignIn(**here | {"nonce": "0f" * 32, "issued": 1_800_000_000} | changes).text
    return json.dumps({"fedledger": "sign-in/1", "message": said, "nonce": "", "expires": 0}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://audit.example"},
        {"origin": "http://127.0.0.1"},
        {"chain": 1},
        {"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
        {"nonce": "0f" * 32 + "\nResources:\n- x"},
        {"origin": "http://127.0.0.1\nSend all:"},
    ],
)
def test_a_text_that_says_anything_else_is_not_signed(member: Member, changes: dict[str, Any]) -> None:
    """A server that relays another's text, or one for another chain or key, gets no signature."""
    posted: list[str] = []

    def answer(handler: Any) -> None:
        posted.append(handler.command)
        send(handler, 200, text(handler, member.key, **changes), JSON)

    with Server(answer) as server:
        refused(UsageError, "web", "sign-in", server.url, *member.options)
    assert posted == ["GET"]


@pytest.mark.parametrize("link", ["https://evil.example/", "//evil.example/", "/sign-in/../x", "/sign-in/" + "a" * 44])
def test_a_link_that_leads_elsewhere_is_not_opened(member: Member, opened: list[str], link: str) -> None:
    def answer(handler: Any) -> None:
        made = json.dumps({"fedledger": "sign-in-link/1", "url": link, "expires": 0}).encode()
        send(handler, 200, made if handler.command == "POST" else text(handler, member.key), JSON)

    with Server(answer) as server:
        refused(Unavailable, "web", "sign-in", server.url, *member.options)
    assert opened == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(200, b"<html>", "text/html"), (200, b"{}", JSON), (302, b"", ""), (503, b"{}", JSON), (200, b"[" * 60_000, JSON)],
)
def test_what_is_not_such_a_server_is_named(member: Member, status: int, body: bytes, kind: str) -> None:
    with Server(always(status, body, kind, Location="https://evil.example")) as server:
        error = refused(Unavailable, "web", "sign-in", server.url, *member.options)
    assert urlsplit(server.url).netloc in str(error.facts["url"])
