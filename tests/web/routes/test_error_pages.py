"""Errors as people see them: in their language, at the same address, with links, and without a program's own words."""

import re

import httpx
import pytest
from support.web.server import AT, get, served, view_of
from support.worlds.world import World

from web.access import problems
from web.documents import refusals
from web.drawing.filters import linked, sentence
from web.drawing.language import texts
from web.reading.latest import Audited

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def world() -> World:
    return World().open_job().honest_round()


def test_what_is_not_there_names_a_page_that_is_and_links_it(world: World) -> None:
    with served(view_of(world)) as url:
        text = get(url + "/jobs/1/rounds/99", headers=HTML).text
    assert "<h1>There is no such page</h1>" in text
    assert "Job 1 has no round 99." in text
    assert '<a href="/jobs/1/rounds">/jobs/1/rounds</a> lists them all.' in text
    assert "<title>There is no such page" in text
    assert text.count("NotFound") == 1


@pytest.mark.parametrize("path", ["/jobs/1/rounds/99", "/nowhere", "/jobs/9?before=3", "/a%22b/%E4%B8%AD"])
def test_the_other_language_is_at_the_same_address_and_is_remembered(world: World, path: str) -> None:
    with served(view_of(world)) as url, httpx.Client(base_url=url, headers=HTML, timeout=60) as client:
        first = client.get(path).text
        (switch,) = re.findall(r'href="([^"]+)" lang="zh-Hant"', first)
        assert switch.startswith(path.partition("?")[0])
        assert ("before=3" in switch) == ("before=3" in path)
        assert 'lang="zh-Hant"' in client.get(switch.replace("&amp;", "&")).text
        assert '<html lang="zh-Hant">' in client.get("/jobs").text


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/%2e%2e", "/sign-in/" + "a" * 43])
def test_an_address_that_leads_elsewhere_or_is_a_secret_is_in_no_link(world: World, path: str) -> None:
    with served(view_of(world)) as url:
        text = get(url + path, headers=HTML).text
    assert 'href="/?lang=zh-Hant"' in text
    assert "evil.example" not in text
    assert "a" * 43 not in text


def test_an_error_is_told_in_chinese_with_its_own_words_beside(world: World) -> None:
    with served(view_of(world)) as url:
        text = get(url + "/jobs/9?lang=zh-Hant", headers=HTML).text
        guarded = get(url + "/" + "x" * 2_000, headers=HTML | {"Accept-Language": "zh-TW"}).text
    assert "帳本中沒有這項內容" in text
    assert '<p class="quiet" lang="en"><bdi>There is no job 9.</bdi></p>' in text
    assert "位址過長" in guarded


def test_every_error_of_a_page_has_its_chinese() -> None:
    names = {name for name, _ in problems._NAMES.values()} | {kind.__name__ for kind in problems._STATUS}
    names |= {kind.__name__ for kind in vars(refusals).values() if kind in (*READING, refusals.NoOrigin)}
    families = {"NotAuthentic", "NotAllowed", "Conflict", "Rejected", "FedledgerError", "NameTaken"}
    assert {name for name in names - families if texts("zh-Hant").problem(name) is None} == set()
    assert texts("en").problem("NotFound") is None


READING = (refusals.NotSignedIn, refusals.SessionEnded, refusals.UnknownLink, refusals.PlainHttp)
"""What a browser that only reads may be refused for."""


def test_addresses_in_a_message_are_links_and_nothing_else_is() -> None:
    assert linked("/jobs/1/rounds lists them all") == '<a href="/jobs/1/rounds">/jobs/1/rounds</a> lists them all'
    assert linked("start from /") == 'start from <a href="/">/</a>'
    for text in ("no body larger than 16 KiB", "1/10,000", "http://x.example/y", "GET /sign-in.json?a=1", "a//b.c/"):
        assert linked(text) == text
    assert linked('/x"><script>') == '<a href="/x">/x</a>&#34;&gt;&lt;script&gt;'
    assert sentence("there is no job 9") == "There is no job 9."
    assert sentence("") == "."


@pytest.mark.parametrize(
    ("language", "said", "way_out"),
    [
        ("en", "store/0.pack holds a damaged copy of block bafy", "nobody lied"),
        ("zh-Hant", "已損壞", "並非有人說謊"),
    ],
)
def test_a_damaged_copy_of_this_servers_own_is_a_finding_with_the_way_out(
    language: str, said: str, way_out: str
) -> None:
    world = World().open_job().honest_round()
    view = view_of(world)
    trouble = "store/0.pack holds a damaged copy of block bafy"
    for state in ({"trouble": trouble}, {"trouble": "", "audited": Audited(AT, 0.1, {}, None, trouble=trouble)}):
        view.latest.post(**state)
        with served(view) as url:
            page = get(url + "/", headers={"Accept": "text/html", "Accept-Language": language}).text
        assert said in page
        assert way_out in page
        assert "fedledger store verify" in page
    view.latest.post(audited=None)
    with served(view) as url:
        assert "store verify" not in get(url + "/", headers={"Accept": "text/html"}).text
