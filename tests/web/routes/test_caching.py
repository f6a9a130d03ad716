"""What a client or a cache between keeps: tags that change with what they name alone, conditions, gzip, Vary."""

import gzip

import httpx
import pytest
from support.web.released import address, ask, shop
from support.web.server import PATHS, filled, get, served, view_of
from support.worlds.releases import release
from support.worlds.world import World

from web.pages import PAGES

JSON_PATHS = [filled(page.json_path) for page in PAGES]


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round().honest_round()


def test_a_tag_stays_while_nothing_changes(world: World) -> None:
    view = view_of(world)
    with served(view) as url:
        before = get(url + "/consortium.json")
        view.latest.post(read_at=view.latest.state.read_at + 1)
        after = get(url + "/consortium.json")
        assert after.json()["chain"]["read_at"] == before.json()["chain"]["read_at"] + 1
        assert after.headers["etag"] == before.headers["etag"]
        tag = {"If-None-Match": before.headers["etag"]}
        assert get(url + "/consortium.json", headers=tag).status_code == 304
        view.latest.post(trouble="the node is gone")
        assert get(url + "/consortium.json", headers=tag).status_code == 200


@pytest.mark.parametrize("path", ["/", "/jobs/1.json", "/openapi.json", "/static/style.css"])
def test_a_condition_is_understood_in_every_form(world: World, path: str) -> None:
    with served(view_of(world)) as url:
        whole = get(url + path)
        tag = whole.headers["etag"].removeprefix("W/")
        for condition in (tag, f"W/{tag}", f'"other", W/{tag}', "*"):
            if (path, condition) == ("/static/style.css", "*"):
                continue
            again = get(url + path, headers={"If-None-Match": condition})
            assert (again.status_code, again.content) == (304, b""), condition
            assert again.headers["etag"].removeprefix("W/") == tag
        assert get(url + path, headers={"If-None-Match": '"other"'}).content == whole.content


@pytest.mark.parametrize(
    "path", ["/", "/jobs/1/rounds/1", "/jobs/1/rounds/1.json", "/openapi.json", "/static/style.css"]
)
def test_what_is_large_is_sent_in_gzip_to_those_who_take_it(world: World, path: str) -> None:
    with served(view_of(world)) as url:
        plain = ask(url, path)
        small = ask(url, path, **{"Accept-Encoding": "gzip"})
        head = ask(url, path, "HEAD", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) * 2 < len(plain.body)
    assert "Accept-Encoding" in small.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert small.headers["etag"].startswith("W/"), "a strong tag would name these bytes"
    assert (head.body, head.headers["content-length"]) == (b"", small.headers["content-length"])


def test_gzip_of_no_weight_is_not_sent(world: World) -> None:
    with served(view_of(world)) as url:
        for asked in ("gzip;q=0", "gzip ; q=0.000, identity", "br, GZIP;q=0.0"):
            answer = ask(url, "/openapi.json", **{"Accept-Encoding": asked})
            assert "content-encoding" not in answer.headers, asked
            assert "Accept-Encoding" in answer.headers["vary"]
        for asked in ("gzip;q=0.1", "br;q=0, gzip", "gzip;q=1.0"):
            assert ask(url, "/openapi.json", **{"Accept-Encoding": asked}).headers["content-encoding"] == "gzip", asked


def test_models_blocks_streams_and_sessions_are_not_compressed(world: World) -> None:
    made = release(world)
    with served(shop(world)) as url:
        asked = [address(made), f"/ipfs/{world.job.cid}?format=raw", "/session.json"]
        answers = [ask(url, path, **{"Accept-Encoding": "gzip"}) for path in asked]
        with httpx.stream("GET", url + "/events", headers={"Accept-Encoding": "gzip"}, timeout=60) as events:
            assert "content-encoding" not in events.headers
    for answer in answers:
        assert answer.status == 200
        assert "content-encoding" not in answer.headers
    assert not answers[0].headers["etag"].startswith("W/")


def test_json_has_no_language_and_pages_have(world: World) -> None:
    def varies(url: str, path: str) -> set[str]:
        return {name.strip() for name in get(url + path).headers.get("vary", "").split(",")} - {"", "Accept-Encoding"}

    with served(view_of(world)) as url:
        paths = [path for path in JSON_PATHS if get(url + path).status_code == 200]
        assert len(paths) > 8
        assert {path for path in paths if varies(url, path)} == set()
        pages = [path for path in PATHS if get(url + path, headers={"Accept": "text/html"}).status_code == 200]
        assert len(pages) > 8
        assert {path for path in pages if varies(url, path) != {"Accept-Language", "Cookie"}} == set()
