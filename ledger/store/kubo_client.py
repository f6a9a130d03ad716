"""Requests to a Kubo daemon's RPC: ipfshttpclient makes them, and they go out as all others do.

Its session, of `requests`, has one transport, and that is our road: proxies, authorities, credentials, deadlines and
ceilings are those of ledger/http, and so are the words for what stands in the way. Whole blocks alone are asked for on
the road itself, for speed (docs/adr/0028-one-road-out.md).
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter

from ledger.errors import Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import Cid
from ledger.http import multiaddrs
from ledger.http.answers import Answer, Json
from ledger.http.outgoing import Outgoing
from ledger.http.road import Road
from ledger.http.trouble import Cause, Trouble, between, refused
from ledger.http.wire import Body
from ledger.store import Buffer
from ledger.store.remote import unreachable

# its own patch of requests, of use for Unix sockets alone, passes an argument that urllib3 is about to refuse
os.environ["PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS"] = "no"

from ipfshttpclient import exceptions, multipart
from ipfshttpclient.http_requests import ClientSync

DEFAULT_ADDRESS = "/ip4/127.0.0.1/tcp/5001"
PIECE = 1 << 20
"""Bytes of a file that are uploaded at once."""
_BASE = "api/v0"
_LARGEST_ANSWER = 64 << 20
"""Bytes of the daemon's documents, at most: the list of all pins is the longest."""
_WHOLE = 6
"""A whole answer may take so many times as long as the daemon may stay silent."""
_DOCUMENT = msgspec.json.Decoder(dict[str, Json])
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError)


class KuboClient:
    """The RPC at `address` of the daemon called `name`, or by its address where that is empty. It may stay silent for
    `timeout` seconds; every request is made offline. Raises UsageError for what is not an address.
    """

    def __init__(self, name: str, address: str, timeout: float, outgoing: Outgoing) -> None:
        server = multiaddrs.server(address, "a Kubo address", DEFAULT_ADDRESS)
        shown = server.shown if "://" in address else address
        self.name = name or f"Kubo at {shown}"
        self._road = Road(self.name, server, outgoing)
        self._transport = _Transport(self._road, shown, timeout)
        try:
            self._client = _Client(multiaddrs.written(server), self._transport)
        except exceptions.AddressError as error:
            raise UsageError(
                "a Kubo address has a host that no multiaddr names",
                advice="write the host with letters, digits and hyphens, or as an IP address",
                address=shown,
            ) from error
        self._client.open_session()

    def documents(
        self,
        command: str,
        cid: Cid | None = None,
        options: Mapping[str, str] | None = None,
        file: Iterable[Buffer] | None = None,
    ) -> list[dict[str, Any]]:
        """Every document of the daemon's response to a command, such as pin/ls; `file` is uploaded, as a stream.

        Raises Unavailable in the daemon's words, and Unreachable where it is not the daemon that answers.
        """
        body, headers = (None, None) if file is None else multipart.stream_bytes(file, chunk_size=PIECE)
        with self._in_our_words(cid):
            said: bytes = self._client.request(
                command, [str(cid)] if cid else [], opts=options or {}, data=body, headers=headers
            )
        try:
            return [_DOCUMENT.decode(line) for line in said.splitlines() if line.strip()]
        except _BROKEN as error:
            strange = between(self.name, Answer(200, {}, b""), "Kubo's RPC")
            raise unreachable(strange, **self._facts(cid)) from error

    def block(self, cid: Cid) -> Buffer:
        """A block's bytes, unchecked, and at most one more than it may have. Raises as `documents`."""
        target = f"/{_BASE}/block/get?{urlencode({'arg': str(cid), 'offline': 'true'})}"
        with self._in_our_words(cid):
            answer = self._transport.ask(target, unixfs.largest(cid) + 1)
        if not answer.good:
            raise self._refusal(_said(answer), cid)
        return answer.body

    def close(self) -> None:
        """Close the connections, in the middle of an answer too; the next request opens another."""
        self._client.close_session()
        self._road.close()

    @contextmanager
    def _in_our_words(self, cid: Cid | None) -> Iterator[None]:
        try:
            yield
        except Trouble as error:
            raise unreachable(error, **self._facts(cid)) from error
        except exceptions.ErrorResponse as error:
            raise self._refusal(str(error), cid) from error

    def _refusal(self, words: str | None, cid: Cid | None) -> Unavailable:
        return Unavailable(f"{self.name}: {words}", **self._facts(cid))

    def _facts(self, cid: Cid | None) -> dict[str, Any]:
        return {"holder": self.name} if cid is None else {"holder": self.name, "block": cid}


class _Client(ClientSync):  # type: ignore[misc]
    """ipfshttpclient with one way out, whatever the environment says."""

    def __init__(self, address: str, transport: "_Transport") -> None:
        super().__init__(address, _BASE, offline=True)
        self._transport = transport

    def _make_session(self) -> Session:
        session: Session = super()._make_session()
        session.trust_env = False  # its proxies, its authorities, and the passwords in .netrc
        session.adapters.clear()
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._transport)
        return session


class _Transport(BaseAdapter):
    """The way of requests' sessions to the server at a road's end, whose address is shown as `address`."""

    def __init__(self, road: Road, address: str, timeout: float) -> None:
        super().__init__()
        self._road, self._address, self._timeout = road, address, timeout

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        """As requests asks of it. Nothing of the answer's head is passed on, for sessions act on it. Raises Trouble."""
        kind: Any = request.headers.get("Content-Type")
        body: Any = request.body
        answer = self.ask(request.path_url, _LARGEST_ANSWER, {"Content-Type": kind} if kind else {}, body)
        response = Response()
        response.request, response.url, response.status_code = request, str(request.url), answer.status
        response.raw = io.BytesIO(answer.body if answer.good else msgspec.json.encode({"Message": _said(answer)}))
        return response

    def ask(self, target: str, ceiling: int, headers: Mapping[str, str] | None = None, body: Body = None) -> Answer:
        """The daemon's answer, which is a success or a refusal in its own words. Raises Trouble for any other."""
        name = self._road.name
        answer = self._asked(target, ceiling, headers or {}, body or b"")
        if answer.headers.get("x-stream-error"):
            raise Trouble(Cause.BROKEN, f"{name} broke off in the middle of its answer")
        if answer.good and answer.is_page:
            raise between(name, answer, "Kubo's RPC")
        if not answer.good and _said(answer) is None:
            raise refused(name, answer, self._road.address.shown)
        return answer

    def _asked(self, target: str, ceiling: int, headers: Mapping[str, str], body: Body) -> Answer:
        silence, whole = self._timeout, _WHOLE * self._timeout
        try:
            return self._road.ask(
                "POST", target, silence=silence, whole=whole, ceiling=ceiling, headers=headers, body=body
            )
        except Trouble as error:
            if error.cause is not Cause.LOST:
                raise
            raise Trouble(
                error.cause,
                f"no Kubo daemon answers at {self._address}",
                advice="start it with `ipfs daemon`, or name its RPC address",
                address=self._address,
                reason=error.message,
            ) from error

    def close(self) -> None:
        """Sessions come and go; the road stays."""


def _said(answer: Answer) -> str | None:
    """The daemon's words in a refusal; None where it is not the daemon's."""
    if answer.status < 400 or answer.type != "application/json":
        return None
    try:
        said = _DOCUMENT.decode(answer.body).get("Message")
    except _BROKEN:
        return None
    return said if isinstance(said, str) else None
