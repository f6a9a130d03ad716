"""A released model is served under its name, whole and right; nothing else is, and the refusal says why."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import load
from support.content.holders import Memory
from support.web.released import address, ask, bytes_of, file_of, holder_of, known, read_again, shop
from support.web.server import served
from support.worlds.releases import propose, releasable, release, report_on, revoke
from support.worlds.world import World

from ledger.events.proposals import Release
from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.history.names import reason_word
from ledger.releases.card import Card

LARGE = (Tensor("layer.weight", (700, 1000)),)


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round().honest_round()


def problem(url: str, target: str) -> tuple[int, dict[str, Any]]:
    answer = ask(url, target)
    return answer.status, json.loads(answer.body)


def test_a_release_is_served_whole_and_as_the_command_writes_it(world: World) -> None:
    report = report_on(world, "North", "South")
    world.files.put(report.encode())
    made = release(world, report=report.digest)
    with served(shop(world, public=True)) as url:
        answer, page = ask(url, address(made)), ask(url, address(made, "README.md"))
    assert (answer.status, answer.body) == (200, bytes_of(world, made))
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="cardio-1.0.safetensors"'
    assert load(answer.body)["layer.bias"].shape == (10,)
    network, decisions = known(world), world.history.decisions
    names = [member.name for member in network.founding.members]
    expected = Card.of(file_of(world, made), report, decisions, network.name, names.__getitem__).text()
    assert (page.status, page.body.decode()) == (200, expected)
    assert ModelCard(expected).data.model_name == "cardio"


def test_a_copy_is_revalidated_by_its_tag(world: World) -> None:
    made = release(world)
    with served(shop(world)) as url:
        for name in ("model.safetensors", "README.md"):
            whole = ask(url, address(made, name))
            tag = whole.headers["etag"]
            again = ask(url, address(made, name), **{"If-None-Match": tag})
            other = ask(url, address(made, name), **{"If-None-Match": '"else"'})
            assert (again.status, again.body, other.status) == (304, b"", 200)
            head = ask(url, address(made, name), "HEAD")
            assert (head.status, head.body) == (200, b"")
            assert (head.headers["etag"], head.headers["content-length"]) == (tag, str(len(whole.body)))


def test_a_download_that_broke_off_is_resumed(world: World) -> None:
    made = release(world)
    whole = bytes_of(world, made)
    size = len(whole)
    with served(shop(world)) as url:
        first = ask(url, address(made))
        assert first.headers["accept-ranges"] == "bytes"
        tag, digest = first.headers["etag"], first.headers["repr-digest"]
        assert digest == f"sha-256=:{base64.b64encode(sha256(whole)).decode()}:"
        for asked, start, stop in (
            ("bytes=0-", 0, size),
            ("bytes=1000-", 1000, size),
            ("bytes=7-7", 7, 8),
            ("bytes=5-99999999999", 5, size),
            ("bytes=-9", size - 9, size),
            (f"bytes=-{size + 1}", 0, size),
            ("Bytes = 3-9", 3, 10),
        ):
            part = ask(url, address(made), Range=asked, **{"If-Range": tag})
            assert (part.status, part.body) == (206, whole[start:stop]), asked
            assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
            assert part.headers["content-length"] == str(stop - start)
            assert (part.headers["etag"], part.headers["repr-digest"]) == (tag, digest), "of the whole file"


def test_a_range_that_is_not_there_is_refused_and_one_that_is_not_understood_is_not_used(world: World) -> None:
    made = release(world)
    whole = bytes_of(world, made)
    with served(shop(world)) as url:
        tag = ask(url, address(made)).headers["etag"]
        for asked in (f"bytes={len(whole)}-", "bytes=-0", "bytes=99999999999-"):
            answer = ask(url, address(made), Range=asked)
            assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")
            assert json.loads(answer.body)["error"] == "NoSuchRange"
        for asked in (
            "bytes=0-1,4-5",
            "bytes=5-4",
            "bytes=-",
            "lines=0-1",
            "bytes=a-b",
            "bytes=1",
            "bytes=" + "9" * 19,
        ):
            answer = ask(url, address(made), Range=asked)
            assert (answer.status, answer.body) == (200, whole), asked
        for other in ('"other"', f"W/{tag}", "Sat, 28 Nov 2026 17:00:00 GMT"):
            answer = ask(url, address(made), Range="bytes=0-1", **{"If-Range": other})
            assert (answer.status, answer.body) == (200, whole), "the file that the client has a part of is another"
        held = ask(url, address(made), Range="bytes=0-1", **{"If-None-Match": tag})
        head = ask(url, address(made), "HEAD", Range="bytes=0-1")
        assert (held.status, head.status, head.headers["content-length"]) == (304, 200, str(len(whole)))


def test_the_rest_of_a_model_is_made_from_its_rest_alone() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    with served(shop(world, holder)) as url:
        whole = ask(url, address(made)).body
        del holder.blocks[blocks_of(world, made)[0]]
        rest = ask(url, address(made), Range=f"bytes={len(whole) - 1_000_001}-")
        assert (rest.status, rest.body) == (206, whole[-1_000_001:])
        with pytest.raises(IncompleteRead):
            ask(url, address(made), Range="bytes=0-1000")


def test_a_look_at_the_headers_of_what_is_large_reads_none_of_it() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    with served(shop(world, holder)) as url:
        for target, most in ((address(made), 0), (f"/ipfs/{file_of(world, made).model.cid}?format=car", 1)):
            whole = ask(url, target)
            before = len(holder.asked)
            with closing(HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)) as kept:
                kept.request("HEAD", target)
                head = kept.getresponse()
                assert (head.status, head.read()) == (200, b"")
                kept.request("GET", "/health")
                assert kept.getresponse().read(), "so the response to HEAD has ended"
            assert len(holder.asked) - before <= most
            said = {name.lower() for name in head.headers}
            assert said | {"transfer-encoding"} == whole.headers.keys() | {"transfer-encoding"}


def test_first_requests_at_the_same_time_read_a_model_once() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    alone, holder = holder_of(world), holder_of(world)
    with served(shop(world, alone)) as url:
        ask(url, address(made), "HEAD")
    with served(shop(world, holder)) as url, ThreadPoolExecutor(6) as readers:
        heads = list(readers.map(lambda _: ask(url, address(made), "HEAD"), range(6)))
    assert {head.status for head in heads} == {200}
    assert len(holder.asked) == len(alone.asked)


def test_no_part_leaves_of_a_model_without_its_root() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    wrong(world, made, holder)
    with served(shop(world, holder)) as url:
        answer = ask(url, address(made), Range="bytes=0-9")
    assert (answer.status, json.loads(answer.body)["error"]) == (502, "Refuted")


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_what_is_not_released_is_refused_by_name(world: World, name: str) -> None:
    gone, pending = release(world, version="1"), releasable(world, version="2")
    revoke(world, gone, reason_word("wrong units"))
    number = propose(world, pending).number
    with served(shop(world)) as url:
        status, found = problem(url, address(gone, name))
        assert (status, found["error"], found["facts"]["reason"]) == (410, "RevokedRelease", "wrong units")
        status, found = problem(url, f"/releases/cardio/2/{name}")
        assert (status, found["error"], found["facts"]["proposal"]) == (403, "NotReleased", str(number))
        assert found["advice"] == f"/proposals/{number}"
        status, found = problem(url, f"/releases/cardio/3/{name}")
        assert (status, found["error"]) == (404, "NotFound")


def test_a_revocation_counts_from_the_next_reading_on(world: World) -> None:
    made = release(world)
    view = shop(world)
    with served(view) as url:
        first = ask(url, address(made))
        revoke(world, made)
        assert ask(url, address(made)).status == 200
        read_again(view, world)
        after = ask(url, address(made), **{"If-None-Match": first.headers["etag"]})
    assert (first.status, after.status) == (200, 410)


def test_before_ledger_and_job_are_read_nothing_is_served(world: World) -> None:
    made = release(world)
    view = shop(world)
    view.latest.post(documents={})
    with served(view) as url:
        assert problem(url, address(made))[1]["error"] == "NotYet"
        view.latest.post(snapshot=None)
        assert problem(url, address(made))[1]["error"] == "NotYet"


def wrong(world: World, made: Release, holder: Memory) -> bytes:
    """Have the ledger name, under the release's root, a file with other values. Gives the bytes that must not leave."""
    state = world.state.rounds[made.round]
    final = state.final
    assert final is not None
    data = bytearray(next(data for cid, data in world.files.files.items() if cid.digest == final.cid))
    data[-1] ^= 1
    final.cid = holder.add(bytes(data)).digest
    return bytes(data)


