"""Closing the connections of a gateway's clients that are too slow, or never say anything.

waitress alone waits forever for a request that comes in drips, and for the reader of a long response, whose thread
serves nobody else meanwhile: eight such readers would block a gateway.
"""

import time
from dataclasses import dataclass
from typing import Any

from waitress.channel import HTTPChannel

LEAST = 1 << 17
"""Bytes of a request or a response that a client must send or take within the time given. No head is as long."""


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
    def busy(self) -> bool:
        """Whether there is a request, all of its head at least, or a response that was not taken yet."""
        coming = self.request is not None and self.request.headers_finished
        return bool(self.requests) or self.total_outbufs_len > 0 or coming

    @property
    def new(self) -> bool:
        """Whether it never sent a byte."""
        return not self._asked

    def send(self, data: Any, do_close: bool = True) -> int:
        number = int(super().send(data, do_close))
        self.moved += number
        return number

    def received(self, data: bytes) -> bool:
        self.moved += len(data)
        self._asked = True
        return bool(super().received(data))

    def service(self) -> None:
        """Answer, in a thread of its own; then it waits again."""
        super().service()
        self.waits = time.monotonic()

    def del_channel(self, map: Any = None) -> None:
        """Let go of a request that was cut in its middle: a large one lies in a file."""
        super().del_channel(map)
        if self.request is not None:
            self.request.close()


@dataclass(slots=True)
class _Spell:
    """Since when a connection has been at the same request or response, and how much it had moved by then."""

    since: float
    request: object
    moved: int


class Patience:
    """Looks at a server's connections from its loop's thread; `seconds` is what each may take for its next step.

    One that was answered and waits for its next request is left to the server's `channel_timeout`.
    """

    def __init__(self, server: Any, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._spells: dict[Any, _Spell] = {}

    def look(self) -> None:
        """Close the connections that did not begin a request, send enough of one, or take enough of its response, in
        time.
        """
        now, spells = time.monotonic(), {}
        for channel in list(self._server.active_channels.values()):
            if channel.request is None and not channel.total_outbufs_len:
                if channel.new and now > channel.waits + self._seconds:
                    channel.handle_close()
                continue
            spell = self._spells.get(channel)
            if spell is None or spell.request is not channel.request or channel.moved >= spell.moved + LEAST:
                spell = _Spell(now, channel.request, channel.moved)
            elif now > spell.since + self._seconds:
                channel.handle_close()
            spells[channel] = spell
        self._spells = spells
