"""Another party's holder, over HTTP: a client of trustless gateways, ours or any other.

Nothing that comes back is believed: a block is checked like every other, an answer has a ceiling and a deadline.
"""

import http.client
import ipaddress
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import SplitResult, urlsplit

from ledger.errors import Corrupt, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.store import Blocks, Buffer, Unreachable
from ledger.store.gateway import CORRUPT_HEADER, RAW_TYPE

_HEADERS = {"Accept": RAW_TYPE, "Cache-Control": "only-if-cached"}
"""A holder is asked for its own copy: a gateway that could look elsewhere answers 412 instead."""
_LOST = (http.client.HTTPException, OSError)


class Remote(Blocks):
    """The holder `name` at `url`. `timeout` is the seconds that a whole block may take.

    Keeps one connection open; threads that share a Remote wait for each other. Raises UsageError for what is not
    an address.
    """

    def __init__(self, name: str, url: str, timeout: float = 20.0) -> None:
        parts = checked(url)
        self.name = name
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._prefix = parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(str(parts.hostname), parts.port, timeout=timeout)
        self._lock = threading.Lock()

    def copy(self, cid: Cid) -> Buffer:
        with self._lock:
            fresh = self._connection.sock is None
            try:
                return self._ask(cid)
            except _LOST as error:
                self._connection.close()
                if fresh or isinstance(error, TimeoutError):
                    raise self._lost(cid, error) from error
            try:
                return self._ask(cid)
            except _LOST as error:
                self._connection.close()
                raise self._lost(cid, error) from error

    def close(self) -> None:
        """Close the connection; the next `copy` opens another."""
        with self._lock:
            self._connection.close()

    def _ask(self, cid: Cid) -> Buffer:
        with self._deadline():
            if self._connection.sock is None:
                self._connect()
            self._connection.request("GET", f"{self._prefix}/ipfs/{cid}?format=raw", headers=_HEADERS)
            with closing(self._connection.getresponse()) as answer:
                good = answer.status == 200
                body = self._body(answer, unixfs.largest(cid) + 1 if good else 1000)
        if good:
            return body
        if answer.headers.get(CORRUPT_HEADER):
            raise Corrupt(f"{self.name} says that its copy of block {cid} is damaged", holder=self.name, block=cid)
        kind = Unavailable if answer.status in {404, 410, 412} else Unreachable
        text = body.decode(errors="replace").strip()[:200]
        raise kind(
            f"{self.name} returned no block {cid}: {answer.status} {text}", holder=self.name, block=cid, url=self.url
        )

    def _connect(self) -> None:
        """Connect, but say nothing to a link-local address: there clouds serve a machine its own secrets.

        A name may lead anywhere, so the peer is looked at, not the URL.
        """
        self._connection.connect()
        peer = self._connection.sock.getpeername()[0]
        if _is_link_local(peer):
            raise ConnectionRefusedError(f"{peer} is a link-local address, which no holder has")

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

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Cut the connection when the time is up, however slowly bytes still drip in."""
        late = threading.Event()

        def cut() -> None:
            late.set()
            if (sock := self._connection.sock) is not None:
                try:
                    sock.shutdown(2)
                except OSError:
                    return

        timer = threading.Timer(self.timeout, cut)
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

    def _lost(self, cid: Cid, error: BaseException) -> Unreachable:
        return Unreachable(
            f"{self.name} does not answer: {getattr(error, 'strerror', None) or error or type(error).__name__}",
            advice="see that the holder runs and that its address is right",
            holder=self.name,
            url=self.url,
            block=cid,
            timeout_seconds=self.timeout,
        )


def checked(url: str) -> SplitResult:
    """A holder's address, taken apart. A member may announce anything, so every fault of it makes one error, here.

    Raises UsageError where it is not an http or https URL in printable ASCII, with a possible host and port.
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
    return parts


def _is_link_local(peer: str) -> bool:
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_link_local
