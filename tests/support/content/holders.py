"""Holders for tests: one in memory, one that lies over HTTP, and a real Kubo daemon."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from support.content.ports import free_ports

from ledger.errors import Unavailable
from ledger.formats import unixfs
from ledger.formats.cid import Cid, raw
from ledger.store import Blocks, Buffer

ENGINE = Path(__file__).parents[3] / "build" / "engines" / "ipfs"


class Memory(Blocks):
    """Blocks in a dictionary, which a test damages or empties as it likes; `asked` counts."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.blocks: dict[Cid, bytes] = {}
        self.asked: list[Cid] = []
        self.fails: Exception | None = None

    def copy(self, cid: Cid) -> Buffer:
        self.asked.append(cid)
        if self.fails is not None:
            raise self.fails
        if cid not in self.blocks:
            raise Unavailable(f"{self.name} has no block {cid}", block=cid)
        return self.blocks[cid]

    def add(self, data: bytes) -> Cid:
        """Store a file and return its CID."""
        tree = unixfs.TreeBuilder()
        for chunk in unixfs.chunks([data]):
            leaf = raw(chunk)
            self.blocks[leaf] = bytes(chunk)
            tree.add(leaf, len(chunk))
        root, nodes = tree.finish()
        self.blocks.update(nodes)
        return root


class Server:
    """An HTTP server that sends what a test says, by TLS where a context is given."""

    def __init__(
        self,
        answer: Callable[[BaseHTTPRequestHandler], None],
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            def do_POST(self) -> None:
                while length := int(self.rfile.readline() if "chunked" in str(self.headers) else b"0", 16):
                    self.rfile.read(length + 2)
                if "chunked" in str(self.headers):
                    self.rfile.readline()
                answer(self)

            def do_PUT(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                return

        class Threads(ThreadingHTTPServer):
            daemon_threads = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is what some tests are about."""

        self._server = Threads((host, 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.port = int(self._server.server_address[1])
        self.url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def find_ipfs() -> str | None:
    """The daemon that `make engines` built, or one on PATH."""
    return str(ENGINE) if ENGINE.exists() else shutil.which("ipfs")


class Daemon:
    """A Kubo daemon on loopback with free ports, no peers, and a repository of its own."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary = binary
        self.environment = {**os.environ, "IPFS_PATH": str(folder / "repo"), "IPFS_TELEMETRY": "off"}
        self.run("init", "--empty-repo", "--profile=unixfs-v1-2025,test")
        self.port, gateway = free_ports(2)
        self.address = f"/ip4/127.0.0.1/tcp/{self.port}"
        self.run("config", "Addresses.API", self.address)
        self.run("config", "Addresses.Gateway", f"/ip4/127.0.0.1/tcp/{gateway}")
        self.run("config", "--json", "Addresses.Swarm", "[]")
        self.run("config", "Routing.Type", "none")
        self.gateway = f"http://127.0.0.1:{gateway}"
        self._log = (folder / "daemon.log").open("wb")
        self._process = subprocess.Popen(
            [binary, "daemon"], env=self.environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._wait(folder / "daemon.log")

    def run(self, *arguments: str, data: bytes = b"") -> str:
        """A command of the daemon's own client; returns what it printed."""
        done = subprocess.run([self.binary, *arguments], env=self.environment, input=data, capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        return done.stdout.decode().strip()

    def stat(self, cid: Cid) -> dict[str, Any]:
        """What the daemon knows of a file: Size, CumulativeSize."""
        found: dict[str, Any] = json.loads(self.run("files", "stat", "--enc=json", f"/ipfs/{cid}"))
        return found

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._log.close()

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + 60
        while b"Daemon is ready" not in log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(log.read_text())
            time.sleep(0.05)
