"""Closing the connections of a gateway's clients that are too slow.

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
    """A connection that counts the bytes that it moves, and leaves nothing of a request behind."""

    moved = 0

    def send(self, data: Any, do_close: bool = True) -> int:
        number = int(super().send(data, do_close))
        self.moved += number
        return number

    def received(self, data: bytes) -> bool:
        self.moved += len(data)
        return bool(super().received(data))

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
    """Looks at a server's connections from its loop's thread; `seconds` is what each may take for its next step."""

    def __init__(self, server: Any, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._spells: dict[Any, _Spell] = {}
        server.channel_class = Channel

    def look(self) -> None:
        """Close the connections that did not send enough of a request, or take enough of its response, in time."""
        now, spells = time.monotonic(), {}
        for channel in list(self._server.active_channels.values()):
            if channel.request is None and not channel.total_outbufs_len:
                continue
            spell = self._spells.get(channel)
            if spell is None or spell.request is not channel.request or channel.moved >= spell.moved + LEAST:
                spell = _Spell(now, channel.request, channel.moved)
            elif now > spell.since + self._seconds:
                channel.handle_close()
            spells[channel] = spell
        self._spells = spells
