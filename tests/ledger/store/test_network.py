"""Gateways, remote holders, many holders: lies, damage, silence."""

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from support.content.holders import Daemon, Memory, Server

from ledger.errors import Corrupt, Malformed, Unavailable, UsageError
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.store import Buffer, Unreachable, car, files
from ledger.store.embedded import Embedded
from ledger.store.gateway_server import GatewayServer, serve
from ledger.store.holders import Holders
from ledger.store.remote import Remote

DATA = hashlib.shake_128(b"network").digest(3 * CHUNK + 5)


@pytest.fixture
def memory() -> Memory:
    return Memory("hospital")


@pytest.fixture
def gateway(memory: Memory) -> Iterator[GatewayServer]:
    running = serve(memory)
    yield running
    running.close()


def status(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


@pytest.fixture
def remotes() -> Iterator[Callable[..., Remote]]:
    """Makes clients, and closes them at the end."""
    made: list[Remote] = []

    def make(name: str, url: str, timeout: float = 10) -> Remote:
        made.append(Remote(name, url, timeout))
        return made[-1]

    yield make
    for remote in made:
        remote.close()


def damage(holder: Memory, cid: Cid, at: int) -> None:
    block = bytearray(holder.blocks[cid])
    block[at] ^= 1
    holder.blocks[cid] = bytes(block)


def leaf(number: int) -> Cid:
    return raw(DATA[number * CHUNK : (number + 1) * CHUNK])


def test_a_file_is_read_over_http(memory: Memory, gateway: GatewayServer, remotes: Callable[..., Remote]) -> None:
    cid = memory.add(DATA)
    remote = remotes("hospital", gateway.url)
    assert b"".join(files.read(remote, cid)) == DATA
    assert b"".join(files.read(remote, cid, 7, 9)) == DATA[7:9]
    remote.close()
    assert bytes(remote.get(leaf(0))) == DATA[:CHUNK]
    remote.close()


def test_the_gateway_speaks_the_trustless_protocol(memory: Memory, gateway: GatewayServer) -> None:
    cid = memory.add(DATA)
    code, headers, body = status(f"{gateway.url}/ipfs/{cid}?format=raw")
    assert (code, body) == (200, memory.blocks[cid])
    assert headers["Content-Type"] == "application/vnd.ipld.raw"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in headers["Cache-Control"]
    assert status(f"{gateway.url}/ipfs/{cid}", Accept="application/vnd.ipld.raw")[2] == body
    assert status(f"{gateway.url}/ipfs/{cid}?format=raw", **{"If-None-Match": headers["Etag"]})[0] == 304
    code, headers, body = status(f"{gateway.url}/ipfs/{cid}?format=car")
    assert headers["Content-Type"].startswith("application/vnd.ipld.car; version=1")
    root, blocks = car.read(io.BytesIO(body), "answer")
    assert root == cid
    assert dict(blocks) == memory.blocks
    assert json.loads(status(f"{gateway.url}/health")[2]) == {"formats": ["car", "raw"]}
    code, headers, body = status(f"{gateway.url}/ipfs/{cid}?format=raw", "HEAD")
    assert (code, headers["Content-Length"], body) == (200, str(len(memory.blocks[cid])), b"")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", 404),
        ("/ipfs/nonsense?format=raw", 400),
        ("/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG?format=raw", 400),
        (f"/ipfs/{raw(b'nobody')}?format=raw", 404),
        (f"/ipfs/{raw(b'nobody')}?format=car", 404),
        (f"/ipfs/{raw(b'nobody')}", 400),
        (f"/ipfs/{raw(b'nobody')}?format=tar", 400),
        (f"/ipfs/{raw(b'nobody')}?format=raw&format=car", 400),
        (f"/ipfs/{raw(b'nobody')}/path?format=raw", 400),
        (f"/ipfs/{raw(b'nobody')}?format=raw&x={'y' * 20000}", 431),
    ],
)
def test_what_the_gateway_refuses(gateway: GatewayServer, path: str, code: int) -> None:
    assert status(gateway.url + path)[0] == code


def test_the_gateway_only_reads(gateway: GatewayServer) -> None:
    code, headers, _ = status(f"{gateway.url}/health", "DELETE")
    assert (code, headers["Allow"]) == (405, "GET, HEAD")


def test_a_car_over_damage_is_cut(memory: Memory, gateway: GatewayServer) -> None:
    cid = memory.add(DATA)
    damage(memory, leaf(2), 0)
    with pytest.raises(IncompleteRead):
        status(f"{gateway.url}/ipfs/{cid}?format=car")
    damage(memory, cid, 0)
    code, headers, _ = status(f"{gateway.url}/ipfs/{cid}?format=car")
    assert (code, headers["Fedledger-Corrupt"]) == (500, str(cid))


