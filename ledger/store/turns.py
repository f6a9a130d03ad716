"""Whose request a gateway works at next: at so many of one address at a time, and at so many in all.

A connection that rests costs little, and members that share an address may keep many. A request costs a thread, and its
response lies in memory until it was taken: who sends hundreds at a time waits for itself, and others do not.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ledger.http.clients import owner_of


class Working(Protocol):
    """What is to be known of a connection: its `address`, and whether it is `at_work`, with a request that came or a
    response that was not taken yet.
    """

    @property
    def address(self) -> str: ...
    @property
    def at_work(self) -> bool: ...


C = TypeVar("C", bound=Working)


class Turns(Generic[C]):
    """Lets `start` begin with connections' requests, of one address with `share` at a time and in all with `places`.

    What waits comes in order, first of the address that is least at work. Several threads may call it.
    """

    def __init__(self, start: Callable[[C], None], share: int, places: int) -> None:
        self._start, self._share, self._places = start, share, places
        self._lock = threading.Lock()
        self._working: dict[str, list[C]] = {}
        self._waiting: dict[str, deque[C]] = {}

    @property
    def awaited(self) -> bool:
        """Whether any request waits for its turn."""
        return bool(self._waiting)

    def take(self, one: C) -> None:
        """Begin with a connection's request, now or at its turn: behind those of its address that came before."""
        owner = owner_of(one.address)
        with self._lock:
            self._working[owner] = [other for other in self._working.get(owner, []) if other is not one]
            self._waiting.setdefault(owner, deque()).append(one)
            self._give()

    def look(self) -> None:
        """Begin with those whose turn it is; to be called when a response was taken."""
        with self._lock:
            self._give()

    def _give(self) -> None:
        left = {owner: [one for one in some if one.at_work] for owner, some in self._working.items()}
        self._working = {owner: some for owner, some in left.items() if some}
        free = self._places - sum(map(len, self._working.values()))
        while free > 0 and (owner := self._next()) is not None:
            one = self._waiting[owner].popleft()
            if not self._waiting[owner]:
                del self._waiting[owner]
            self._working.setdefault(owner, []).append(one)
            self._start(one)
            free -= 1

    def _next(self) -> str | None:
        """The address that is least at work, of those that wait and may."""
        at_work = {owner: len(self._working.get(owner, ())) for owner in self._waiting}
        return min(
            (owner for owner, some in at_work.items() if some < self._share), key=at_work.__getitem__, default=None
        )
