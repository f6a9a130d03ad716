"""One HTTP connection to another party's server, kept open: what is dialled, how long a request takes and how much of
an answer is read all have bounds. Nothing that comes back is believed here.
"""

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.message import Message
from functools import cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from ledger.errors import UsageError
from ledger.formats.text import plural
from ledger.store import Unreachable
from ledger.store.networks import EVERYWHERE, Forbidden, Reach
from ledger.store.proxies import Proxy, connect, proxy_for

LOST = (http.client.HTTPException, OSError)
"""What a request raises where no whole answer came."""
SHORT = 1000
"""Bytes that are read of an answer that is not a success."""
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
"""A server's own path: plain segments, with nothing to decode and no way up."""


class Answer(NamedTuple):
    """A whole answer, or as much of it as was to be read."""

    status: int
    headers: Message
    body: bytes


class Link:
    """A connection to the server at `url`; `reach` is what may be dialled. Threads that share it wait for each other.

    Raises UsageError for what is not an address.
    """

    def __init__(self, url: str, reach: Reach = EVERYWHERE, timeout: float = 20.0) -> None:
        parts = checked(url)
        self.url, self.timeout = url.rstrip("/"), timeout
        self._prefix, self._reach = parts.path.rstrip("/"), reach
        self._secure = parts.scheme == "https"
        port = 443 if self._secure else 80
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port or port, timeout=timeout)
        self._connection.default_port = port
        self._proxy: Proxy | None = None
        self._lock = threading.Lock()
        self._cut_off = False

    def ask(
        self,
        method: str,
        target: str,
        *,
        seconds: float,
        ceiling: int,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> Answer:
        """One request, answered within `seconds`; of a success at most `ceiling` bytes are read.

        On a connection that was kept and turns out to be gone it is made once more. Raises what is in LOST.
        """
        with self._lock:
            self._cut_off = False
            try:
                return self._ask_again(method, target, seconds, ceiling, headers, body)
            except LOST:
                self._connection.close()
                raise
            finally:
                if self._cut_off:
                    self._connection.close()

    def close(self) -> None:
        """Close the connection, in the middle of an answer too, without waiting; the next request opens another."""
        self._cut_off = True
        self._shut_down()
        if self._lock.acquire(blocking=False):  # else the request that is under way closes it
            try:
                self._connection.close()
            finally:
                self._lock.release()

    def _ask_again(
        self, method: str, target: str, seconds: float, ceiling: int, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Ask; once more where a connection that was kept is gone."""
        fresh = self._connection.sock is None
        try:
            return self._ask(method, target, seconds, ceiling, headers, body)
        except LOST as error:
            self._connection.close()
            if fresh or self._cut_off or isinstance(error, TimeoutError):
                raise
        return self._ask(method, target, seconds, ceiling, headers, body)

    def _ask(
        self, method: str, target: str, seconds: float, ceiling: int, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        with self._deadline(seconds):
            if self._connection.sock is None:
                self._connect(seconds)
            self._connection.sock.settimeout(seconds)
            place, more = self._prefix + target, dict(headers)
            if self._proxy is not None and not self._secure:
                more |= self._proxy.headers
                place = f"http://{_bracketed(self._connection.host)}:{self._connection.port}{place}"
            self._connection.request(method, place, body=body, headers=more)
            with closing(self._connection.getresponse()) as answer:
                good = 200 <= answer.status < 300
                read = self._body(answer, ceiling if good else SHORT)
        return Answer(answer.status, answer.headers, read)

    def _connect(self, seconds: float) -> None:
        """Connect to an address that may be dialled: a name may lead anywhere, so what it resolves to is looked at."""
        connection = self._connection
        self._proxy = proxy_for(self._secure, connection.host)
        host, port = connection.host, connection.port
        plain = connect(self._proxy, host, port, seconds, self._reach, tunnel=self._secure)
        connection.sock = plain
        if self._secure:
            connection.sock = _trust().wrap_socket(plain, server_hostname=host)

    def _body(self, answer: http.client.HTTPResponse, ceiling: int) -> bytes:
        """At most `ceiling` bytes; where there is more, the connection is given up, and the excess never read.

        An answer that was cut must not look like a damaged copy, so one whose end is not announced is refused.
        """
        if answer.status == 200 and answer.length is None and not answer.chunked:
            raise http.client.HTTPException("an answer that does not say where it ends")
        data = answer.read(ceiling)
        if len(data) == ceiling or not answer.isclosed():
            self._connection.close()
        if answer.length and len(data) < ceiling:
            raise http.client.IncompleteRead(data, answer.length)
        return data

    def _shut_down(self) -> None:
        """End what the connection waits for, from another thread."""
        if (sock := self._connection.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Cut the connection when the time is up, however slowly bytes still drip in."""
        late = threading.Event()

        def cut() -> None:
            late.set()
            self._shut_down()

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except LOST:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise TimeoutError("no whole answer in time")


def lost(name: str, url: str, error: BaseException, seconds: float, **facts: object) -> Unreachable:
    """What to say of a server that did not answer."""
    known = getattr(error, "advice", "") if isinstance(error, Forbidden) else ""
    return Unreachable(
        f"{name} does not answer: {_in_words(error)}",
        advice=known or "see that the holder runs and that its address is right",
        holder=name,
        url=url,
        timeout_seconds=seconds,
        **facts,
    )


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, read once for all holders."""
    return ssl.create_default_context()


def _bracketed(host: str) -> str:
    """A host as URLs have it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def _in_words(error: BaseException) -> str:
    """What went wrong, without any text of the server's: HTTP's exceptions carry the very line that they refuse."""
    if isinstance(error, http.client.IncompleteRead):
        return f"its answer ends after {plural(len(error.partial), 'byte')}"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        return f"its answer breaks HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def checked(url: str) -> SplitResult:
    """A server's address, taken apart. A member may announce anything, so every fault of it makes one error, here.

    Raises UsageError where it is not an http or https URL in printable ASCII, with a possible host and port, and a path
    of plain segments. Credentials, query and fragment are never sent.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        good = parts.scheme in {"http", "https"} and host != "" and parts.port != 0
    except ValueError as error:
        raise UsageError(f"a holder's address is not a URL: {error}", url=url) from error
    if not good or not re.fullmatch("[!-~]+", url):
        raise UsageError("a holder's address is an http or https URL in printable ASCII", url=url)
    if not _PATH.fullmatch(parts.path):
        raise UsageError("a holder's address has a path of plain segments, such as /ipfs-gateway", url=url)
    return parts
