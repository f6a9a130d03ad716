"""A road before servers that mean it harm: answers end in time, have a bounded size, and are the ones asked for."""

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ledger.http.addresses import parse
from ledger.http.road import Road
from ledger.http.trouble import Cause, Trouble

OK = b"HTTP/1.1 200 OK\r\n"


class Raw:
    """A server that reads a request's head and sends bytes as they are, to each of its `clients` in a thread."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        self._answers, self._close, self.clients = iter(answers), close, list[socket.socket]()
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.road = Road("the server", parse(f"http://127.0.0.1:{self._listening.getsockname()[1]}"))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, StopIteration):
            while head := client.recv(1 << 16):
                self.requests.append(head)
                client.sendall(next(self._answers))
                if self._close:
                    return

    @property
    def connections(self) -> int:
        return len(self.clients)

    def end(self) -> None:
        self.road.close()
        self._listening.close()

    def ask(self, seconds: float = 5.0, ceiling: int = 100, **more: bool) -> bytes:
        return self.road.ask("GET", "/", silence=seconds, whole=seconds, ceiling=ceiling, **more).body


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def make(*answers: bytes, close: bool = False) -> Raw:
        made.append(Raw(*answers, close=close))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (OK + b"content-length:0\r\n\r\n", b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n", b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", b"no"),
    ],
)
def test_answers_are_read_whole_and_the_connection_is_kept(answer: bytes, body: bytes, raw: Callable[..., Raw]) -> None:
    server = raw(answer, answer, answer)
    assert [server.ask() for _ in range(3)] == [body] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"-ERR unknown command\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Bad Header\r\n\r\n",
        OK + b"X: " + b"y" * 70_000,
        OK + b"X: y\r\n" * 101 + b"\r\n",
        OK + b"\r\nno end is announced",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
    ids=lambda answer: str(answer[:40]),
)
def test_an_answer_that_breaks_http_is_refused(answer: bytes, raw: Callable[..., Raw]) -> None:
    with pytest.raises(Trouble, match="the server cannot be reached: ") as caught:
        raw(answer, close=True).ask()
    assert caught.value.cause is Cause.BROKEN


@pytest.mark.parametrize(
    "answer", [b"", OK, OK + b"Content-Length: 9\r\n\r\nhello", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"]
)
def test_an_answer_that_is_cut_is_none(answer: bytes, raw: Callable[..., Raw]) -> None:
    with pytest.raises(Trouble, match=r"closed the connection|ends after|breaks HTTP"):
        raw(answer, close=True).ask(open_end=True)


def test_an_answer_may_end_with_its_connection_where_that_is_allowed(raw: Callable[..., Raw]) -> None:
    assert raw(OK + b"\r\nhello", close=True).ask(open_end=True) == b"hello"


def test_no_more_is_read_than_was_to_be(raw: Callable[..., Raw]) -> None:
    endless = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 1000
    server = raw(endless, OK + b"Content-Length: 1\r\n\r\nx")
    assert server.ask(ceiling=15) == b"012345678901234"
    assert server.ask() == b"x"
    assert server.connections == 2


@pytest.mark.parametrize("surplus", [b"x", OK + b"Content-Length: 6\r\n\r\nforged"])
def test_a_connection_with_bytes_left_over_is_not_kept(surplus: bytes, raw: Callable[..., Raw]) -> None:
    """Else what a server sent before it was asked would be the answer to the next request."""
    good = OK + b"Content-Length: 5\r\n\r\nhello"
    server = raw(good + surplus, good, close=False)
    assert [server.ask(), server.ask()] == [b"hello", b"hello"]
    assert server.connections == 2


def test_a_connection_on_which_something_came_unasked_is_not_used(raw: Callable[..., Raw]) -> None:
    good = OK + b"Content-Length: 5\r\n\r\nhello"

    server = raw(good, good)
    assert server.ask() == b"hello"
    server.clients[0].sendall(OK + b"Content-Length: 6\r\n\r\nforged")
    time.sleep(0.05)
    assert server.ask() == b"hello"
    assert server.connections == 2


def test_a_connection_that_went_stale_is_replaced_once(raw: Callable[..., Raw]) -> None:
    good = OK + b"Content-Length: 5\r\n\r\nhello"
    server = raw(good, good, close=True)
    assert [server.ask(), server.ask()] == [b"hello", b"hello"]
    assert server.connections == 2


@pytest.mark.parametrize("begun", [b"", OK + b"X: ", OK + b"Content-Length: 99\r\n\r\n"])
def test_silence_ends_in_time(begun: bytes, raw: Callable[..., Raw]) -> None:
    with pytest.raises(Trouble, match="no whole answer in time") as caught:
        raw(begun).ask(seconds=0.2)
    assert caught.value.cause is Cause.LATE


def test_closing_ends_a_request_in_the_middle(raw: Callable[..., Raw]) -> None:
    good = OK + b"Content-Length: 5\r\n\r\nhello"
    server = raw(OK + b"Content-Length: 99\r\n\r\n", good)

    def close() -> None:
        while not server.requests:
            time.sleep(0.01)
        server.road.close()

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises(Trouble):
        server.ask(seconds=60)
    thread.join()
    assert server.ask() == b"hello"


def test_an_answer_leaves_nothing_for_the_collector(raw: Callable[..., Raw]) -> None:
    """Bodies of megabytes would else stay in memory until it runs."""
    server = raw(OK + b"Content-Length: 5\r\n\r\nhello", OK + b"Content-Length: 5\r\n\r\nhello")
    server.ask()
    gc.collect()
    gc.disable()
    try:
        server.ask()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_threads_do_not_wait_for_each_other() -> None:
    """Each request under way has a connection of its own."""
    meet = threading.Barrier(3)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client:
            client.recv(1 << 16)
            meet.wait(60)
            client.sendall(OK + b"Content-Length: 1\r\n\r\nx")

    def accept() -> None:
        for _ in range(3):
            threading.Thread(target=serve, args=(listening.accept()[0],)).start()

    threading.Thread(target=accept).start()
    road = Road("the server", parse(f"http://127.0.0.1:{listening.getsockname()[1]}"))
    got: list[bytes] = []
    askers = [
        threading.Thread(target=lambda: got.append(road.ask("GET", "/", silence=10, whole=10, ceiling=9).body))
        for _ in range(3)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    road.close()
    listening.close()
    assert got == [b"x"] * 3
