"""JSON-RPC over HTTP: the one road to a chain's node, for our own reads and for web3.py alike.

A poll costs less here than through any client that we measured (docs/adr/0028-one-road-out.md), and every answer has a
time limit and a ceiling in bytes.
"""

import itertools
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urljoin

import msgspec

from ledger.errors import Unavailable, UsageError
from ledger.http import addresses
from ledger.http.addresses import Address
from ledger.http.answers import Answer, Json, is_bulky
from ledger.http.outgoing import OPEN, Outgoing
from ledger.http.road import Road
from ledger.http.trouble import FOLLOWED, KNOWN, Cause, Trouble, between, refused

T = TypeVar("T")
Call = tuple[Any, ...]
"""A call's method, and its parameters."""
MAXIMUM_ANSWER = 64 << 20
WHOLE = 6
"""A whole answer may take so many times as long as the node may be silent."""
PATIENCE = 15.0
"""Seconds that one call waits, all in all, for a node that was asked too often."""
FIRST_PAUSE = 0.25
ALL = 1 << 16
"""Calls that go together in one request, until the node says that it was asked too often."""
LONGEST_REST = 60.0
"""Seconds for which a node is not asked at all where it says so, at most."""
_NAME = "the chain's node"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_SIZE = re.compile(r"\b(range|blocks?|logs?|results?|response|size|timeout)\b|too (large|wide|big)|more than \d", re.I)
_RATE = re.compile(
    r"\brate\b|too many requests|request count|quota|throttl|per (second|minute|day)|capacity|credits?\b|compute units"
    r"|\bbusy\b|overload|try again|retry|limit exceeded",
    re.I,
)
LIMITED = -32005
"""EIP-1474: a request exceeds a limit."""
_CHAIN_ID = re.compile("0x(?=.{1,16}$)[1-9a-fA-F][0-9a-fA-F]*", re.ASCII)


class RpcError(Unavailable):
    """The node answered, with an error: its `code`, its text, and `data` (a revert's bytes in hexadecimal, or None)."""

    def __init__(self, method: str, code: int, text: str, data: object = None) -> None:
        super().__init__(f"the chain's node refused {method}: {text}", code=code)
        self.code = code
        self.text = text
        self.data = data

    @property
    def is_of_rate(self) -> bool:
        """Whether the node was asked too often, by its code or in the words of some provider; else the request itself
        is refused, by its size, say.
        """
        if self.code == 429:
            return True
        if self.data is not None or "revert" in self.text:
            return False
        return not _SIZE.search(self.text) and (bool(_RATE.search(self.text)) or self.code == LIMITED)


class AnswerTooLarge(Unavailable):
    """A response passed the ceiling, or would take many times its size in memory; the caller may request less."""


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Json = None


class _Answer(msgspec.Struct):
    id: int | str | None = None
    result: Json = None
    error: _Error | None = None