def test_a_port_in_use_is_unavailable_and_named(memory: Memory, gateway: GatewayServer) -> None:
    port = int(gateway.url.rsplit(":", 1)[1])
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}") as caught:
        serve(memory, port=port)
    assert "port" in caught.value.advice
    gateway.close()
    gateway.close()
    again = serve(memory, port=port)
    again.close()


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1"])
def test_a_host_that_cannot_be_is_refused(memory: Memory, host: str) -> None:
    with pytest.raises(UsageError, match="cannot serve"):
        serve(memory, host)


def test_a_damaged_disk_behind_a_gateway_is_corrupt(
    memory: Memory, gateway: GatewayServer, remotes: Callable[..., Remote]
) -> None:
    memory.add(DATA)
    damage(memory, leaf(1), 100)
    with pytest.raises(Corrupt) as caught:
        remotes("hospital", gateway.url).get(leaf(1))
    assert caught.value.facts["holder"] == "hospital"


def answering(code: int, body: bytes, headers: dict[str, str] | None = None, declared: int | None = None) -> Server:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {"Content-Type": "application/vnd.ipld.raw", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) if declared is None else declared))
        handler.end_headers()
        handler.wfile.write(body)
        if declared is not None:
            handler.close_connection = True

    return Server(answer)


CID = raw(b"hello world")


@pytest.mark.parametrize(
    ("code", "body", "headers", "declared", "error"),
    [
        (200, b"hello worle", None, None, Corrupt),
        (200, b"", None, None, Corrupt),
        (200, bytes(3 * CHUNK), None, None, Corrupt),
        (200, b"hello", None, 11, Unreachable),
        (200, b"<html>blocked</html>", {"Content-Type": "text/html"}, None, Unreachable),
        (200, b"hello worle", {"Content-Type": "application/octet-stream"}, None, Unreachable),
        (500, b"", {"Fedledger-Corrupt": str(CID)}, None, Corrupt),
        (500, b"oops", None, None, Unreachable),
        (503, b"", None, None, Unreachable),
        (302, b"", {"Location": "/elsewhere"}, None, Unreachable),
        (404, b"none", None, None, Unavailable),
    ],
)
def test_every_other_response_has_its_own_error(
    code: int,
    body: bytes,
    headers: dict[str, str] | None,
    declared: int | None,
    error: type[Exception],
    remotes: Callable[..., Remote],
) -> None:
    with answering(code, body, headers, declared) as server:
        remote = remotes("liar", server.url, timeout=60)
        with pytest.raises(error) as caught:
            remote.get(CID)
        assert type(caught.value) is error
        assert "liar" in str(caught.value)
        remote.close()


def test_a_response_cut_inside_its_headers_is_not_damage(remotes: Callable[..., Remote]) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")

    with Server(cut) as server, pytest.raises(Unreachable):
        remotes("cut", server.url).get(CID)


@pytest.mark.parametrize("when", ["before", "headers", "body"])
def test_a_drip_ends_at_the_deadline(when: str, remotes: Callable[..., Remote]) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        if when == "body":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        elif when == "headers":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not stop.wait(0.05):
            if when != "before":
                try:
                    handler.wfile.write(b"x")
                except OSError:
                    return

    with Server(drip) as server:
        with pytest.raises(Unreachable):
            remotes("slow", server.url, timeout=0.4).get(CID)
        stop.set()


def test_a_dead_holder_is_unreachable(remotes: Callable[..., Remote]) -> None:
    with answering(200, b"") as server:
        url = server.url
    with pytest.raises(Unreachable, match="cannot be reached"):
        remotes("gone", url).get(CID)
    with pytest.raises(UsageError, match="http"):
        remotes("odd", "ftp://example.org")


@pytest.mark.engine
def test_kubos_own_gateway_serves_us(daemon: Daemon, remotes: Callable[..., Remote]) -> None:
    cid = Cid.parse(daemon.run("add", "-Q", data=DATA))
    assert b"".join(files.read(remotes("kubo", daemon.gateway), cid)) == DATA
    with pytest.raises(Unavailable):
        remotes("kubo", daemon.gateway).get(raw(b"nobody has this"))


def test_a_bad_copy_is_located_and_another_read(memory: Memory) -> None:
    good = Memory("clinic")
    cid = good.add(DATA)
    memory.blocks = dict(good.blocks)
    damage(memory, leaf(1), 77)
    holders = Holders(None, [memory, good])
    assert b"".join(holders.read(cid)) == DATA
    assert b"".join(holders.read(cid)) == DATA
    (bad,) = holders.bad_copies
    assert (bad.holder, bad.file, bad.block) == ("hospital", cid, leaf(1))
    assert (bad.offset, bad.end, bad.located) == (CHUNK + 77, 2 * CHUNK, True)


