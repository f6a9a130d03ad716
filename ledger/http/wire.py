"""One HTTP/1.1 connection: a request goes out, an answer comes in, within time and size."""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Iterable

from ledger.http.addresses import Address
from ledger.http.answers import Answer, BrokenAnswer, Incoming
from ledger.http.networks import EVERYWHERE, Forbidden, Reach, dial
from ledger.http.proxies import Proxy, ProxyRefused

Body = bytes | Iterable[bytes] | None
RECEIVED = 1 << 16
"""Bytes that are taken from the socket at once, until it is known how many will come."""
STRAIGHT = 4 << 20
"""Bytes of a body that room is made for at once, at most; a larger one gets it as it comes."""
LARGEST_REFUSAL = 1 << 16
"""Bytes that are read of an answer that is not a success."""


class TimeLimit:
    """How long to wait for the next bytes (`silence`), and for everything from now on (`whole`), in seconds."""

    __slots__ = ("_end", "silence", "whole")

    def __init__(self, silence: float, whole: float | None) -> None:
        self.silence, self.whole = silence, whole
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._end = None if self.whole is None else time.monotonic() + self.whole

    def left(self) -> float:
        """Seconds to wait now. Raises TimeoutError once there are none."""
        if self._end is None:
            return self.silence
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer in time")
        return min(left, self.silence)


class Stale(Exception):
    """The connection was closed while it was idle: the server has not answered a byte."""


class Wire:
    """A connection to a server, by `proxy` where there is one. One request at a time."""

    def __init__(self, sock: socket.socket, proxy: Proxy | None = None) -> None:
        self.sock, self.proxy, self.fresh, self.is_open = sock, proxy, True, True
        self._buffer = memoryview(bytearray(RECEIVED))

    @classmethod
    def to(
        cls, address: Address, limit: TimeLimit, reach: Reach, proxy: Proxy | None, tls: ssl.SSLContext | None
    ) -> "Wire":
        """Connect; with `tls` all the way to the server, through a proxy too. Raises OSError, BrokenAnswer."""
        if proxy is None:
            sock = dial(address.host, address.port, limit.left(), reach)
        else:
            _check(address, reach)
            sock = _dial_proxy(proxy, limit)
        try:
            if tls is not None and proxy is not None:
                _tunnel(sock, address, proxy, limit)
            if tls is not None:
                sock.settimeout(limit.left())
                sock = tls.wrap_socket(sock, server_hostname=address.host)
        except BaseException:
            sock.close()
            raise
        return cls(sock, proxy)

    def exchange(self, head: bytes, body: Body, limit: TimeLimit, ceiling: int, *, open_end: bool = False) -> Answer:
        """Send a request and read its answer; of a success at most `ceiling` bytes.

        With `open_end` a success may end where the connection does. Raises OSError, BrokenAnswer, and Stale where the
        connection was gone.
        """
        fresh, self.fresh, self.is_open = self.fresh, False, False
        incoming = Incoming()
        try:
            self._send(head, body, limit)
            return self._receive(incoming, limit, ceiling, open_end)
        except (ConnectionError, ssl.SSLError) as error:
            if fresh or incoming.begun:
                raise
            raise Stale from error
        finally:
            incoming.end()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer: neither an end nor what nobody asked for."""
        if isinstance(self.sock, ssl.SSLSocket):
            return True  # TLS has messages of its own, and nobody on the way can forge an answer
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return not waiting.poll(0)

    def cut(self) -> None:
        """End what the connection waits for, from another thread too."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self.sock.close()

    def _send(self, head: bytes, body: Body, limit: TimeLimit) -> None:
        self.sock.settimeout(limit.left())
        if body is None or isinstance(body, bytes):
            self.sock.sendall(head + (body or b"") if len(body or b"") < RECEIVED else head)
            if body is not None and len(body) >= RECEIVED:
                self.sock.settimeout(limit.left())
                self.sock.sendall(body)
            return
        try:
            self.sock.sendall(head)
            for piece in body:
                self.sock.settimeout(limit.silence)
                self.sock.sendall(b"%x\r\n" % len(piece))
                self.sock.sendall(piece)
                self.sock.sendall(b"\r\n")
            self.sock.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass  # a server that refuses may say why before all of it came
        limit.start()

    def _receive(self, incoming: Incoming, limit: TimeLimit, ceiling: int, open_end: bool) -> Answer:
        while not incoming.done:
            self.sock.settimeout(limit.left())
            count = self.sock.recv_into(self._buffer)
            if count == 0:
                return self._ended(incoming, ceiling, open_end)
            incoming.feed(self._buffer[:count])
            if not incoming.headed:
                continue
            if incoming.is_good and not incoming.announced and not open_end and not incoming.done:
                raise BrokenAnswer("its answer does not say where it ends")
            most = ceiling if incoming.is_good else LARGEST_REFUSAL
            if incoming.size >= most and not incoming.done:
                return incoming.answer(most)
            if (left := incoming.left) and incoming.size + left <= min(most, STRAIGHT):
                self._fill(incoming.rest(left), limit, incoming)
        self.is_open = incoming.stays_open
        return incoming.answer(ceiling if incoming.is_good else LARGEST_REFUSAL)

    def _fill(self, room: memoryview, limit: TimeLimit, incoming: Incoming) -> None:
        """Read the rest of a body whose length is known to where it stays."""
        at = 0
        while at < len(room):
            self.sock.settimeout(limit.left())
            count = self.sock.recv_into(room[at:])
            if count == 0:
                raise BrokenAnswer(f"its answer ends after {incoming.size - len(room) + at} bytes")
            at += count

    def _ended(self, incoming: Incoming, ceiling: int, open_end: bool) -> Answer:
        """The server closed. What ends there by its own account is whole."""
        if incoming.headed and not incoming.announced and (open_end or not incoming.is_good):
            return incoming.answer(ceiling)
        if not incoming.begun:
            raise ConnectionResetError("it closed the connection without an answer")
        raise BrokenAnswer(f"its answer ends after {incoming.size} bytes")


