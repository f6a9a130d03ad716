"""The connections of a gateway: what each is at, and how one is admitted (`ledger.http.clients` has the rule).

Members may all come from one address, as on one machine, or behind a proxy or a company's way out: what one address may
have grows with their number. What is worked at of one address at a time does not (`ledger.store.turns`).

waitress alone waits forever for a request that comes in drips, and for the reader of a long response, whose thread
serves nobody else meanwhile: eight such readers would block a gateway.
"""

import errno
import resource
import socket
import time
from contextlib import suppress
from typing import Any

from waitress.channel import HTTPChannel

from ledger.http.clients import make_room

PLACES = 240
"""Connections at a time, among few members."""
SHARE = 40
"""Connections of one address, among few members: more than a gateway has threads, and a sixth of the places."""
EACH = 3
"""Connections that a member keeps: for messages, for what it pushes, and for what it copies."""

PART = 3
"""No more than this part of the files that the process may have open are connections of its gateway: another may be
the bodies of their requests, of which a long one lies in a file, and the rest is for all else.
"""
REST = 0.5
"""Seconds in which a gateway accepts nothing, where the process may open nothing more."""
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that counts the bytes that it moves, knows since when it waits for a request, and leaves nothing of
    one behind.
    """

    moved = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.waits, self._asked = time.monotonic(), False

    @property
    def address(self) -> str:
        """Where the client is."""
        return str(self.addr[0])

    @property
    def at_work(self) -> bool:
        """Whether there is a whole request, or a response that was not taken yet."""
        return bool(self.requests) or self.total_outbufs_len > 0

    @property
    def busy(self) -> bool:
        """Whether it is at work, or all of a request's head came."""
        return self.at_work or (self.request is not None and self.request.headers_finished)

    @property
    def awaited(self) -> object:
        """The first byte, a request, or that a response is taken. One that was answered and waits for its next request
        is left to the server's `channel_timeout`."""
        if self.request is None and not self.total_outbufs_len:
            return None if self._asked else "first byte"
        return ("request or response", self.request)

    def leave(self) -> None:
        """Close it, whatever it is at."""
        self.handle_close()

    def send(self, data: Any, do_close: bool = True) -> int:
        number = int(super().send(data, do_close))
        self.moved += number
        return number

    def received(self, data: bytes) -> bool:
        self.moved += len(data)
        self._asked = True
        taken = bool(super().received(data))
        self._leave_if_ahead()
        return taken

    def _leave_if_ahead(self) -> None:
        """Hang up on a client that sent a request before it had the response to the last: those that it does not read
        would keep a thread.
        """
        with self.requests_lock:
            ahead = self.requests[1:]
            del self.requests[1:]
        for request in ahead:
            request.close()
        if ahead:
            self.leave()

    def service(self) -> None:
        """Answer, in a thread of its own; then it waits again."""
        super().service()
        self.waits = time.monotonic()

    def del_channel(self, map: Any = None) -> None:
        """Let go of a request that was cut in its middle: a large one lies in a file."""
        super().del_channel(map)
        if self.request is not None:
            self.request.close()


class Door:
    """Admits so many connections at a time (`places`), of one address its `share` at most."""

    def __init__(self) -> None:
        self.rests_until = 0.0
        self.expect(0)

    def expect(self, members: int) -> None:
        """Have places for so many members at one address; others keep as many as before. Fewer, where the process may
        not have as many files open.
        """
        share = max(SHARE, EACH * members)
        self.places = min(PLACES - SHARE + share, open_files(PART * (PLACES - SHARE + share)) // PART)
        self.share = min(share, max(SHARE, self.places - PLACES + SHARE), self.places)

    def keep(self, server: Any) -> None:
        """Let a waitress server rest where it cannot accept: it would else try without a pause."""
        accept, readable = server.accept, server.readable

        def accept_or_rest() -> Any:
            try:
                return accept()
            except OSError as error:
                if error.errno in _FULL:
                    self.rests_until = time.monotonic() + REST
                raise

        server.accept = accept_or_rest
        server.readable = lambda: bool(readable()) and time.monotonic() >= self.rests_until
        server.channel_class = self.admit

    def admit(self, server: Any, accepted: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:
        """Take a connection; one that comes where all of the crowd are busy is hung up on. In the server's loop's
        thread.

        A waitress server calls it as its `channel_class`.
        """
        if make_room(list(server.active_channels.values()), str(addr[0]), self.places, self.share):
            Channel(server, accepted, addr, adj, map=map)
        else:
            accepted.close()


def open_files(wanted: int) -> int:
    """How many files the process may have open, `wanted` at least where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted and (most := wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)) > soft:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return soft
