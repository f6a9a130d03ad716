"""Requests to one server, on connections that are kept: threads share a road and do not wait for each other."""

import re
import threading
import weakref
from collections.abc import Mapping
from types import MappingProxyType

from ledger.errors import UsageError
from ledger.http.addresses import Address
from ledger.http.answers import Answer, BrokenAnswer
from ledger.http.networks import EVERYWHERE, Reach
from ledger.http.outgoing import OPEN, Outgoing
from ledger.http.trouble import lost
from ledger.http.wire import Body, Stale, TimeLimit, Wire

_LINE = re.compile(r"[!-~]([ -~]*[!-~])?")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Road:
    """A way to the server at `address`, called `name` in messages; `reach` is what may be dialled."""

    def __init__(self, name: str, address: Address, outgoing: Outgoing = OPEN, reach: Reach = EVERYWHERE) -> None:
        self.name, self.address = name, address
        self._outgoing, self._reach = outgoing, reach
        self._headers: dict[str, str] | None = None
        self._lock = threading.Lock()
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        weakref.finalize(self, _close_all, self._idle)

    def ask(
        self,
        method: str,
        target: str,
        *,
        silence: float,
        ceiling: int,
        whole: float | None = None,
        headers: Mapping[str, str] = _NOTHING,
        body: Body = None,
        open_end: bool = False,
    ) -> Answer:
        """One request below the address's path, with the server `silent` for so many seconds at most, and an answer of
        at most `ceiling` bytes that is whole after `whole` seconds, a streamed body's own time apart.

        On a connection that was kept and turns out to be gone it is made once more. Raises Trouble where no whole
        answer came, UsageError where credentials or certificates cannot be read.
        """
        try:
            limit = TimeLimit(silence, whole)
            replayable = body is None or isinstance(body, bytes)
            while replayable and (wire := self._kept()) is not None:
                try:
                    return self._through(wire, method, target, headers, body, limit, ceiling, open_end)
                except Stale:
                    continue
            wire = self._opened(limit)
            return self._through(wire, method, target, headers, body, limit, ceiling, open_end)
        except (OSError, BrokenAnswer) as error:
            raise lost(self.name, error, self.address.shown, round(whole or silence, 1)) from error

    def close(self) -> None:
        """Close all connections, in the middle of an answer too, without waiting; the next request opens another."""
        with self._lock:
            for wire in self._busy:
                wire.cut()
        _close_all(self._idle)

    def _kept(self) -> Wire | None:
        with self._lock:
            while self._idle:
                wire = self._idle.pop()
                if wire.is_quiet:
                    self._busy.add(wire)
                    return wire
                wire.close()
        return None

    def _opened(self, limit: TimeLimit) -> Wire:
        tls = self._outgoing.tls(self.address) if self.address.secure else None
        wire = Wire.to(self.address, limit, self._reach, self._outgoing.proxy(self.address), tls)
        with self._lock:
            self._busy.add(wire)
        return wire

    def _through(
        self,
        wire: Wire,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body,
        limit: TimeLimit,
        ceiling: int,
        open_end: bool,
    ) -> Answer:
        try:
            answer = wire.exchange(
                self._head(wire, method, target, headers, body), body, limit, ceiling, open_end=open_end
            )
        finally:
            with self._lock:
                self._busy.discard(wire)
                if wire.is_open:
                    self._idle.append(wire)
            if not wire.is_open:
                wire.close()
        if answer.status == 407 and wire.proxy is not None:
            raise wire.proxy.refusal(407, self.address.tunnel)
        return answer if wire.proxy is None or self.address.secure else answer._replace(proxy=wire.proxy.address.shown)

    def _head(self, wire: Wire, method: str, target: str, headers: Mapping[str, str], body: Body) -> bytes:
        if self._headers is None:
            self._headers = self._outgoing.headers(self.address)
        place = f"{self.address.path}{target}"
        fields = {"Host": self.address.place, "User-Agent": "fedledger", **self._headers, **headers}
        if wire.proxy is not None and not self.address.secure:
            fields |= wire.proxy.headers
            place = f"http://{self.address.place}{place}"
        if isinstance(body, bytes):
            fields["Content-Length"] = str(len(body))
        elif body is not None:
            fields["Transfer-Encoding"] = "chunked"
        if not all(_LINE.fullmatch(value) for value in fields.values()):
            raise UsageError("a request's header has a value that HTTP cannot carry", url=self.address.shown)
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {place} HTTP/1.1\r\n{lines}\r\n".encode("ascii")


def _close_all(wires: list[Wire]) -> None:
    while wires:
        try:
            wires.pop().close()
        except IndexError:  # another thread took the last
            return
