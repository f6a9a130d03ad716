"""Every refusal in one form, RFC 9457's, or a page for people; and the methods that an address has."""

from typing import Any

import httpx
import pytest
from support.clock import fill_no_bucket
from support.web.server import get, served, view_of
from support.worlds.world import World

from web.access.guard import LONGEST_ADDRESS


@pytest.fixture(scope="module")
def world() -> World:
    return World().open_job().honest_round()


REFUSALS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/jobs/9.json", {}, 404),
    ("GET", "/nothing", {}, 404),
    ("GET", "/jobs/1/rounds.json?limit=0", {}, 400),
    ("GET", "/ipfs/bafkrei?format=raw", {}, 400),
    ("GET", "/ipfs/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku?format=raw", {}, 404),
    ("GET", "/releases/cardio/1.0/model.safetensors", {}, 404),
    ("GET", f"/sign-in/{'a' * 43}", {}, 401),
    ("DELETE", "/jobs.json", {}, 405),
    ("POST", "/sign-in.json", {"content": b"x"}, 415),
    ("POST", "/sign-out.json", {"json": {"x": 1}}, 400),
    ("POST", "/sign-out.json", {"json": {}, "headers": {"Origin": "https://evil.example"}}, 403),
    ("GET", "/jobs.json", {"headers": {"Host": "evil.example"}}, 421),
    ("GET", "/jobs.json?" + "x" * LONGEST_ADDRESS, {}, 414),
    ("POST", "/sign-out.json", {"content": b" " * 20_000}, 413),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), REFUSALS)
def test_a_refusal_is_a_problem_of_rfc_9457(
    world: World, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    with served(view_of(world, hosts=("127.0.0.1",))) as url:
        answer = httpx.request(method, url + path, **options, timeout=60)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"tag:fedledger,2026:{problem['error']}"
    assert problem["title"]
    assert problem["detail"]
    assert problem.keys() == {"fedledger", "type", "title", "status", "detail", "instance", "error", "advice", "facts"}
    wanted = "/sign-in/%E2%80%A6" if path.startswith("/sign-in/") else path.partition("?")[0]
    assert problem["instance"] == wanted


@pytest.mark.parametrize(("method", "path", "options", "status"), REFUSALS)
def test_people_get_the_same_as_a_page(
    world: World, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    path = path.replace(".json", "") if method == "GET" else path
    headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "zh-TW"} | options.get("headers", {})
    with served(view_of(world, hosts=("127.0.0.1",))) as url:
        answer = httpx.request(method, url + path, **{**options, "headers": headers}, timeout=60)
    assert answer.status_code == status
    if path.startswith("/ipfs/") and status == 404:
        return  # blocks are for programs
    kind = "application/problem+json" if path.endswith(".json") else "text/html; charset=utf-8"
    assert answer.headers["content-type"] == kind
    if kind.startswith("text/html"):
        assert 'lang="zh-Hant"' in answer.text
        assert str(status) in answer.text


def test_the_guards_page_says_nothing_of_the_consortium(world: World) -> None:
    """A page elsewhere may have had the server's name resolve to it: it must not learn what runs here."""
    with served(view_of(world, hosts=("127.0.0.1",))) as url:
        answer = get(url + "/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status_code == 421
    for word in ("31337", "test", "evil.example", "data-serial"):
        assert word not in answer.text


def test_too_many_requests_are_a_page_for_people(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_no_bucket(monkeypatch)
    with served(view_of(world, rate=1.0)) as url:
        answers = [get(url + "/jobs", headers={"Accept": "text/html"}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["content-type"] == "text/html; charset=utf-8"
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Too many requests" in answers[-1].text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/jobs.json", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/static/style.css", "GET, HEAD, OPTIONS"),
        ("/sign-in.json", "GET, HEAD, OPTIONS, POST"),
        ("/relay.json", "OPTIONS, POST"),
        ("/sign-in-link.json", "OPTIONS, POST"),
        (f"/sign-in/{'a' * 43}", "GET, OPTIONS"),
    ],
)
def test_an_address_names_all_its_methods(world: World, path: str, allowed: str) -> None:
    with served(view_of(world)) as url:
        wrong, asked = httpx.request("PATCH", url + path, timeout=60), httpx.options(url + path, timeout=60)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allowed)
    assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", allowed)
    assert not [name for name in asked.headers if name.startswith("access-control")]


def test_methods_of_what_is_not_there_are_not_found(world: World) -> None:
    with served(view_of(world)) as url:
        assert httpx.options(url + "/nothing", timeout=60).status_code == 404


FROM = {"Origin": "https://dashboard.example", "Sec-Fetch-Site": "cross-site"}


def test_pages_elsewhere_read_what_is_public(world: World) -> None:
    ask = FROM | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match, range"}
    with served(view_of(world, read="public")) as url:
        for path in ("/jobs.json", "/", "/openapi.json", "/jobs/9.json", f"/ipfs/{world.job.cid}?format=raw"):
            answer = get(url + path, headers=FROM)
            assert answer.headers["access-control-allow-origin"] == "*", path
            assert "access-control-allow-credentials" not in answer.headers
            assert "ETag" in answer.headers["access-control-expose-headers"]
            preflight = httpx.options(url + path, headers=ask, timeout=60)
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == "*"
            assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"
            named = {name.strip().lower() for name in preflight.headers["access-control-allow-headers"].split(",")}
            assert named >= {"if-none-match", "range"}


def test_pages_elsewhere_write_nothing_and_learn_nothing_of_members(world: World) -> None:
    with served(view_of(world, read="public", hosts=("127.0.0.1",))) as url:
        for path in ("/sign-in.json", "/sign-out.json", "/session.json", "/sign-in-link.json", "/relay.json"):
            answer = httpx.post(url + path, json={}, headers=FROM, timeout=60)
            assert (answer.status_code, answer.json()["error"]) == (403, "WrongOrigin"), path
            assert "access-control-allow-origin" not in answer.headers
        for path in ("/session.json", "/sign-in.json", f"/sign-in/{'a' * 43}"):
            assert "access-control-allow-origin" not in get(url + path, headers=FROM).headers
            assert "access-control-allow-origin" not in httpx.options(url + path, headers=FROM, timeout=60).headers


@pytest.mark.parametrize("read", ["local", "members"])
def test_pages_elsewhere_read_nothing_that_is_not_public(world: World, read: str) -> None:
    with served(view_of(world, read=read, hosts=("127.0.0.1",))) as url:
        for method in ("GET", "HEAD", "OPTIONS"):
            headers = httpx.request(method, url + "/jobs.json", headers=FROM, timeout=60).headers
            assert not [name for name in headers if name.startswith("access-control")]
