"""What only a Kubo daemon can do to us."""

import pytest
from support.content.holders import Daemon, Server

from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats.cid import CHUNK, raw
from ledger.store import Unreachable, files
from ledger.store.kubo import Kubo

DATA = bytes(range(256)) * 4096 * 3


@pytest.mark.engine
def test_the_cid_does_not_depend_on_the_daemons_settings(daemon: Daemon) -> None:
    before = daemon.run("config", "Import.UnixFSChunker")
    daemon.run("config", "Import.UnixFSChunker", "size-262144")
    kubo = Kubo(daemon.address)
    try:
        cid = kubo.put([DATA], "settings")
        assert daemon.stat(cid)["Size"] == len(DATA)
        assert daemon.run("pin", "ls", "--type=recursive", "--names").count("settings") == 1
    finally:
        daemon.run("config", "Import.UnixFSChunker", before)
        kubo.unpin("settings")
        kubo.close()


@pytest.mark.engine
def test_two_names_of_one_file_live_apart(daemon: Daemon) -> None:
    kubo = Kubo(daemon.address)
    cid = kubo.put([b"twice named"], "one")
    kubo.pin("two", cid)
    kubo.unpin("one")
    daemon.run("repo", "gc")
    assert b"".join(files.read(kubo, cid)) == b"twice named"
    kubo.unpin("two")
    daemon.run("repo", "gc")
    assert not kubo.has(cid)
    kubo.close()


@pytest.mark.engine
def test_a_daemon_does_not_overwrite(daemon: Daemon) -> None:
    kubo = Kubo(daemon.address)
    with pytest.raises(Unavailable, match="overwrite"):
        kubo.put([b"x"], "x", replace=True)
    kubo.close()


def test_no_daemon_is_unreachable_with_its_address() -> None:
    kubo = Kubo("/ip4/127.0.0.1/tcp/1")
    for act in (lambda: kubo.put([b"x"], "x"), lambda: kubo.get(raw(b"x")), kubo.pins, lambda: kubo.has(raw(b"x"))):
        with pytest.raises(Unreachable, match=r"/ip4/127\.0\.0\.1/tcp/1") as caught:
            act()
        assert "ipfs daemon" in caught.value.advice
    kubo.close()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="multiaddr"):
        Kubo("localhost:5001")


def _answering(body: bytes, **headers: str) -> Server:
    def answer(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(body)  # type: ignore[attr-defined]

    return Server(answer)


@pytest.mark.parametrize("body", [b"other bytes", bytes(3 * CHUNK)])
def test_a_lying_daemon_is_corrupt(body: bytes) -> None:
    with _answering(body) as server:
        kubo = Kubo(f"/ip4/127.0.0.1/tcp/{server.url.rsplit(':', 1)[1]}", name="liar")
        with pytest.raises(Corrupt, match="liar"):
            kubo.get(raw(b"the bytes"))
        kubo.close()


@pytest.mark.parametrize("body", [b"{}", b'{"Stats":{"BlockCount":1}}', b'{"Root":{"Cid":{"/":"bafkqaaa"}}}'])
def test_a_daemon_that_took_less_is_unavailable(body: bytes) -> None:
    with _answering(body) as server:
        kubo = Kubo(f"/ip4/127.0.0.1/tcp/{server.url.rsplit(':', 1)[1]}")
        with pytest.raises(Unavailable, match="whole"):
            kubo.put([DATA], "file")
        kubo.close()


@pytest.mark.parametrize("announced", [{"Content-Length": "100"}, {"Transfer-Encoding": "chunked"}], ids=str)
def test_a_block_that_breaks_off_is_unreachable_and_not_damage(announced: dict[str, str]) -> None:
    def cut(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        for name, value in announced.items():
            handler.send_header(name, value)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(b"64\r\nthe by")  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]

    with Server(cut) as server:
        kubo = Kubo(f"/ip4/127.0.0.1/tcp/{server.url.rsplit(':', 1)[1]}", name="cut")
        with pytest.raises(Unreachable, match="cut"):
            kubo.get(raw(b"the bytes"))
        kubo.close()
