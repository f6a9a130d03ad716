"""A small HTTP proxy on this machine: forwards absolute requests, opens tunnels, and notes what it was asked."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self
from urllib.parse import urlsplit


class ForwardProxy:
    """A running proxy. `host` is where every name leads, if given; `bind` the address it listens on; `before` is called
    by the thread that serves, once it listens.

    It answers with the status `refuses`, if set, and 407 to requests without its `authorization`.
    """

    def __init__(
        self,
        host: str | None = None,
        bind: str = "127.0.0.1",
        port: int = 0,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        outer, self.asked, self.refuses, self._host = self, list[str](), 0, host
        self.authorization = ""

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    while outer._one(self):
                        pass

        class Threads(ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Threads((bind, port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://{bind}:{self.port}"
        self._thread = threading.Thread(target=self._serve, args=(before,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, before: Callable[[], None]) -> None:
        before()
        self._server.serve_forever(0.05)

    def _one(self, client: StreamRequestHandler) -> bool:
        """One request of a client's; whether another may follow."""
        line = client.rfile.readline()
        if not line:
            return False
        method, target, _ = line.decode().split()
        headers = []
        while (header := client.rfile.readline()) not in (b"\r\n", b""):
            headers.append(header)
        self.asked.append(f"{method} {target}")
        shown = next((h.split(b":", 1)[1] for h in headers if h.lower().startswith(b"proxy-authorization")), b"")
        status = 407 if shown.strip().decode() != self.authorization else self.refuses
        if status:
            client.wfile.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return False
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((self._host or host, int(port)), timeout=60) as way:
                client.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                _pump(client, way)
            return False
        parts = urlsplit(target)
        with socket.create_connection((self._host or str(parts.hostname), parts.port or 80), timeout=60) as way:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            way.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + b"".join(headers) + b"Connection: close\r\n\r\n")
            for piece in _body(client, headers):
                way.sendall(piece)
            while data := way.recv(1 << 16):
                client.wfile.write(data)
        return False


def _body(client: StreamRequestHandler, headers: list[bytes]) -> Iterator[bytes]:
    """The body of a client's request, as it comes, chunks and all."""
    length = next((int(h.split(b":")[1]) for h in headers if h.lower().startswith(b"content-length")), 0)
    chunked = any(h.lower().startswith(b"transfer-encoding") for h in headers)
    while chunked and (line := client.rfile.readline()):
        length = int(line, 16)
        yield line + client.rfile.read(length + 2)
        if not length:
            return
    yield client.rfile.read(length)


def _pump(client: StreamRequestHandler, way: socket.socket) -> None:
    def back() -> None:
        with suppress(OSError):
            while data := way.recv(1 << 16):
                client.wfile.write(data)

    thread = threading.Thread(target=back, daemon=True)
    thread.start()
    with suppress(OSError):
        while data := client.connection.recv(1 << 16):
            way.sendall(data)
    with suppress(OSError):
        way.shutdown(socket.SHUT_RDWR)
    thread.join()


class Cutter:
    """Passes connections on to `target` on this machine; as long as `cuts` lasts, each ends after `after` bytes."""

    def __init__(self, after: int, cuts: int) -> None:
        self.target, self.cuts, self._after = 0, cuts, after
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as way, suppress(OSError):
            threading.Thread(target=_copy, args=(way, client), daemon=True).start()
            left = self._after
            while data := client.recv(1 << 16):
                way.sendall(data)
                left -= len(data)
                if left < 0 and self.cuts > 0:
                    self.cuts -= 1
                    break
            for end in (client, way):
                end.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
        to.shutdown(socket.SHUT_RDWR)
