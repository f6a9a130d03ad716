"""The connections of the web server: a share of the places for each address, and time for each step of a client.

uvicorn alone waits forever for a request's head, its body and the reader of a response, takes a head of any length, and
turns everyone away once all of its places are taken. `ledger.http.clients` has the rule that is kept here.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server

from ledger.http.clients import Patience, make_room

PLACES = 600
"""Connections at a time. With files and other sockets that is less than the 1,024 that systems allow a process."""
SHARE = 100
"""Connections of one address, at most: a house of readers, and a sixth of the places. A trusted proxy has all."""
REST_SECONDS = 20
"""What a connection may rest between a response and the next request."""
LONGEST_HEAD = 16 << 10
"""Bytes of a request's head, at most."""
TAKEN = 48 << 10
"""Bytes of a response that a client must take within the time given, or all that waits."""
MOST_PIPELINED = 16
"""Requests that a client may send before the first one's response."""
PATIENCE = 20.0
"""Seconds that a client may take for a step of a request, unless said otherwise."""
GRACE_SECONDS = 2.0
"""What responses have to end once the server stops."""


class WebConnection(HttpToolsProtocol):
    """A client's connection. The client is expected to send a head, then perhaps a body, then to take a response."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.waits, self._steps, self._taken, self._head = time.monotonic(), 0, 0, 0
        self._sends = "head"
        self.moved = 0
        self._answered: RequestResponseCycle | None = None

    @property
    def address(self) -> str:
        """Where the client is: its own address, or its proxy's."""
        return self.client[0] if self.client else ""

    @property
    def busy(self) -> bool:
        """Whether a whole request is being answered, or a response was not taken yet."""
        answering = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        return answering or self._unsent > 0

    @property
    def awaited(self) -> object:
        """What the client is to do next: take a response, or send a head or a body. It is not to blame while nothing
        is read from it."""
        if self._unsent:
            return "response", self._taken, self._unsent // TAKEN
        return (self._sends, self._steps) if self._sends and not self.flow.read_paused else None

    def leave(self) -> None:
        """Close it, whatever it is at. It frees its place at once."""
        self.connections.discard(self)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place; hang up where the share is taken, and all in it are busy."""
        present: list[Any] = list(self.connections)
        super().connection_made(transport)
        if not make_room(present, self.address, PLACES, PLACES if self._is_proxy() else SHARE):
            self.leave()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a head or a body; those before a head count as its own."""
        self.moved += len(data)
        for start in range(0, len(data), LONGEST_HEAD):
            if not self.transport.is_closing():
                self._take(data[start : start + LONGEST_HEAD])

    def send_400_response(self, msg: str) -> None:
        """Refuse what was sent; where a response is on its way, hang up, for its reader would take this for a part."""
        answered = self._answered
        if answered is not None and answered.response_started and not answered.response_complete:
            self.leave()
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A head begins. The application may cut the response to it (`web.access.guard`)."""
        super().on_message_begin()
        self.scope["state"]["cut"] = self.transport.close
        self._expect("head")

    def on_headers_complete(self) -> None:
        """A body may follow."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many requests at a time")  # the parser's own refusal follows: 400
        super().on_headers_complete()
        self._head = 0
        self._expect("body")

    def on_message_complete(self) -> None:
        """Nothing is expected until more bytes come."""
        super().on_message_complete()
        self._expect("")

    def on_response_complete(self) -> None:
        """It waits again."""
        self.waits = time.monotonic()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The client took most of what waited for it."""
        self._taken += 1
        super().resume_writing()

    @property
    def _unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def _take(self, data: bytes) -> None:
        """Take at most LONGEST_HEAD bytes; a head's first are not counted where they come with another's end."""
        self._sends = self._sends or "head"
        self._head += len(data) if self._sends == "head" else 0
        super().data_received(data)
        if self._sends == "head" and self._head > LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _expect(self, part: str) -> None:
        self._sends, self._steps = part, self._steps + 1

    def _is_proxy(self) -> bool:
        """Whether it comes from a proxy that the operator trusts: many clients are behind it."""
        trusted = self.config.forwarded_allow_ips if self.config.proxy_headers else ()
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(one) for one in trusted or ())


def _nothing() -> None:
    """Of a server without streams that would outlast it."""


class WebServer(Server):
    """uvicorn's server as all of ours run: it keeps no log, does not name itself, believes `proxies`, addresses and
    networks, who their clients are, and hangs up on slow clients. `patience` is the seconds that one may take for a
    request's head, for its body, and for each piece of a response that waits for it.

    It says first of all that it stops: `stopping` is called then, so that streams may end, and `stopped` once no
    response has time any more. With `lifespan` off, an app has nothing to begin and to end.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        proxies: Sequence[str] = (),
        patience: float = PATIENCE,
        stopping: Callable[[], None] = _nothing,
        stopped: Callable[[], None] = _nothing,
        lifespan: Literal["auto", "off"] = "auto",
    ) -> None:
        super().__init__(
            Config(
                app,
                http=WebConnection,
                ws="none",
                lifespan=lifespan,
                access_log=False,
                log_level="error",
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                server_header=False,
                timeout_graceful_shutdown=int(GRACE_SECONDS) + 1,
                timeout_keep_alive=REST_SECONDS,
            )
        )
        self._stopping, self._stopped, self._patience = stopping, stopped, Patience(patience)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % 10 == 0:
            self._patience.look(self.server_state.connections)  # type: ignore[arg-type]
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: streams end at once, other responses in GRACE_SECONDS, or they are cut."""
        self._stopping()
        cut = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._cut)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut(self) -> None:
        self._stopped()
        for connection in list(self.server_state.connections):
            connection.leave()  # type: ignore[union-attr]
