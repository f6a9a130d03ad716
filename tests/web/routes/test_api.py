"""What programs read of a real consortium, and how every invalid request is refused."""

import json
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.web.server import filled, until

from ledger.formats.cid import Cid, raw
from web.pages import PAGES

PATHS = [filled(page.json_path) for page in PAGES]
MISSING = [
    "/jobs/2.json",
    "/jobs/1/rounds/9.json",
    "/jobs/1/models/9.json",
    "/jobs/1/models/3.json",
    "/jobs/0.json",
    "/members/4.json",
    "/members/255.json",
    "/proposals/0.json",
    "/proposals/99.json",
    "/releases/nothing.json",
    "/releases/CARDIO.json",
    "/releases/cardio/9.json",
    "/releases/nothing/1.0.json",
    "/releases/cardio/.json",
    "/jobs/99999999999999999999.json",
    "/jobs/x.json",
    "/nothing.json",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_a_json_sibling_that_names_its_reading(site, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["fedledger"] == "page/1"
    assert document["chain"] | {"block": 0, "read_at": 0} == {
        "id": 31337,
        "block": 0,
        "read_at": 0,
        "up": True,
        "trouble": "",
    }
    assert abs(document["chain"]["read_at"] - time.time()) < 60


ANSWERED = (
    "/consortium",
    "/audit",
    "/jobs/1",
    "/jobs/1/rounds/1",
    "/jobs/1/rounds/2",
    "/jobs/1/models/1",
    "/jobs/1/models/2",
    "/releases/cardio/1.0",
    "/releases/early/0.1",
    "/proposals/1",
    "/proposals/4",
)
"""Pages that answer."""


def test_a_round_has_refusals_with_reasons_and_refuted_aggregates(site) -> None:
    first = site.get("/jobs/1/rounds/1.json").json()["round"]
    assert [(u["party"]["name"], u["verdict"]["name"]) for u in first["updates"]] == [
        ("North", "ADMITTED"),
        ("South", "ADMITTED"),
        ("East", "ADMITTED"),
        ("West", "WEIGHT"),
    ]
    second = site.get("/jobs/1/rounds/2.json").json()["round"]
    assert [(a["party"]["name"], a["outcome"]) for a in second["aggregates"]] == [
        ("North", "Refuted"),
        ("South", "Finalised"),
    ]
    assert second["base"] == 1
    failed, final = second["aggregates"]
    assert [(a["form"], a["claim"] != failed["claim"]) for a in failed["attestations"]] == [("other", True)] * 2
    assert (failed["end"], failed["agreeing"], failed["other"], failed["missing"]) == ("outvoted", 1, 2, 0)
    assert failed["base"] == final["base"] == first["aggregates"][0]["root"]


def test_a_round_says_who_signed_for_which_update_and_who_got_a_strike(site) -> None:
    until(lambda: len(site.view.latest.state.receipts) == 3)
    first = site.get("/jobs/1/rounds/1.json").json()["round"]
    assert {len(one["signers"]) for one in first["updates"]} == {4}
    assert {one["certified"] for one in first["updates"]} == {True}
    assert (first["signers_needed"], first["aggregates"][0]["receipts"]["certified"]) == (2, 4)
    struck = site.get("/jobs/1.json").json()["strikes"]
    assert [(one["party"]["name"], one["count"]) for one in struck] == [("North", 1)]


def test_a_round_under_way_says_who_committed_and_has_not_opened(site) -> None:
    third = site.get("/jobs/1/rounds/3.json").json()["round"]
    assert (third["phase"], third["updates"]) == ("Collecting", [])
    assert [one["party"]["name"] for one in third["commitments"]] == ["North", "South"]
    assert [one["name"] for one in third["unopened"]] == ["North", "South"]
    assert [one["name"] for one in third["missing"]] == ["East", "West"]
    job = site.get("/jobs/1.json").json()["job"]
    assert (job["rounds"], job["finalised"], job["rounds_planned"]) == (3, 2, 3)


def test_a_trace_is_cut_at_its_limit_and_names_what_follows(site) -> None:
    whole = site.get("/jobs/1/models/2.json").json()
    assert [model["round"] for model in whole["models"]] == [2, 1, 0]
    assert whole["next"] is None
    cut = site.get("/jobs/1/models/2.json?limit=1").json()
    assert cut["models"] == whole["models"][:1]
    assert site.get(cut["next"]).json()["models"] == whole["models"][1:2]


def test_lists_are_read_page_by_page(site) -> None:
    seen, path = [], "/jobs/1/rounds.json?limit=2"
    while path:
        document = site.get(path).json()
        seen += [one["round"] for one in document["rounds"]]
        path = document["next"]
    assert seen == [3, 2, 1]
    assert [m["round"] for m in site.get("/jobs/1/models.json").json()["models"]] == [2, 1]


def test_each_object_has_its_own_answer(site) -> None:
    """The model of round 2 is right, and the lie that was told in its round is told with it, not with round 1."""
    found = {path: site.get(path + ".json").json()["answers"] for path in ANSWERED}
    assert {(one["right"], one["exit"]) for one in found.values()} == {("yes", 0)}
    caught = {path for path, one in found.items() if one["answer"] == "caught"}
    assert caught == {*ANSWERED} - {"/jobs/1/rounds/1", "/jobs/1/models/1", "/releases/cardio/1.0", "/proposals/1"}
    assert found["/proposals/4"]["asked"] == {"model": "1/2"}
    lies = [site.get(f"/members/{index}.json").json()["told"]["lies_told"] for index in range(4)]
    assert lies == [1, 0, 0, 0]


def test_the_audit_found_the_lie_and_says_how_to_check_without_this_server(site) -> None:
    document = site.get("/audit.json").json()
    audit = document["audit"]
    assert (audit["right"], audit["lies"]) == ("yes", "caught")
    lies = audit["report"]["lies"]["list"]
    assert [(one["check"], one["round"], one["who"], one["state"]) for one in lies] == [(9, 2, "North", "caught")]
    assert {c["code"]: c["status"] for c in audit["checks"]}["AGGREGATE"] == "caught"
    assert document["command"].startswith("fedledger audit --network")
    assert (audit["rounds"], document["behind"]) == (2, 0)


@pytest.mark.parametrize("path", MISSING)
def test_what_is_not_there_is_a_named_error(site, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 404
    problem = answer.json()
    assert (problem["fedledger"], problem["error"], problem["status"]) == ("error/1", "NotFound", 404)
    assert problem["detail"]
    assert problem["advice"]


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "before=-1", "before=1e9"])
def test_a_malformed_request_is_refused_by_name(site, query: str) -> None:
    problem = site.get(f"/jobs/1/rounds.json?{query}").json()
    assert (problem["error"], problem["status"]) == ("BadRequest", 400)
    assert query.split("=", maxsplit=1)[0] in problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(site, method: str) -> None:
    answer = httpx.request(method, site.url + "/jobs.json", timeout=60)
    assert answer.status_code == 405
    assert answer.json()["error"] == "MethodNotAllowed"


def test_head_is_get_without_the_body(site) -> None:
    head, get = httpx.head(site.url + "/jobs", timeout=60), site.get("/jobs")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_what_a_reader_has_already_is_not_sent_again(site) -> None:
    path = "/jobs/1/rounds/1"
    tag = site.get(path).headers["etag"]
    assert site.get(path, headers={"If-None-Match": tag}).status_code in {200, 304}


def test_content_is_served_by_cid_as_by_any_gateway(site) -> None:
    job = site.get("/jobs/1.json").json()["job"]
    block = site.get(f"/ipfs/{job['cid']}?format=raw")
    assert block.headers["content-type"] == "application/vnd.ipld.raw"
    assert raw(block.content) == Cid.parse(job["cid"])
    assert block.content == site.trial.job.encode()
    update = site.get("/jobs/1/rounds/1.json").json()["round"]["updates"][0]["cid"]
    archive = site.get(f"/ipfs/{update}", headers={"Accept": "application/vnd.ipld.car"})
    assert archive.status_code == 200
    assert bytes(Cid.parse(update)) in archive.content
    unknown = site.get(f"/ipfs/{raw(b'nobody has this')}?format=raw")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "NotFound")
    assert site.get(f"/ipfs/{job['cid']}").json()["status"] == 400
    assert site.get("/ipfs/QmOld?format=raw").json()["error"] == "Malformed"


def test_health_readiness_and_counts(site) -> None:
    assert site.get("/health").json() == {"status": "ok"}
    assert site.get("/ready").json()["status"] == "ready"
    text = site.get("/metrics").text
    samples = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples["fedledger_chain_up"] == 1
    assert samples["fedledger_rounds_ended"] == 2
    assert samples["fedledger_audit_right"] == 1
    assert samples["fedledger_web_requests_total"] >= 1


def test_events_begin_with_the_present_state(site) -> None:
    with httpx.stream("GET", site.url + "/events", timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        data = next(line for line in lines if line.startswith("data: "))
    assert json.loads(data.removeprefix("data: "))["chain"]["up"] is True
