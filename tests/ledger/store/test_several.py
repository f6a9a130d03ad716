"""Several blocks by one request: what a gateway answers, and what of it is believed."""

import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler

import pytest
from support.content.holders import Memory, Server

from ledger.errors import Malformed
from ledger.formats.cid import Cid, raw
from ledger.store import Blocks, Unreachable, car, several
from ledger.store.gateway import CAR_TYPE
from ledger.store.gateway_server import serve
from ledger.store.remote import Remote

FILES = [bytes([number]) * 1000 for number in range(5)]
CIDS = [raw(data) for data in FILES]


@pytest.fixture
def memory() -> Memory:
    memory = Memory("hospital")
    for data in FILES[:4]:
        memory.add(data)
    return memory


@pytest.fixture
def remote(memory: Memory) -> Iterator[Remote]:
    gateway = serve(memory)
    with closing(gateway), closing(Remote("hospital", gateway.url)) as remote:
        yield remote


def sections(blocks: Blocks, cids: list[Cid]) -> bytes:
    return b"".join(several.answer(blocks, cids))


def test_those_that_are_there_come_in_one_response(remote: Remote, memory: Memory) -> None:
    assert remote.several(CIDS, 10, 10) == dict(zip(CIDS[:4], FILES[:4], strict=True))
    assert memory.asked == CIDS


def test_a_damaged_block_is_left_out(remote: Remote, memory: Memory) -> None:
    memory.blocks[CIDS[1]] = b"x" * 1000
    assert list(remote.several(CIDS, 10, 10)) == [CIDS[0], CIDS[2], CIDS[3]]


def test_what_was_not_asked_for_is_left_out(memory: Memory) -> None:
    assert list(several.read(sections(memory, CIDS), CIDS[2:])) == CIDS[2:4]


def test_a_response_ends_before_it_is_too_long(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    monkeypatch.setattr(several, "LONGEST", 2500)
    assert list(several.read(sections(memory, CIDS), CIDS)) == CIDS[:2]


def test_the_longest_response_is_within_the_ceiling() -> None:
    memory = Memory()
    cids = [memory.add(bytes([number]) * (several.LONGEST // several.MOST)) for number in range(several.MOST)]
    assert len(sections(memory, cids)) <= several.CEILING


@pytest.mark.parametrize(
    "body",
    [b"", b"x", "\u00e9".encode(), b"\n", several.encode(CIDS) + b"\n", several.encode(CIDS * 13)],
    ids=["empty", "no CID", "not ASCII", "no line", "a line more", "too many"],
)
def test_a_request_in_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        several.parse(body)


def test_a_request_is_what_was_encoded_each_once() -> None:
    assert several.parse(several.encode([*CIDS, CIDS[0]])) == CIDS


def served(status: int, body: bytes, kind: str = CAR_TYPE) -> Server:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers["Content-Length"]))
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return Server(answer)


@pytest.mark.parametrize(("status", "kind"), [(404, CAR_TYPE), (405, "text/plain"), (200, "text/html")])
def test_another_gateway_has_none(status: int, kind: str) -> None:
    with served(status, b"not here", kind) as other, closing(Remote("kubo", other.url)) as remote:
        assert remote.several(CIDS, 10, 10) == {}


@pytest.mark.parametrize("body", [b"", car.header(CIDS[0])[:-1], car.header(CIDS[0]) + car.frame(CIDS[0], 1000)])
def test_what_is_no_archive_is_malformed(body: bytes) -> None:
    with served(200, body) as liar, closing(Remote("liar", liar.url)) as remote, pytest.raises(Malformed):
        remote.several(CIDS, 10, 10)


def test_a_response_without_end_is_not_read_to_its_end() -> None:
    body = car.header(CIDS[0]) + bytes(several.CEILING)
    with (
        served(200, body) as liar,
        closing(Remote("liar", liar.url)) as remote,
        pytest.raises((Malformed, Unreachable)),
    ):
        remote.several(CIDS, 10, 10)


def test_one_that_is_silent_is_given_up_long_before_the_whole_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with closing(Remote("silent", url)) as remote, pytest.raises(Unreachable):
            remote.several(CIDS, 3600, 0.1)


def test_only_post_asks_for_several(memory: Memory) -> None:
    with closing(serve(memory)) as gateway, closing(HTTPConnection(gateway.url.removeprefix("http://"))) as client:
        client.request("GET", several.PATH)
        refused = client.getresponse()
        refused.read()
    assert (refused.status, refused.headers["Allow"]) == (405, "POST")
