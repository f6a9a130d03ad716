"""A gateway as a server of its own, by waitress: threads, limits on what a client may take, and its end."""

import socket
import threading
import time
from typing import Any

from ledger.errors import Unavailable, UsageError
from ledger.store import Blocks
from ledger.store.gateway import LARGEST_BODY, App, Responder, application

_LIMITS = {
    "connection_limit": 1000,
    "channel_timeout": 60,
    "cleanup_interval": 10,
    "max_request_header_size": 16384,
    "outbuf_overflow": 1 << 23,
    "outbuf_high_watermark": 1 << 22,
}
"""Seconds and bytes that a server spends on its clients. It has fewer connections than its own limit, at which it would
accept no more: see `ledger.store.channels`."""


class GatewayServer:
    """A running gateway: its `url`, and `close()`."""

    def __init__(self, server: Any, sockets: dict[int, Any], host: str, patience: float) -> None:
        from ledger.http.clients import Patience
        from ledger.store.channels import PLACES, SHARE, Door
        from ledger.store.turns import Turns

        self.url = f"http://{_bracketed(host)}:{server.effective_port}"
        self._server, self._sockets = server, sockets
        self._patience, self._between = Patience(patience), min(LOOK, patience / 20)
        self._door = Door()
        self._door.keep(server)
        self._turns = Turns(server.task_dispatcher.add_task, SHARE, PLACES)
        server.add_task = self._turns.take
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()

    def expect(self, members: int) -> None:
        """Have places for so many members, whatever their addresses."""
        self._door.expect(members)

    def close(self) -> None:
        """Stop answering and free the port; calling it again is harmless."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._server.pull_trigger()
        self._thread.join()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        for connection in list(self._sockets.values()):
            connection.close()

    def wait(self) -> None:
        """Serve until `close` is called from elsewhere or the process is interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def _run(self) -> None:
        from waitress import wasyncore

        looked = 0.0
        while not self._stop.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)
            if self._turns.awaited:
                self._turns.look()
            if time.monotonic() >= looked + self._between:
                looked = time.monotonic()
                self._patience.look(self._server.active_channels.values())


LOOK = 0.25
"""Seconds from one look at all connections to the next, at most: the loop turns for every few of their bytes."""
SMALL_BODY = 1 << 12
"""Bytes of a request's body, at most, where nothing is taken in."""


def serve(
    blocks: Blocks,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    desk: Responder | None = None,
    threads: int = 8,
    patience: float = 20.0,
) -> GatewayServer:
    """Start a gateway; port 0 takes a free one. A client slower than `patience` seconds is cut off.

    Raises Unavailable for a taken port, UsageError for a bad host.
    """
    sockets: dict[int, Any] = {}
    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        largest = SMALL_BODY if desk is None else LARGEST_BODY + 1
        server = _listen(application(blocks, desk, max(1, threads // 2)), address, port, threads, sockets, largest)
    except (socket.gaierror, OverflowError, ValueError) as error:
        raise UsageError(f"cannot serve on {host}:{port}: {error}", host=host, port=port) from error
    except OSError as error:
        for connection in list(sockets.values()):
            connection.close()
        raise Unavailable(
            f"cannot serve on {host}:{port}: {error.strerror}",
            advice="choose another port, or 0 for any free one",
            host=host,
            port=port,
        ) from error
    return GatewayServer(server, sockets, address, patience)


def _listen(app: App, address: str, port: int, threads: int, sockets: dict[int, Any], largest: int) -> Any:
    """A waitress server that listens; it keeps its sockets in `sockets`, and takes bodies below `largest` bytes."""
    from waitress.server import create_server

    return create_server(
        app,
        map=sockets,
        listen=f"{_bracketed(address)}:{port}",
        threads=threads,
        ident="fedledger",
        log_socket_errors=False,
        clear_untrusted_proxy_headers=True,
        max_request_body_size=largest,
        **_LIMITS,
    )


def _bracketed(host: str) -> str:
    """A host as URLs have it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
