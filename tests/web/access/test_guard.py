"""Limits, headers, the access log, hosts, and content that is withheld."""

import io
import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest
from support.clock import fill_no_bucket
from support.web.server import get, served, view_of
from support.worlds.world import World

from ledger.http.buckets import BURST_SECONDS, MOST, Buckets
from web.access.guard import LARGEST_BODY, LONGEST_ADDRESS


@pytest.fixture(scope="module")
def world() -> World:
    return World().open_job().honest_round()


def test_every_response_carries_the_security_headers_and_no_cors(world: World) -> None:
    with served(view_of(world)) as url:
        for path in ("/", "/jobs.json", "/nothing", "/static/live.js", "/health"):
            headers = get(url + path, headers={"Origin": "https://elsewhere.example"}).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in headers
            assert "server" not in headers or "uvicorn" in headers["server"]


def test_too_many_requests_are_refused_with_the_time_to_try_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_no_bucket(monkeypatch)
    with served(view_of(world, rate=1.0)) as url:
        answers = [get(url + "/health") for _ in range(int(BURST_SECONDS) + 1)]
    assert [answer.status_code for answer in answers] == [200] * int(BURST_SECONDS) + [429]
    assert answers[-1].json()["error"] == "TooManyRequests"
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_bucket_fills_again_and_old_ones_are_forgotten() -> None:
    now = 0.0
    buckets = Buckets(2.0, lambda: now)
    assert [buckets.take("a") for _ in range(8)] == [0.0] * 8
    assert buckets.take("a") == 0.5
    now = 0.5
    assert buckets.take("a") == 0.0
    for number in range(MOST):
        buckets.take(str(number))
    assert buckets.take("a") == 0.0


def test_what_is_too_large_is_refused(world: World) -> None:
    with served(view_of(world)) as url:
        long = get(url + "/jobs.json?x=" + "9" * LONGEST_ADDRESS)
        large = httpx.request("GET", url + "/jobs.json", content=b"x" * (LARGEST_BODY + 1), timeout=60)
    assert (long.status_code, long.json()["error"]) == (414, "AddressTooLong")
    assert (large.status_code, large.json()["error"]) == (413, "TooLarge")


def test_a_local_server_responds_to_its_own_names_only(world: World) -> None:
    with served(view_of(world, hosts=("127.0.0.1", "localhost", "::1"))) as url:
        assert get(url + "/health").status_code == 200
        assert get(url + "/health", headers={"Host": "[::1]:8000"}).status_code == 200
        refused = get(url + "/health", headers={"Host": "evil.example"})
    assert (refused.status_code, refused.json()["error"]) == (421, "WrongHost")


def test_a_request_with_two_hosts_is_for_none(world: World) -> None:
    with served(view_of(world, hosts=("127.0.0.1", "localhost"))) as url:
        for hosts in (("evil.example", "127.0.0.1"), ("127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1")):
            with closing(HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)) as connection:
                connection.putrequest("GET", "/metrics", skip_host=True)
                for host in hosts:
                    connection.putheader("Host", host)
                connection.endheaders()
                refused = connection.getresponse()
                assert (refused.status, json.load(refused)["error"]) == (421, "WrongHost")


def test_the_access_log_has_reader_and_address_on_one_line(world: World) -> None:
    log = io.StringIO()
    with served(view_of(world), log) as url:
        get(url + "/jobs.json?x=%0aforged")
        get(url + "/nothing")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["client"], line["method"], line["status"]) for line in lines] == [
        ("127.0.0.1", "GET", 200),
        ("127.0.0.1", "GET", 404),
    ]
    assert lines[0]["path"] == "/jobs.json?x=%0aforged"
    assert lines[0]["bytes"] > 100


def test_the_public_gets_job_documents_and_no_models(world: World) -> None:
    final = world.state.rounds[1].final
    assert final is not None
    with served(view_of(world, public=True)) as url:
        cids = [one["cid"] for one in get(url + "/jobs/1/models/1.json").json()["models"]]
        cids += [one["cid"] for one in get(url + "/jobs/1/rounds/1.json").json()["round"]["updates"]]
        answers = [get(f"{url}/ipfs/{cid}?format={form}") for cid in cids for form in ("raw", "car")]
        document = get(f"{url}/ipfs/{world.job.cid}?format=raw")
    assert len(cids) == 6
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(403, "Withheld")}
    assert document.status_code == 404, "let through: nobody holds it here"
