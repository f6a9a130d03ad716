"""Slips of a round held to the keys that they led to, beside the thread that decides.

Each of n members' files has a packet for each of n members: 255 of them take about ten seconds of one core a round, and
are needed only to name who made garbage for others, and to make up for it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial

from ledger.party.background import Background
from ledger.party.seals.drawer import Drawer
from ledger.seals.keyring import BadSlips, FoundKey, held_to
from ledger.seals.keys import ContentKey, UpdateName

Where = tuple[UpdateName, bytes]
"""An update, and the digest of its file's CID."""


class SlipChecks:
    """Looks at the slips of each update once, when its key is first at hand; `done` is called when there is news.

    `bad` are slips that are garbage for anybody, by update and author.
    """

    def __init__(self, drawer: Drawer, done: Callable[[], None]) -> None:
        self._drawer, self._done = drawer, done
        self._background = Background(threads=1)
        self._running: dict[Where, tuple[Future[None], list[FoundKey]]] = {}
        self._covered: dict[Where, frozenset[bytes]] = {}
        self.bad: dict[tuple[UpdateName, str], BadSlips] = {}

    def look(self, keys: Mapping[bytes, ContentKey]) -> None:
        """Begin with those of these keys, by CID digest, that are new, and take note of what is done. Raises what a
        check raised.
        """
        for cid, key in keys.items():
            where = key.name, cid
            if where not in self._running and where not in self._covered:
                found = list[FoundKey]()
                future = self._background.start(partial(self._check, key, cid, found))
                self._running[where] = future, found
                future.add_done_callback(partial(self._ended, found))
        for where in [where for where, (future, _) in self._running.items() if future.done()]:
            future, results = self._running.pop(where)
            future.result()
            for held in results:
                self._covered[where] = held.covered
                self.bad |= {(where[0], one.author): one for one in held.bad}

    def covered(self, name: UpdateName, cid: bytes) -> frozenset[bytes] | None:
        """The points that had right slips of an update when they were looked at; None while they were not."""
        return self._covered.get((name, cid))

    def forget(self, job: int, present: int) -> None:
        """Forget a job's updates but those of the present round, and what is under way."""
        over = {where for where in self._running if where[0].round.job == job and where[0].round.round != present}
        for where in over:
            self._running.pop(where)[0].cancel()
        kept = {name for name, _ in self._covered if name.round.job != job or name.round.round == present}
        self._covered = {where: found for where, found in self._covered.items() if where[0] in kept}

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        futures = [future for future, _ in self._running.values() if not future.done()]
        wait(futures, seconds)
        return bool(futures)

    def close(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way no longer than `seconds`."""
        self._background.cancel()
        self._background.join(seconds)

    def _check(self, key: ContentKey, cid: bytes, found: list[FoundKey]) -> None:
        """In a thread of its own."""
        found.append(held_to(key, cid, self._drawer.of(key.name, cid)))

    def _ended(self, found: Sequence[FoundKey], future: Future[None]) -> None:
        """In a thread of its own, once `look` can take note of it: woken earlier, it would find nothing."""
        under_way = [one for one, _ in list(self._running.values()) if not one.done()]
        if not future.cancelled() and (not under_way or not found or found[0].bad):
            self._done()
