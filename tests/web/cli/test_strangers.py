"""`fedledger web run` before strangers: they make it say nothing, and none keeps it from stopping."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.command import PROGRAM
from support.web.server import get, network, until

from ledger.config import save

HOST = b"Host: 127.0.0.1\r\n"
HALF = b" HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"


class Running:
    """The server as a process of its own, over a chain that is away."""

    def __init__(self, folder: Path) -> None:
        self.log, self._said = folder / "access.jsonl", folder / "said"
        save(folder / "network.toml", network())
        options = ["--network", folder / "network.toml", "--home", folder / "home", "--port", 0, "--no-source"]
        command = [*PROGRAM, "web", "run", *map(str, options), "--json", "--access-log", str(self.log)]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            self.url = json.loads(printed.readline())["url"]

    @property
    def said(self) -> str:
        """What it wrote on its error stream."""
        return self._said.read_text()

    def connect(self, said: bytes) -> socket.socket:
        parts = urlsplit(self.url)
        client = socket.create_connection((str(parts.hostname), parts.port or 0), 20)
        client.sendall(said)
        return client

    def statuses(self, path: str) -> list[int]:
        """What the access log has of a path."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line["status"] for line in lines if line["path"] == path]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    server = Running(tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


def test_a_client_that_hangs_up_in_the_middle_is_no_fault_of_the_server(running: Running) -> None:
    for path in ("/sign-in.json", "/sign-out.json"):
        running.connect(b"POST " + path.encode() + HALF).close()
        until(lambda path=path: running.statuses(path) == [499])
    for said in (b"GET /jobs.json" + HALF, b"GET /hea", b"\x16\x03\x01 nonsense\r\n\r\n"):
        running.connect(said).close()
    upgrade = b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with running.connect(upgrade) as client:
        assert client.recv(12) == b"HTTP/1.1 200"
    counts = get(running.url + "/metrics").text
    assert 'fedledger_web_requests_total{route="/sign-in.json",status="499"} 1.0' in counts
    assert 'status="500"' not in counts
    assert running.said == ""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_while_a_page_is_open(running: Running, asked: signal.Signals) -> None:
    with running.connect(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n") as page:
        assert page.recv(12) == b"HTTP/1.1 200"
        running.process.send_signal(asked)
        while page.recv(1 << 16):
            pass
        assert running.process.wait(60) == 0
    assert running.said == ""


def test_neither_a_silent_client_nor_half_a_request_keeps_it_from_stopping(running: Running) -> None:
    with running.connect(b""), running.connect(b"GET /"), running.connect(b"POST /relay.json" + HALF):
        until(lambda: get(running.url + "/health").status_code == 200)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    assert running.said == ""
