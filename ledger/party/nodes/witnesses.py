"""What chain nodes show of the history, looked at before a member signs for it: a node that lies to its own member
alone makes it sign nothing.

The own node's log is held against its blocks (`ledger.party.nodes.own_log`). Each other one is read as the own is, into
an index of its own, so only what is new is asked for. Each is asked in a thread of its own, one question at a time, and
has a deadline for each: one that hangs or drips says nothing, and holds up no other.

    witnesses = Witnesses(network, urls, folder, own, nudge=...)    `nudge` is called once a late one has answered
    findings = witnesses.ask(point)        to be called again until it has an answer; begins what is due
    findings.refusal                       why nothing may be signed at that point; empty where it may
"""

import math
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ledger.audit.report import Endpoint
from ledger.config import Network, at_node
from ledger.errors import FedledgerError, Unavailable, plain
from ledger.formats.digest import sha256
from ledger.party.background import Background

if TYPE_CHECKING:
    from ledger.chain.client import Client
    from ledger.chain.node import ChainNode
    from ledger.index import Follower

PROMPT = 0.5
"""Seconds that a step waits for those it asked: a node that is well answers in the same look."""
TIMEOUT = 5.0
"""Seconds for each of a node's answers."""
DEADLINE = 10.0
"""Seconds for all answers to one question; after them another node says nothing yet, and may still answer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds after which a node that did not agree is asked again: doubled up to the last."""
_LATE = f"it has not answered within {DEADLINE:g} s"
REMEMBERED = 16
"""Points of which the answers are kept."""


class HistoryPoint(NamedTuple):
    """Where the own history stands: a block's number and hash, and the head over all events up to it.

    `time` is the block's, in seconds since 1970, where a step rests on it.
    """

    number: int
    hash: bytes
    head: bytes
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What the nodes said of a point; `pending` are those that have not answered yet.

    `own` is whether the own node's log is that of its blocks, and these are sealed: see `ledger.party.nodes.own_log`.
    """

    point: HistoryPoint
    answers: tuple[Endpoint, ...] = ()
    pending: tuple[str, ...] = ()
    own: Endpoint | None = None

    @property
    def refusal(self) -> str:
        """Why nothing may be signed as of that point: the own node's log is false, another shows another history, one
        has not answered yet, or none says that it shows the same. Empty where it may be signed.
        """
        if self.own is not None and self.own.same is False:
            return f"the own node is not believed: {self.own.trouble}"
        for one in self.answers:
            if one.same is False:
                return f"{one.url} differs: {one.trouble}"
        if self.pending:
            return f"asks {', '.join(self.pending)} for block {self.point.number}"
        if any(one.same for one in self.answers) or not self.answers:
            return ""
        return f"no other node confirms block {self.point.number}: {self.answers[0].url}: {self.answers[0].trouble}"


class Witnesses:
    """The other chain nodes of a home. The thread that decides asks; what it remembers only spares work."""

    def __init__(
        self,
        network: Network,
        urls: Collection[str],
        folder: Path,
        own: "Says | None" = None,
        clock: Callable[[], float] = time.monotonic,
        nudge: Callable[[], None] = lambda: None,
    ) -> None:
        self._witnesses = [_Witness(network, url, folder / f"{sha256(url.encode()).hex()[:16]}.sqlite") for url in urls]
        self._lines = [_Line(node, DEADLINE) for node in self._witnesses]
        self._lines += [_Line(node, math.inf) for node in (own,) if node is not None]
        self._own, self._clock, self._nudge = own, clock, nudge
        self._asked: dict[HistoryPoint, list[_Question]] = {}

    @property
    def busy(self) -> bool:
        """Whether one is being asked."""
        return any(not future.done() for future in self._under_way())

    def settle(self, seconds: float) -> bool:
        """Wait for those that are being asked, no longer than `seconds`; whether there were any."""
        futures = self._under_way()
        wait(futures, seconds)
        for asked in self._asked.values():
            for one in asked:
                one.look(self._clock())
        return bool(futures)

    def _under_way(self) -> "list[Future[None]]":
        """Those that were asked and not looked at since."""
        questions = (one for asked in self._asked.values() for one in asked)
        return [one.future for one in questions if one.future is not None]

    def ask(self, point: HistoryPoint, seconds: float = PROMPT) -> Findings:
        """What they say of a point; those just asked are waited for, no longer than `seconds`."""
        asked = self._asked.setdefault(point, [_Question(line, self._clock()) for line in self._lines])
        while len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        begun = [future for one in asked if (future := one.begin(point, self._clock())) is not None]
        for late in {*wait(begun, seconds).not_done, *(line.future for line in self._lines if not line.is_free)}:
            if late is not None:
                late.add_done_callback(lambda _: self._nudge())
        for one in asked:
            one.look(self._clock())
        answers = tuple(one.answer for one in asked if one.answer is not None and one.line.node is not self._own)
        pending = tuple(one.line.node.url for one in asked if one.answer is None)
        own = next((one.answer for one in asked if one.line.node is self._own), None)
        return Findings(point, answers, pending, own)

    def close(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way no longer than `seconds`."""
        end = time.monotonic() + seconds
        for line in self._lines:
            line.background.cancel()
        for line in self._lines:
            line.background.join(max(0.0, end - time.monotonic()))
        for one in self._witnesses:
            one.close()


