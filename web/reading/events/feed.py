"""The ledger's newest events, and what they name: what the activity, the timelines and the search are made from."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ledger.events.records import AnyEvent
from ledger.history.fold import History
from web.reading.events.naming import Named, Namer

MOST_EVENTS = 20_000
MOST_NAMED = 300_000
"""So many of the newest events are kept, and so many of the newest names of things: some 60 MB."""
MOST_LEARNED = 100_000
"""What so many of the newest events name is learned when a server starts: some seconds."""
MOST_MATCHES = 8
"""One name leads to so many things, at most: the first of each sort of thing, then the newest."""


class NumberedEvent(NamedTuple):
    """An event with its number: events are counted from 1."""

    number: int
    event: AnyEvent


class Feed:
    """Grows by `extend` in one thread; others may read meanwhile, as far as the number of events that they know."""

    def __init__(self) -> None:
        self.block, self.last = -1, 0
        self._events: dict[int, AnyEvent] = {}
        self._rounds: defaultdict[tuple[int, int], list[NumberedEvent]] = defaultdict(list)
        self._named: dict[bytes, tuple[Named, ...]] = {}
        self._namer = Namer()

    @property
    def first(self) -> int:
        """The number of the oldest event that is kept."""
        return self.last - len(self._events) + 1

    def extend(self, events: Sequence[AnyEvent], block: int) -> None:
        """Take the events of later blocks, up to `block`; of a long history what the newest name."""
        old = max(0, len(events) - MOST_LEARNED)
        for event in islice(events, old):
            self._namer.remember(event)
        self.last += old
        for event in islice(events, old, None):
            self._take(event)
        self.block = block

    def _take(self, event: AnyEvent) -> None:
        self.last += 1
        self._events[self.last] = event
        if (place := round_of(event)) is not None:
            self._rounds[place].append(NumberedEvent(self.last, event))
        if len(self._events) > MOST_EVENTS:
            self._drop()
        for word, found in self._namer.names(self.last, event):
            self._name(word, found)

    def numbered(self, number: int) -> NumberedEvent | None:
        """The event of that number; None where it is not kept."""
        event = self._events.get(number)
        return None if event is None else NumberedEvent(number, event)

    def newest(self, before: int) -> Iterator[NumberedEvent]:
        """The events whose numbers are below `before`, newest first."""
        for number in range(min(before - 1, self.last), 0, -1):
            event = self._events.get(number)
            if event is None:
                return
            yield NumberedEvent(number, event)

    def of_round(self, job: int, number: int) -> Sequence[NumberedEvent]:
        """The events of a round and its scoring that are kept, oldest first."""
        return tuple(self._rounds.get((job, number), ()))

    def find(self, word: bytes) -> tuple[Named, ...]:
        """What bytes name: a transaction, a root, a digest, a key."""
        return self._named.get(word, ())

    def _drop(self) -> None:
        """The oldest event goes, which is the first of its round."""
        place = round_of(self._events.pop(next(iter(self._events))))
        if place is not None:
            del self._rounds[place][0]
            if not self._rounds[place]:
                del self._rounds[place]

    def _name(self, word: bytes, found: Named) -> None:
        known = self._named.pop(word, ())
        if all(one.path != found.path for one in known):
            known = _kept((*known, found))
        self._named[word] = known
        if len(self._named) > MOST_NAMED:
            del self._named[next(iter(self._named))]


def _kept(found: tuple[Named, ...]) -> tuple[Named, ...]:
    """What stays of a name's things, in their order: repetitions of one sort never push out the first of another."""
    if len(found) <= MOST_MATCHES:
        return found
    sorts = [one.what for one in found]
    drop = next((at for at, what in enumerate(sorts) if what in sorts[:at]), 0)
    return found[:drop] + found[drop + 1 :]


def round_of(event: AnyEvent) -> tuple[int, int] | None:
    """The job and the round that an event is of."""
    job, number = getattr(event, "job", None), getattr(event, "round", None)
    return None if job is None or number is None else (job, number)


def feed_of(history: History, known: tuple[History, Feed] | None) -> tuple[History, Feed]:
    """The feed of a history: the known one where it is of the same, else a new one."""
    return known if known is not None and known[0] is history else (history, Feed())