class Rpc:
    """Calls to one node, with kept-alive connections; may be used by several threads.

    `timeout` in seconds bounds each wait for the node, six times that each answer; `ceiling` in bytes, too. A node
    that says it was asked too often is asked again, after the pause that it names or a growing one, `patience` seconds
    long.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 10.0,
        ceiling: int = MAXIMUM_ANSWER,
        outgoing: Outgoing = OPEN,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._timeout, self._ceiling, self._outgoing, self._patience = timeout, ceiling, outgoing, patience
        self._moved, self._most = False, ALL
        self._resting: tuple[float, Trouble] | None = None
        self._point_at(addresses.parse(url, "the chain's address"))
        self._ids = itertools.count(1)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(_Answer).decode
        self._decode_many = msgspec.json.Decoder(list[_Answer]).decode

    def chain_id(self) -> int:
        """The id of the chain that the node serves."""
        answer = self.call("eth_chainId")
        if not isinstance(answer, str) or not _CHAIN_ID.fullmatch(answer):
            raise Unavailable("the node does not say which chain it serves", url=self.url, actual=str(answer)[:200])
        return int(answer, 16)

    def close(self) -> None:
        """Close the connections; a later call opens a new one."""
        self._road.close()

    def call(self, method: str, *params: Any) -> Any:
        """The node's result. Raises RpcError for its errors, Unavailable where it cannot be reached or understood."""
        return self._patiently(lambda: self._call(method, params))

    def batch(self, calls: Iterable[Call]) -> list[Any]:
        """The node's results of several calls in one request, in order; an RpcError in the place of one that it
        refused.

        Raises Unavailable as `call`, and where the node does not answer each of them: not every node takes batches.
        Where it was asked too often, half as many go together the next time: some nodes count each.
        """
        wanted, results = list(calls), list[Any]()
        while wanted[len(results) :]:
            results += self._together(wanted[len(results) :][: self._most])
        return results

    def batch_of(self, method: str, calls: Iterable[Iterable[Any]]) -> list[Any]:
        """The node's results of several calls of one method. Raises as `batch`, and the first RpcError among them.

        How many calls fit is the caller's to bound: nodes take a hundred, and answer within the ceiling.
        """
        results = self.batch([(method, *call) for call in calls])
        for result in results:
            if isinstance(result, RpcError):
                raise result
        return results

    def _together(self, calls: list[Call]) -> list[Any]:
        try:
            return self._patiently(lambda: self._batch(calls))
        except Unavailable as error:
            if is_too_often(error):
                self._most = max(len(calls) // 2, 1)
            raise

    def _patiently(self, ask: Callable[[], T]) -> T:
        """What is asked; again where the node was asked too often, as long as patience lasts."""
        until, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            try:
                self._let_rest()
                return ask()
            except (RpcError, Trouble) as error:
                rest = _rest(error)
                if rest is None or time.monotonic() + (wait := max(rest, pause)) > until:
                    raise
            time.sleep(wait)
            pause *= 2

    def _let_rest(self) -> None:
        """Do not ask a node that asked for a pause and has not had it."""
        resting = self._resting
        if resting is not None and (left := resting[0] - time.monotonic()) > 0:
            error = resting[1]
            raise Trouble(error.cause, error.message, advice=error.advice, rest=left, url=self.url)

    def _call(self, method: str, params: tuple[Any, ...]) -> Any:
        request = self._request(method, *params)
        shown, answer = self._told(request, self._decode)
        result = _result(method, answer)
        if isinstance(result, RpcError):
            raise result
        if not shown.good:
            raise self._refused(shown)
        if answer.id != request["id"]:
            number = request["id"]
            raise Unavailable("the response is to another request", url=self.url, expected=number, actual=answer.id)
        return result

    def _batch(self, calls: list[Call]) -> list[Any]:
        requests = [self._request(*call) for call in calls]
        shown, answers = self._told(requests, self._decode_many)
        if not shown.good:
            raise self._refused(shown)
        by_number = {answer.id: answer for answer in answers}
        if len(answers) != len(requests) or any(request["id"] not in by_number for request in requests):
            raise Unavailable(
                "the responses are not to these requests", url=self.url, expected=len(requests), actual=len(answers)
            )
        results = [_result(request["method"], by_number[request["id"]]) for request in requests]
        for result in results:
            if isinstance(result, RpcError) and result.is_of_rate:
                raise result
        return results

    def _request(self, method: str, *params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def _told(self, request: Any, decode: Callable[[bytes | bytearray], T]) -> tuple[Answer, T]:
        shown = self._exchange(self._encode(request))
        try:
            return shown, decode(shown.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if not shown.good:
                raise self._refused(shown) from error
            raise Unavailable(f"the chain's node did not answer in JSON-RPC: {error}", url=self.url) from error

    def _exchange(self, body: bytes) -> Answer:
        """One request, and what may be an answer of JSON-RPC: nodes send errors under other statuses, too.

        Where a connection went stale the node may see it twice, which changes nothing: a transaction has one hash.
        """
        answer = self._ask(body)
        for _ in range(2):  # a second redirect is refused by name
            if answer.status in FOLLOWED:
                self._follow(answer)
                answer = self._ask(body)
        if len(answer.body) > self._ceiling or is_bulky(answer.body):
            raise AnswerTooLarge("an answer of the chain's node is too large", url=self.url, maximum=self._ceiling)
        if answer.status in KNOWN:
            raise self._refused(answer)
        if answer.good and answer.is_page:
            raise between(_NAME, answer, "JSON-RPC", url=self.url)
        return answer

    def _refused(self, answer: Answer) -> Trouble:
        """What to say of a status that is not a success; a pause that it asks for is kept."""
        error = refused(_NAME, answer, url=self.url)
        if error.cause is Cause.BUSY and error.rest:
            self._resting = time.monotonic() + min(error.rest, LONGEST_REST), error
        return error

    def _ask(self, body: bytes) -> Answer:
        try:
            return self._road.ask(
                "POST",
                self._target,
                silence=self._timeout,
                whole=WHOLE * self._timeout,
                ceiling=self._ceiling + 1,
                headers=_HEADERS,
                body=body,
                open_end=True,
            )
        except Trouble as error:
            if error.cause is Cause.LOST and not error.advice:
                error.advice = "start the node (a local one: fedledger up), or correct chain.rpc in the network file"
            raise

    def _follow(self, answer: Answer) -> None:
        """Ask where the node's address redirects to from now on: once, on the same host, never from https to http.

        Raises Trouble, which names the place.
        """
        now = self._road.address
        try:
            there = addresses.parse(urljoin(f"{now.scheme}://{now.place}{now.path}/", answer.headers["location"]))
        except (KeyError, UsageError, ValueError) as error:
            raise refused(_NAME, answer, url=self.url) from error
        kept = there.host.lower() == now.host.lower() and (there.secure, there.port) == (now.secure, now.port)
        upgraded = there.host.lower() == now.host.lower() and there.secure and not now.secure
        if self._moved or not (kept or upgraded):
            raise Trouble(
                Cause.MOVED,
                f"the chain's node redirects to {there.shown}: status {answer.status}",
                advice="correct chain.rpc in the network file, or rpc in node.toml, if that is the right place",
                url=self.url,
            )
        self._moved = True
        self._road.close()
        self._point_at(there._replace(login=now.login))

    def _point_at(self, address: Address) -> None:
        self.url = address.shown
        self._target = ("/" if not address.path else "") + (f"?{address.query}" if address.query else "")
        self._road = Road(_NAME, address, self._outgoing)


def _result(method: str, answer: _Answer) -> Any:
    """What the node answered; its error as a value."""
    error = answer.error
    return answer.result if error is None else RpcError(method, error.code, error.message, error.data)


def is_too_often(error: Unavailable) -> bool:
    """Whether a node says that it was asked too often, by HTTP or in JSON-RPC, and `Rpc` has waited for it already: to
    ask in another way at once would wait as long again.
    """
    return isinstance(error, RpcError | Trouble) and _rest(error) is not None


def _rest(error: RpcError | Trouble) -> float | None:
    """Seconds to leave a node alone before it is asked the same again; None where that would not help."""
    if isinstance(error, RpcError):
        return 0.0 if error.is_of_rate else None
    return (error.rest or 0.0) if error.cause is Cause.BUSY else None
