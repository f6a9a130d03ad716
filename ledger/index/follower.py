"""Following a ledger: its history, kept up to date."""

import time
from collections.abc import Collection, Mapping
from threading import Event, Lock

from ledger.config import LOCAL_CHAIN
from ledger.events.records import AnyEvent
from ledger.history.fold import History, HistoryError
from ledger.history.foundation import foundation_of
from ledger.index.file import BlockTime, Tip
from ledger.index.sync import Changes, EventSource, Index, Progress

MOST_TIMES = 640
"""Blocks whose times are asked for at a time."""
LOCAL_POLL = 0.05
POLL = 1.0
FIRST_PART, GROWTH = 0.1, 1.5
"""A wait asks sooner at first: steps follow one another. The first pause as a part of the longest, and its growth."""


class Follower:
    """Folds a ledger's events into its history as they come. `poll` in seconds is how often `wait` asks the node in the
    long run.
    """

    def __init__(self, source: EventSource, index: Index, poll: float | None = None) -> None:
        self._source = source
        self._index = index
        self._poll = poll or (LOCAL_POLL if source.network.chain.id == LOCAL_CHAIN else POLL)
        self._lock = Lock()
        self._nudged = Event()
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

    def refresh(self, progress: Progress | None = None) -> History:
        """The history up to the chain's head; it may be called by several threads, which get the same object.

        After a reorganisation it is another object.

        Raises Unavailable where the chain cannot be read, HistoryError where even a fresh reading contradicts itself.
        """
        with self._lock:
            changes = self._index.sync(self._source, progress)
            try:
                self._fold(changes)
            except HistoryError:
                self._index.rebuild(self._source)
                self._refold()
            return self._history

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

    def nudge(self) -> None:
        """End the present `wait`, or the next one: something came in by another way. Any thread may call it."""
        self._nudged.set()

    def wait(self, timeout: float) -> bool:
        """Wait until the chain's head is another than the last `refresh` saw, or for a nudge; False after `timeout`
        seconds.

        One small request a poll. Raises Unavailable where the node cannot be reached.
        """
        end, pause = time.monotonic() + timeout, self._poll * FIRST_PART
        while True:
            head = self._source.latest()
            if (head.number, head.hash) != self._tip:
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            if self._nudged.wait(min(pause, left)):
                self._nudged.clear()
                return True
            pause = min(pause * GROWTH, self._poll)
