"""A link signs one browser in, once, within a minute; every other way in by it must not work."""

import io
import re
from typing import Any

import httpx
import pytest
from support.clock import Clock
from support.web.relay import link_to_sign_in, post, sign_text, signed_text
from support.web.server import get, served, view_of
from support.web.signers import rotate, world_with

from ledger.keys import ephemeral
from web.access.links import PATH, SECONDS, Links
from web.documents.refusals import PlainHttp, UnknownLink, WrongDomain
from web.reading.snapshot import freeze

HERE = "https://audit.example"
KEY, OTHER = "0x" + "11" * 20, "0x" + "22" * 20


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def links(clock: Clock) -> Links:
    return Links(clock)


def token(links: Links, key: str = KEY) -> str:
    return links.issue(HERE, key)[0].removeprefix(PATH)


def test_a_link_is_valid_once(links: Links) -> None:
    made, other = token(links), token(links, OTHER)
    assert links.redeem(HERE, made) == KEY
    assert links.redeem(HERE, other) == OTHER
    for replayed in (made, other, "", made[:-1]):
        with pytest.raises(UnknownLink):
            links.redeem(HERE, replayed)


def test_a_link_is_valid_for_a_minute(links: Links, clock: Clock) -> None:
    first, second = token(links), token(links, OTHER)
    clock.now += SECONDS
    assert links.redeem(HERE, first) == KEY, "the last second is still in time"
    clock.now += 1
    with pytest.raises(UnknownLink):
        links.redeem(HERE, second)


def test_a_link_is_for_one_origin(links: Links) -> None:
    made = token(links)
    with pytest.raises(WrongDomain):
        links.redeem("https://other.example", made)


def test_a_key_has_one_link_and_the_newest_counts(links: Links) -> None:
    older, newer = token(links), token(links)
    with pytest.raises(UnknownLink):
        links.redeem(HERE, older)
    assert links.redeem(HERE, newer) == KEY


@pytest.fixture(scope="module")
def member() -> Any:
    return ephemeral()


def test_a_browser_is_signed_in_by_a_link_and_the_second_tab_says_that_it_was_used(member: Any) -> None:
    log = io.StringIO()
    view = view_of(world_with(member), hosts=("127.0.0.1",), read="members")
    with served(view, log) as url, httpx.Client(headers={"Accept": "text/html"}, timeout=60) as browser:
        assert browser.get(url + "/").status_code == 401
        opened = link_to_sign_in(url, member)
        page = browser.get(opened)
        assert page.status_code == 200
        assert "east" in page.text
        assert page.headers["cache-control"] == "no-store"
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        secret = opened.rpartition("/")[2]
        assert secret not in page.text, "the page leads nowhere with it"
        assert browser.get(url + "/").status_code == 200
        second = browser.get(opened)
        assert (second.status_code, second.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert secret not in second.text
        assert browser.get(url + "/").status_code == 200, "what the first tab began is not ended by it"
        stranger = get(opened)
        assert (stranger.status_code, stranger.json()["error"]) == (401, "UnknownLink")
    assert secret not in log.getvalue()
    assert f"{PATH}…" in log.getvalue().encode().decode("unicode_escape")


def test_a_page_elsewhere_cannot_have_a_link_opened(member: Any) -> None:
    with served(view_of(world_with(member), hosts=("127.0.0.1", "localhost"))) as url:
        opened = link_to_sign_in(url, member)
        for site in ("cross-site", "same-site"):
            answer = get(opened, headers={"Sec-Fetch-Site": site})
            assert (answer.status_code, answer.json()["error"]) == (403, "WrongOrigin")
        assert httpx.head(opened, timeout=60).status_code == 405, "a look at its headers uses nothing up"
        assert get(opened, headers={"Sec-Fetch-Site": "none"}).status_code == 200
        elsewhere = get(link_to_sign_in(url, member), headers={"Host": "localhost"})
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (401, "WrongDomain")


def test_where_browsers_do_not_say_who_has_a_link_opened_there_are_none(member: Any, links: Links) -> None:
    origin = "http://audit.lan:8000"
    for make in (links.issue, links.redeem):
        with pytest.raises(PlainHttp):
            make(origin, KEY)
    for told in (HERE, "http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"):
        assert links.redeem(told, links.issue(told, KEY)[0].removeprefix(PATH)) == KEY
    view, ours = view_of(world_with(member), origin=origin, hosts=("audit.lan",)), {"Host": "audit.lan:8000"}
    with served(view) as url, httpx.Client(base_url=url, headers=ours, timeout=60) as reader:
        text = reader.get("/sign-in.json", params={"address": member.address}).json()["message"]
        body = {"message": text, "signature": sign_text(member, text)}
        answer = reader.post("/sign-in-link.json", json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "PlainHttp")


def test_a_link_needs_a_members_signature_of_a_text_of_this_server(member: Any) -> None:
    with served(view_of(world_with(member), hosts=("127.0.0.1",))) as url:
        body, stranger = signed_text(url, member), ephemeral()
        path = url + "/sign-in-link.json"
        foreign = post(path, json=signed_text(url, stranger))
        assert (foreign.status_code, foreign.json()["error"]) == (403, "NotMember")
        for old, new, error in (
            ("127.0.0.1", "evil.example", "WrongDomain"),
            ("Chain ID: 31337", "Chain ID: 1", "WrongChain"),
            ("Nonce: ", "Nonce: 0", "MessageChanged"),
        ):
            changed = body["message"].replace(old, new)
            answer = post(path, json={"message": changed, "signature": sign_text(member, changed)})
            assert answer.json()["error"] == error
        forged = re.sub("Nonce: .{64}", "Nonce: " + "0" * 64, body["message"])
        answer = post(path, json={"message": forged, "signature": sign_text(member, forged)})
        assert answer.json()["error"] == "UnknownNonce"
        assert post(path, json=body).status_code == 200
        assert post(path, json=body).json()["error"] == "NonceUsed"
        assert post(url + "/sign-in.json", json=body).json()["error"] == "NonceUsed", "nor for a session"


def test_a_link_of_a_key_that_was_rotated_signs_nobody_in(member: Any) -> None:
    world = world_with(member)
    view = view_of(world, hosts=("127.0.0.1",))
    with served(view) as url:
        opened = link_to_sign_in(url, member)
        rotate(world, 1, ephemeral().address)
        view.latest.post(snapshot=freeze(world.history, len(world.events)))
        answer = get(opened)
        assert (answer.status_code, answer.json()["error"]) == (403, "NotMember")
        assert "set-cookie" not in answer.headers