def test_a_short_copy_and_a_bad_node_are_located(memory: Memory) -> None:
    good = Memory("clinic")
    cid = good.add(DATA)
    memory.blocks = {**good.blocks, leaf(0): DATA[:10]}
    damage(memory, cid, 5)
    holders = Holders(None, [memory, good])
    assert b"".join(holders.read(cid)) == DATA
    holders = Holders(None, [memory, good])
    assert bytes(holders.get(leaf(0))) == DATA[:CHUNK]
    assert holders.bad_copies[0].offset == 10
    assert bytes(holders.get(cid)) == good.blocks[cid]
    bad = {copy.block: copy for copy in holders.bad_copies}
    if cid in bad:
        assert (bad[cid].offset, bad[cid].end, bad[cid].located) == (0, len(DATA), False)


def test_only_bad_copies_are_corrupt(memory: Memory) -> None:
    cid = memory.add(DATA)
    damage(memory, leaf(1), 5)
    holders = Holders(None, [memory, Memory("empty")])
    with pytest.raises(Corrupt) as caught:
        list(holders.read(cid))
    assert "hospital" in str(caught.value)
    assert "empty" in str(caught.value)
    (bad,) = holders.bad_copies
    assert (bad.offset, bad.end, bad.located) == (CHUNK, 2 * CHUNK, False)


def test_a_silent_holder_leaves_it_unknown(memory: Memory) -> None:
    cid = memory.add(DATA)
    damage(memory, leaf(1), 5)
    silent = Memory("silent")
    silent.fails = Unreachable("silent does not answer")
    with pytest.raises(Unavailable) as caught:
        list(Holders(None, [silent, memory]).read(cid))
    assert not isinstance(caught.value, Corrupt)
    assert str(leaf(1)) in str(caught.value)
    assert "silent" in str(caught.value)


@pytest.mark.parametrize(("waited", "rest"), [(0, 1), (0.5, 5), (20, 30)])
def test_a_silent_holder_is_asked_once_then_rests(memory: Memory, waited: float, rest: float) -> None:
    """The longer it kept us waiting, the longer; one that refuses at once may just be restarting."""
    cid = memory.add(DATA)
    now = [0.0]

    class Silent(Memory):
        def copy(self, cid: Cid) -> Buffer:
            now[0] += waited if self.fails else 0
            return super().copy(cid)

    silent = Silent("silent")
    silent.fails = Unreachable("silent does not answer")
    holders = Holders(None, [silent, memory], rest=30, clock=lambda: now[0])
    assert b"".join(holders.read(cid)) == DATA
    assert len(silent.asked) == 1
    now[0] = waited + rest - 0.1
    assert b"".join(holders.read(cid)) == DATA
    assert len(silent.asked) == 1
    now[0] = waited + rest + 0.1
    memory.blocks = {}
    silent.fails = None
    silent.add(DATA)
    assert b"".join(holders.read(cid)) == DATA


def test_nobody_at_all_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="no holder returned block") as caught:
        list(Holders(None).read(CID))
    assert str(CID) in str(caught.value)
    with pytest.raises(UsageError):
        Holders(None).keep(CID, "pin")


def test_keep_replicates_and_heals_only_on_request(memory: Memory, embedded: Embedded) -> None:
    cid = memory.add(DATA)
    holders = Holders(embedded, [memory])
    holders.keep(cid, "kept")
    holders.keep(cid, "twice")
    assert embedded.pins() == {"kept": cid, "twice": cid}
    (path,) = embedded.pack_paths()
    data = bytearray(path.read_bytes())
    data[2 * CHUNK] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt):
        holders.keep(cid, "kept")
    assert path.read_bytes() == data
    holders.keep(cid, "healed", heal=True)
    assert b"".join(files.read(embedded, cid)) == DATA
    (bad,) = holders.bad_copies
    assert (bad.holder, bad.located) == ("own store", True)


def test_an_authors_bad_tree_is_malformed_not_corrupt(memory: Memory, embedded: Embedded) -> None:
    cid = memory.add(DATA)
    block = memory.blocks.pop(cid) + b"\0"
    wrong = Cid(cid.codec, hashlib.sha256(block).digest())
    memory.blocks[wrong] = block
    holders = Holders(embedded, [memory])
    with pytest.raises(Malformed):
        list(holders.read(wrong))
    with pytest.raises(Malformed):
        holders.keep(wrong, "pin")
    assert holders.bad_copies == []
    assert embedded.pins() == {}
