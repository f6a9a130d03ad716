"""An edge's service on a real socket: what it answers to whom, and what it costs to be rude."""

import json
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.clock import fill_no_bucket
from support.worlds.edge_site import EDGE, Site, served, site_of
from support.worlds.edges import EdgesWorld

from ledger.formats.artifact import Tensor
from ledger.formats.edges.children import ChildRecord
from ledger.formats.edges.children import parse as parse_children
from ledger.formats.edges.receipts import parse as parse_receipt
from participant.edge.collected import Collected
from participant.edge.documents import UPDATE_HEADER, parse_tasks

pytestmark = pytest.mark.usefixtures("descriptors")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path)


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with served(site) as url:
        yield url


def ask(url: str, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, dict[str, str], bytes]:
    with closing(HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)) as connection:
        connection.request(method, path, body, headers or {}, encode_chunked=False)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def post(url: str, site: Site, child: ChildRecord, body: Any = None) -> tuple[int, dict[str, str], bytes]:
    headers = {UPDATE_HEADER: site.signed(child).encode().decode()}
    return ask(url, "POST", "/v1/updates", site.bytes_of(child) if body is None else body, headers)


def said(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["error"]


def test_a_round_over_http(site: Site, url: str) -> None:
    """Tasks, documents and model to read; updates to send; receipts and list to read."""
    tasks = parse_tasks(ask(url, "GET", "/v1/tasks")[2])
    (task,) = tasks.tasks
    assert ask(url, "GET", f"/v1/documents/{task.digest}")[2] == site.world.job.encode()
    assert ask(url, "GET", f"/v1/documents/{task.members}")[2] == site.world.lists[EDGE].encode()
    assert ask(url, "GET", f"/v1/models/{task.base.cid}")[2] == site.world.files.files[site.at.base.cid]
    children = [site.world.child(EDGE, number) for number in range(3)]
    for child in children:
        status, _, body = post(url, site, child)
        assert status == 200, body
        assert parse_receipt(body).child == child
        assert ask(url, "GET", f"/v1/receipts/1/1/{child.party}")[2] == body
        assert post(url, site, child, b"")[2] == body
    assert said(ask(url, "GET", "/v1/children/1/1")) == (404, "NothingThere")
    site.collected.close()
    assert {one.party for one in parse_children(ask(url, "GET", "/v1/children/1/1")[2]).children} == {
        one.party for one in children
    }


def test_what_clients_send_is_for_the_edge_alone(site: Site, url: str) -> None:
    """An update tells of its rows: whoever copies the folder elsewhere copies files that others may not read."""
    child = site.world.child(EDGE, 0)
    post(url, site, child)
    assert stat.S_IMODE(site.collected.path_of(child.party).stat().st_mode) == 0o600


def test_the_list_of_those_counted_is_worked_out_once(site: Site, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two thousand receipts: anyone may ask, and asks the edge for no more than a file."""
    for number in range(2):
        post(url, site, site.world.child(EDGE, number))
    listed = site.collected.close()
    assert ask(url, "GET", "/v1/children/1/1")[2] == listed.encode()
    monkeypatch.setattr(Collected, "find", None)
    assert ask(url, "GET", "/v1/children/1/1")[2] == listed.encode()


@pytest.mark.parametrize(
    "path", ["/", "/v1/documents/zz", "/v1/models/zz", "/v1/receipts/0/1/x", "/v1/receipts/1/1/x", "/v1/receipts/a/b/c"]
)
def test_what_is_not_there_is_said_as_json(url: str, path: str) -> None:
    status, headers, body = ask(url, "GET", path)
    assert status in (400, 404, 422)
    assert headers["content-type"] == "application/json"
    assert set(json.loads(body)) == {"error", "message", "advice", "facts"}


def test_no_file_of_the_home_is_reached_by_a_path(site: Site, url: str) -> None:
    (site.folder.folder / "secret.receipt").write_text("{}")
    for path in ("/v1/receipts/1/1/..%2F..%2F..%2Fsecret", "/v1/receipts/1/1/../../../secret"):
        assert ask(url, "GET", path)[0] in (400, 404)


def test_sizes_are_held_to(site: Site, url: str) -> None:
    child = site.world.child(EDGE, 1)
    data = site.bytes_of(child)
    assert said(post(url, site, child, data + b"\0")) == (413, "UpdateTooLong")
    assert said(post(url, site, child, data[:-1])) == (400, "Malformed")
    assert said(post(url, site, child, iter([data, data]))) == (413, "UpdateTooLong")
    assert not list(site.folder.drafts.iterdir())
    assert post(url, site, child)[0] == 200


def test_a_request_without_a_signed_update_is_refused(site: Site, url: str) -> None:
    assert said(ask(url, "POST", "/v1/updates", b"x")) == (400, "Malformed")
    assert said(ask(url, "POST", "/v1/updates", b"x", {UPDATE_HEADER: "x" * 4000})) == (400, "Malformed")
    assert said(ask(url, "GET", "/v1/updates")) == (405, "NothingThere")


def test_a_client_that_hangs_up_or_drips_leaves_nothing_and_stops_nobody(site: Site, url: str) -> None:
    child = site.world.child(EDGE, 1)
    head = f"POST /v1/updates HTTP/1.1\r\nHost: x\r\n{UPDATE_HEADER}: {site.signed(child).encode().decode()}\r\n"
    head += f"Content-Length: {len(site.bytes_of(child))}\r\n\r\n"
    address = ("127.0.0.1", urlsplit(url).port or 0)
    with closing(socket.create_connection(address)) as gone, closing(socket.create_connection(address)) as slow:
        gone.sendall(head.encode() + b"half")
        slow.sendall(head.encode() + b"half")
        gone.close()
        assert post(url, site, site.world.child(EDGE, 2))[0] == 200
    assert post(url, site, child)[0] == 200
    assert len(site.collected.weights()) == 2


def test_an_update_may_take_long_as_long_as_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large update on a slow line is not hung up on; one that drips is, and its place is free. A busy machine may
    stand still for as long as the edge waits: then once more, with more.
    """
    tensors = (Tensor("layer", (1 << 20,), 24),)
    site = Site(tmp_path, EdgesWorld(tensors=tensors).open_job().open_round())
    child, step = site.world.child(EDGE, 1), 200_000
    data = site.bytes_of(child)

    def slowly(pause: float) -> Iterator[bytes]:
        for at in range(0, len(data), step):
            time.sleep(pause)
            yield data[at : at + step]

    for patience in (4.0, 16.0, 64.0):
        monkeypatch.setattr("participant.edge.serving.PATIENCE", patience)
        with served(site) as url, suppress(OSError):
            if post(url, site, child, slowly(patience / 13))[0] == 200:
                return
    raise AssertionError("it is hung up on, however patient the edge is")


def test_a_body_that_drips_loses_its_place(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("participant.edge.app.SILENCE", 0.5)
    child = site.world.child(EDGE, 1)

    def drips() -> Iterator[bytes]:
        for at in range(5):
            time.sleep(0.3)
            yield site.bytes_of(child)[at : at + 1]

    with served(site) as url:
        assert said(post(url, site, child, drips())) == (503, "Unavailable")
        monkeypatch.setattr("participant.edge.app.SILENCE", 60.0)
        assert post(url, site, child)[0] == 200
    assert not list(site.folder.drafts.iterdir())


def test_second_updates_and_strangers_have_their_own_status(site: Site, url: str) -> None:
    post(url, site, site.world.child(EDGE, 1))
    status, _, body = post(url, site, site.world.child(EDGE, 1))
    facts = json.loads(body)["facts"]
    assert (status, json.loads(body)["error"]) == (409, "TakenAlready")
    assert {"taken", "offered"} <= facts.keys()
    assert said(post(url, site, site.world.child(EDGE, 77))) == (403, "NotAClient")
    site.collected.close()
    assert said(post(url, site, site.world.child(EDGE, 2))) == (410, "RoundClosed")


def test_requests_of_one_address_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_no_bucket(monkeypatch)
    with served(site, rate=2.0) as url:
        answers = [ask(url, "GET", "/v1/tasks") for _ in range(20)]
    refused = [one for one in answers if one[0] == 429]
    assert refused
    assert all(int(one[1]["retry-after"]) >= 1 for one in refused)


def test_an_error_shows_no_path_of_the_edges_machine(site: Site, url: str) -> None:
    child = site.world.child(EDGE, 1)
    site.folder.drafts.rmdir()
    status, _, body = post(url, site, child)
    assert (status, json.loads(body)["message"]) == (503, "the edge cannot do this now")
    assert str(site.folder.folder) not in body.decode()
