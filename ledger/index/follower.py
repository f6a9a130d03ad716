"""Following a ledger: its history, kept up to date."""

import math
import os
import time
from collections.abc import Collection, Mapping
from threading import Event, Lock
from typing import NamedTuple

from ledger.events.records import AnyEvent
from ledger.history.fold import History, HistoryError
from ledger.history.foundation import foundation_of
from ledger.index.file import BlockTime, Tip
from ledger.index.pauses import Pauses, pauses_on
from ledger.index.sync import Changes, EventSource, Header, Index, Progress

MOST_TIMES = 640
"""Blocks whose times are asked for at a time."""
CROWD = 4.0
"""Threads for each core, at whose number looks at the chain are as frequent as on a machine of one's own."""
FRESH = 0.1
"""Seconds for which the head that was seen last is taken for the present one, among few members."""


class _Seen(NamedTuple):
    """The chain's head, and when it was asked for, in seconds of time.monotonic."""

    head: Header
    at: float


class Follower:
    """Folds a ledger's events into its history as they come. `pauses` are those between two questions of `wait`."""

    def __init__(self, source: EventSource, index: Index, pauses: Pauses | None = None) -> None:
        self._source = source
        self._index = index
        self._pauses = pauses or pauses_on(source.network.chain.id)
        self._active = time.monotonic()
        self._seen: _Seen | None = None
        self._waited: _Seen | None = None
        self._head: Header | None = None
        self._lock = Lock()
        self._nudged = Event()
        self._left: float | None = None
        self._back = -math.inf
        self._foundation = foundation_of(source.network)
        self._history = History(self._foundation)
        self._tip = Tip(-1, b"")
        self._times: tuple[History, dict[int, BlockTime]] | None = None
        self._unshown: set[int] = set()

    @property
    def tip(self) -> Tip:
        """The block up to which the history reaches."""
        return self._tip

    @property
    def history(self) -> History:
        """The history as the last `refresh` found it."""
        return self._history

    @property
    def head(self) -> Header | None:
        """The tip's block, where the last `refresh` saw it as the chain's head."""
        head = self._head
        return head if head is not None and (head.number, head.hash) == self._tip else None

    @property
    def crowded(self) -> float:
        """Seconds that news of many members may be gathered, so that one look does for all of it; 0 among few."""
        return self._pauses.crowded(len(self._history.members))

    def _is_fresh(self, seen: _Seen) -> bool:
        return time.monotonic() - seen.at <= max(FRESH, self.crowded)

    @property
    def is_behind(self) -> bool:
        """Whether the last `wait` saw another head than the last `refresh`, which nobody has read yet."""
        seen = self._waited
        return seen is not None and (seen.head.number, seen.head.hash) != self._tip

    def latest(self) -> Header:
        """The chain's head: the one seen last, where that is not long ago. Raises Unavailable where it must be asked
        for and the node cannot be reached.
        """
        seen = self._seen
        return seen.head if seen is not None and self._is_fresh(seen) else self._look().head

    def refresh(self, progress: Progress | None = None) -> History:
        """The history up to the chain's head; it may be called by several threads, which get the same object. The head
        that a `wait` has just seen is not asked for again, once.

        After a reorganisation it is another object.

        Raises Unavailable where the chain cannot be read, HistoryError where even a fresh reading contradicts itself.
        """
        with self._lock:
            waited, self._waited = self._waited, None
            at, given = time.monotonic(), waited.head if waited is not None and self._is_fresh(waited) else None
            changes = self._index.sync(self._source, progress, given)
            self._head = changes.head
            if changes.head is not None and changes.head is not given:
                self._saw(_Seen(changes.head, at))
            try:
                self._fold(changes)
            except HistoryError:
                self._index.rebuild(self._source)
                self._refold()
            return self._history

    def _look(self) -> _Seen:
        """Ask for the head."""
        at = time.monotonic()
        return self._saw(_Seen(self._source.latest(), at))

    def _saw(self, seen: _Seen) -> _Seen:
        """Keep the head; one that was not seen before is something that happened."""
        before, self._seen = self._seen, seen
        if before is None or before.head.hash != seen.head.hash:
            self._active = seen.at
        return seen

    def read_again(self, after: Tip | None) -> None:
        """Have the blocks after one, or all, read again by the next `refresh`, and a `wait` end: what the index has of
        them is not what they hold.
        """
        with self._lock:
            self._index.forget(after)
            self._head = self._waited = None
        self.nudge()

    def events_after(self, block: int) -> list[AnyEvent]:
        """The events of the history's blocks after that one, in order."""
        with self._lock:
            return [event for event in self._index.after(block) if event.block <= self._tip.number]

    def times(self, of: Collection[int] | None = None) -> Mapping[int, BlockTime]:
        """When the blocks were made that hold the history's events, by number, as far as that is known.

        Those that are not known are asked for: `of` these, or the latest. One that the node does not show is not asked
        for again. What is handed out grows with later calls; after a reorganisation it is another object.

        Raises Unavailable where the chain cannot be read.
        """
        with self._lock:
            if self._times is None or self._times[0] is not self._history:
                self._times, self._unshown = (self._history, self._index.times()), set()
            known = self._times[1]
            if len(known) + len(self._unshown) < self._history.dated:
                untimed = self._index.untimed()
                if len(known) + len(untimed) < self._history.dated:
                    known.update(self._index.times())  # another process learned them
                wanted = [block for block in untimed if of is None or block.number in of]
                self._learn(known, [block for block in wanted if block.number not in self._unshown][:MOST_TIMES])
            return known

    def _learn(self, known: dict[int, BlockTime], wanted: list[Tip]) -> None:
        found = self._index.learn_times(self._source, wanted) if wanted else {}
        known.update(found)
        self._unshown.update(block.number for block in wanted if block.number not in found)

    def _fold(self, changes: Changes) -> None:
        if changes.rewound_to is not None:
            self._refold()
            return
        for event in changes.added:
            self._history.apply(event)
        self._tip = changes.tip

    def _refold(self) -> None:
        changes = self._index.replay()
        self._history = History(self._foundation, changes.added)
        self._tip = changes.tip

    def only_watch(self) -> None:
        """Look less often from now on: nobody waits for what is done about the news here."""
        self._pauses = self._pauses.unhurried()

    def nudge(self) -> None:
        """End the present `wait`, or the next one: something came in by another way. Any thread may call it."""
        self._nudged.set()

    def wait(self, timeout: float, rest: float = 0.0) -> bool:
        """Wait until the chain's head is another than the last `refresh` saw, or for a nudge; False after `timeout`
        seconds. Among many members nudges are gathered for as long as `crowded` says, from the last wait's end on.

        One small request after each pause, of `rest` seconds at least. Raises Unavailable where the node cannot be
        reached.
        """
        end, cost = time.monotonic() + timeout, self._cost()
        try:
            return self._wait(end, cost, rest)
        finally:
            self._left, self._back = time.thread_time(), time.monotonic()

    def _cost(self) -> float:
        """What this thread has used of a core since it waited last, in seconds, times those too many who want one."""
        used = time.thread_time() - self._left if self._left is not None else 0.0
        return max(used, 0.0) * max(crowd() - CROWD, 0.0)

    def _wait(self, end: float, cost: float, rest: float) -> bool:
        while True:
            now, asked = time.monotonic(), self._seen.at if self._seen is not None else -math.inf
            due = asked + max(self._pauses.after(now - self._active, cost, len(self._history.members)), rest)
            if self._nudged.wait(max(min(due, end) - now, 0.0)):
                time.sleep(max(self._back + self.crowded - time.monotonic(), 0.0))
                self._nudged.clear()
                self._active = time.monotonic()
                return True
            self._waited = seen = self._look()
            if (seen.head.number, seen.head.hash) != self._tip:
                return True
            if time.monotonic() >= end:
                return False


def crowd() -> float:
    """How many threads want each core of this machine, on the average of the last minute; 0 where nobody says it."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (OSError, AttributeError):
        return 0.0