def test_not_a_byte_leaves_of_a_model_without_its_root() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    wrong(world, made, holder)
    with served(shop(world, holder)) as url:
        status, found = problem(url, address(made))
    assert (status, found["error"]) == (502, "Refuted")
    assert "tensor root" in found["detail"]


def test_a_damaged_or_lost_copy_is_reported_before_a_byte_leaves() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    for lost in (True, False):
        holder = holder_of(world)
        cid = blocks_of(world, made)[-1]
        if lost:
            del holder.blocks[cid]
        else:
            holder.blocks[cid] = holder.blocks[cid][:-1] + b"?"
        with served(shop(world, holder)) as url:
            status, found = problem(url, address(made))
        assert (status, found["error"]) == ((503, "Unavailable") if lost else (502, "Corrupt"))


def blocks_of(world: World, made: Release) -> list[Cid]:
    """The blocks of a model that carry its bytes."""
    holder = Memory()
    holder.add(next(data for cid, data in world.files.files.items() if cid == file_of(world, made).model.cid))
    return [cid for cid in holder.blocks if cid.codec == 0x55]


def test_a_holder_that_fails_half_way_leaves_a_response_that_is_visibly_cut() -> None:
    world = World(tensors=LARGE).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    view = shop(world, holder)
    with served(view) as url:
        assert ask(url, address(made)).status == 200
        del holder.blocks[blocks_of(world, made)[-1]]
        with pytest.raises(IncompleteRead):
            ask(url, address(made))


def test_a_file_that_is_not_a_report_makes_no_card(world: World) -> None:
    missing = release(world, version="1", report=b"x" * 32)
    junk = world.files.put(b"{}")
    broken = release(world, version="2", report=junk.digest)
    with served(shop(world)) as url:
        assert problem(url, address(missing, "README.md"))[1]["error"] == "Unavailable"
        assert problem(url, address(broken, "README.md"))[1]["error"] == "Refuted"
        assert ask(url, address(broken)).status == 200


def test_a_model_is_compared_with_its_root_once(world: World) -> None:
    made = release(world)
    holder = holder_of(world)
    with served(shop(world, holder)) as url:
        for expected in (2, 3, 4):
            ask(url, address(made))
            assert holder.asked.count(file_of(world, made).model.cid) == expected