class Says(Protocol):
    """A chain node that is asked in threads."""

    url: str

    def says(self, point: HistoryPoint) -> Endpoint:
        """What it shows at a point."""
        ...


class _Witness:
    """Another node, read as the own one is. It is asked in threads, and one after another."""

    def __init__(self, network: Network, url: str, index: Path) -> None:
        from ledger.chain.rpc import Rpc

        self.url = Rpc(url).url
        self._network, self._index = at_node(network, url), index
        self._client: Client | None = None
        self._follower: Follower | None = None

    def says(self, point: HistoryPoint) -> Endpoint:
        """Whether it shows the same block and the same log up to it. Raises as `Follower.refresh`."""
        client, follower = self._connected()
        shown = compared(client, point.number, point.hash, point.time)
        if not shown.same:
            return shown
        history = follower.refresh()
        if history.head_at(point.number) != point.head:
            why = f"its log up to block {point.number} is another than the own node shows"
            return Endpoint(url=self.url, same=False, block=shown.block, trouble=why)
        return shown

    def _connected(self) -> "tuple[Client, Follower]":
        from ledger.chain.client import Client
        from ledger.index import Follower, Index

        if self._client is None or self._follower is None:
            self._client = Client.connect(self._network, TIMEOUT)
            self._follower = Follower(self._client, Index(self._index))
        return self._client, self._follower

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


@dataclass(slots=True)
class _Line:
    """The way to one node, for one question at a time; each has `deadline` seconds."""

    node: Says
    deadline: float
    background: Background = field(default_factory=lambda: Background(1))
    future: "Future[None] | None" = None
    since: float = 0.0

    @property
    def is_free(self) -> bool:
        return self.future is None or self.future.done()

    def is_late(self, now: float) -> bool:
        """Whether the node has been at a question for longer than its deadline."""
        return not self.is_free and now - self.since >= self.deadline


@dataclass(slots=True)
class _Question:
    """What one node is asked of one point from a time on, again after a pause until it agrees."""

    line: _Line
    since: float
    answer: Endpoint | None = None
    future: "Future[None] | None" = None
    again: float = 0.0
    pause: float = FIRST_PAUSE
    heard: list[Endpoint] = field(default_factory=list)

    def begin(self, point: HistoryPoint, now: float) -> "Future[None] | None":
        if self.future is not None or now < self.again or (self.answer is not None and self.answer.same):
            return None
        line = self.line
        if not line.is_free:
            return None
        self.future = line.background.start(lambda: self.heard.append(_said(line.node, point)))
        line.future, line.since = self.future, now
        return self.future

    def look(self, now: float) -> None:
        if self.future is None or not self.future.done():
            if self.answer is None and (self.line.is_late(now) or now - self.since >= self.line.deadline):
                self.answer = Endpoint(url=self.line.node.url, same=None, trouble=_LATE)
            return
        future, self.future = self.future, None
        future.result()
        self.answer = self.heard.pop()
        self.again, self.pause = now + self.pause, min(2 * self.pause, LONGEST_PAUSE)


def _said(node: Says, point: HistoryPoint) -> Endpoint:
    """A node that answers nonsense says something else than the own one; one that does not answer says nothing."""
    try:
        return node.says(point)
    except Unavailable as error:
        return Endpoint(url=node.url, same=None, trouble=error.message)
    except FedledgerError as error:
        return Endpoint(url=node.url, same=False, trouble=error.message)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        return Endpoint(url=node.url, same=False, trouble=f"what it answers cannot be read: {plain(str(error))[:200]}")


def compared(node: "ChainNode", number: int, hash_: bytes, time: int | None = None) -> Endpoint:
    """What a node shows in the place of a block, of that time where one is given. Raises as the node's methods."""
    latest, found = node.latest(), node.block(number)
    same = None if found is None else found.hash == hash_ and time in (None, found.time)
    trouble = {None: "it has not come so far", False: f"its block {number} is another", True: None}[same]
    if found is not None and not same and found.hash == hash_:
        trouble = f"its block {number} has another time"
    return Endpoint(url=node.rpc.url, same=same, block=latest.number, trouble=trouble)
