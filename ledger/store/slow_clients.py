"""Closing the connections of a gateway's clients that are too slow.

waitress alone waits forever for a request that comes in drips, and for the reader of a long response, whose thread
serves nobody else meanwhile: eight such readers would block a gateway.
"""

import time
from dataclasses import dataclass
from typing import Any

from waitress.channel import HTTPChannel

LEAST = 1 << 17
"""Bytes of a response that a reader must take within the time given."""


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that counts what it has sent, and leaves nothing of a request behind."""

    sent = 0

    def send(self, data: Any, do_close: bool = True) -> int:
        number = int(super().send(data, do_close))
        self.sent += number
        return number

    def del_channel(self, map: Any = None) -> None:
        """Let go of a request that was cut in its middle: a large one lies in a file."""
        super().del_channel(map)
        if self.request is not None:
            self.request.close()


@dataclass(slots=True)
class _Spell:
    """Since when a connection has been at the same thing: the request it receives, or a response, of which it sent."""

    since: float
    request: object
    sent: int


class Patience:
    """Looks at a server's connections from its loop's thread; `seconds` is what each may take for its next step."""

    def __init__(self, server: Any, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._spells: dict[Any, _Spell] = {}
        server.channel_class = Channel

    def look(self) -> None:
        """Close the connections that did not send a whole request, or take enough of its response, in time."""
        now, spells = time.monotonic(), {}
        for channel in list(self._server.active_channels.values()):
            if channel.request is None and not channel.total_outbufs_len:
                continue
            spell = self._spells.get(channel)
            if spell is None or spell.request is not channel.request or channel.sent >= spell.sent + LEAST:
                spell = _Spell(now, channel.request, channel.sent)
            elif now > spell.since + self._seconds:
                channel.handle_close()
            spells[channel] = spell
        self._spells = spells