def _dial_proxy(proxy: Proxy, limit: TimeLimit) -> socket.socket:
    try:
        return dial(proxy.address.host, proxy.address.port, limit.left(), EVERYWHERE)
    except OSError as error:
        reason = "it does not answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise ProxyRefused(
            f"the proxy {proxy.address.shown} cannot be reached: {reason}",
            "correct [http] proxy in node.toml, or HTTP_PROXY and HTTPS_PROXY; or exempt the host with NO_PROXY",
        ) from error


def _tunnel(sock: socket.socket, address: Address, proxy: Proxy, limit: TimeLimit) -> None:
    """Ask a proxy for a way to the server. Raises OSError."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in proxy.headers.items())
    sock.settimeout(limit.left())
    sock.sendall(f"CONNECT {address.tunnel} HTTP/1.1\r\nHost: {address.tunnel}\r\n{headers}\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        sock.settimeout(limit.left())
        byte = sock.recv(1)  # what follows the head is the server's own
        answer += byte
        if not byte or len(answer) > LARGEST_REFUSAL:
            raise ProxyRefused(f"the proxy {proxy.address.shown} breaks HTTP")
    status = answer.split(b" ", 2)[1:2]
    if not answer.startswith(b"HTTP/1.") or not status or not status[0][:3].isdigit():
        raise ProxyRefused(f"the proxy {proxy.address.shown} breaks HTTP")
    if (code := int(status[0][:3])) // 100 != 2:
        raise proxy.refusal(code, address.tunnel)


def _check(address: Address, reach: Reach) -> None:
    """Raises Forbidden where the proxy, which resolves a name itself, might be led to what must not be dialled: by any
    address that it resolves to here, or only by all of them where every network is allowed. A name that does not
    resolve here is left to the proxy's own rules, unless it is one of an own network.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError:
        reach.check_name(address.host)
        return
    refused: list[Forbidden] = []
    for *_, peer in found:
        try:
            reach.check(str(peer[0]))
        except Forbidden as error:
            refused.append(error)
    if refused and (not reach.is_open or len(refused) == len(found)):
        raise refused[0]
