"""Another party's holder, over HTTP: a client of trustless gateways, ours or any other.

Nothing that comes back is believed: a block is checked like every other, an answer has a ceiling and a deadline.
"""

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from urllib.parse import SplitResult, urlsplit

from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.formats.text import plural
from ledger.store import Blocks, Buffer, Unreachable
from ledger.store.gateway import CORRUPT_HEADER, RAW_TYPE
from ledger.store.networks import EVERYWHERE, Forbidden, Reach, dial

_HEADERS = {"Accept": RAW_TYPE, "Cache-Control": "only-if-cached"}
"""A holder is asked for its own copy: a gateway that could look elsewhere answers 412 instead."""
_LOST = (http.client.HTTPException, OSError)
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
"""A gateway's own path: plain segments, with nothing to decode and no way up."""


class Remote(Blocks):
    """The holder `name` at `url`. `timeout` is the seconds that a whole block may take, `reach` what may be dialled.

    Keeps one connection open; threads that share a Remote wait for each other. Raises UsageError for what is not
    an address.
    """

    def __init__(self, name: str, url: str, timeout: float = 20.0, *, reach: Reach = EVERYWHERE) -> None:
        parts = checked(url)
        self.name = name
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._prefix, self._reach = parts.path.rstrip("/"), reach
        self._secure = parts.scheme == "https"
        port = 443 if self._secure else 80
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port or port, timeout=timeout)
        self._connection.default_port = port
        self._lock = threading.Lock()
        self._cut_off = False

    def copy(self, cid: Cid) -> Buffer:
        return self.copy_within(cid, self.timeout)

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        seconds = min(seconds, self.timeout)
        with self._lock:
            self._cut_off = False
            fresh = self._connection.sock is None
            try:
                return self._ask(cid, seconds)
            except _LOST as error:
                self._connection.close()
                if fresh or self._cut_off or isinstance(error, TimeoutError):
                    raise self._lost(cid, error, seconds) from error
            try:
                return self._ask(cid, seconds)
            except _LOST as error:
                self._connection.close()
                raise self._lost(cid, error, seconds) from error

    def close(self) -> None:
        """Close the connection, in the middle of an answer too; the next `copy` opens another."""
        self._cut_off = True
        self._shut_down()
        with self._lock:
            self._connection.close()

    def _ask(self, cid: Cid, seconds: float) -> Buffer:
        with self._deadline(seconds):
            if self._connection.sock is None:
                self._connect(seconds)
            self._connection.sock.settimeout(seconds)
            self._connection.request("GET", f"{self._prefix}/ipfs/{cid}?format=raw", headers=_HEADERS)
            with closing(self._connection.getresponse()) as answer:
                good = answer.status == 200
                body = self._body(answer, unixfs.largest(cid) + 1 if good else 1000)
        if good:
            return body
        if answer.headers.get(CORRUPT_HEADER):
            raise Corrupt(f"{self.name} says that its copy of block {cid} is damaged", holder=self.name, block=cid)
        raise self._refusal(cid, answer.status, len(body))

    def _refusal(self, cid: Cid, status: int, length: int) -> Unavailable:
        """Of what the holder answered only status and length are repeated: its words go to screens and pages."""
        kind = Unavailable if status in {404, 410, 412} else Unreachable
        moved = 300 <= status < 400
        return kind(
            f"{self.name} returned no block {cid}: status {status}, with {plural(length, 'byte')}",
            advice="it redirects, and no redirect is followed: use the address that serves blocks" if moved else "",
            holder=self.name,
            block=cid,
            url=self.url,
        )

    def _connect(self, seconds: float) -> None:
        """Connect to an address that may be dialled: a name may lead anywhere, so what it resolves to is looked at."""
        connection = self._connection
        plain = dial(connection.host, connection.port, seconds, self._reach)
        connection.sock = plain
        if self._secure:
            connection.sock = _trust().wrap_socket(plain, server_hostname=connection.host)

    def _body(self, answer: http.client.HTTPResponse, ceiling: int) -> bytes:
        """At most `ceiling` bytes; where there is more, the connection is given up, and the excess never read.

        An answer that was cut must not look like a damaged copy, so a block whose end is not announced is refused.
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
        except _LOST:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise TimeoutError("no whole answer in time")

    def _lost(self, cid: Cid, error: BaseException, seconds: float) -> Unreachable:
        known = getattr(error, "advice", "") if isinstance(error, Forbidden) else ""
        return Unreachable(
            f"{self.name} does not answer: {_in_words(error)}",
            advice=known or "see that the holder runs and that its address is right",
            holder=self.name,
            url=self.url,
            block=cid,
            timeout_seconds=seconds,
        )


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, read once for all holders."""
    return ssl.create_default_context()


def _in_words(error: BaseException) -> str:
    """What went wrong, without any text of the holder's: HTTP's exceptions carry the very line that they refuse."""
    if isinstance(error, http.client.IncompleteRead):
        return f"its answer ends after {plural(len(error.partial), 'byte')}"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
        return f"its answer breaks HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def checked(url: str) -> SplitResult:
    """A holder's address, taken apart. A member may announce anything, so every fault of it makes one error, here.

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
