"""Many short updates at a time from the one member that gathers all of them: the round's opener, then the member that
published its aggregate. Among a hundred members each would else ask ninety-nine others for a few kilobytes.

It only spares work: what does not come in this way is asked for as ever, first of its author. The relay is given a
moment to gather, as long as more comes; it is believed nothing, since each block is checked.
"""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from functools import partial

from ledger.errors import FedledgerError
from ledger.formats.cid import RAW, Cid
from ledger.party.background import run
from ledger.party.connection import Connection
from ledger.party.copying import Copying
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import spreading
from ledger.store.several import MOST

SHORT = 1 << 16
"""The longest file, in bytes, for which a request of its own costs more than its bytes. The relay has the updates of
all to send to all, so longer ones come from their authors."""
LEAST = 4
"""Files that are worth it, at least."""
FIRST_PAUSE = 0.1
"""Seconds until the relay is asked again for what it did not have yet, at first; doubled while nothing more comes."""
FEW = 16
"""Members among whom a relay is as quick as it can be: it gathers as many updates, and serves as many members."""
TRIES = 4
"""Requests in a row that bring nothing, after which all that is left is asked for elsewhere."""
LONGEST = 5.0
"""Seconds that a request to the relay may take, among few, and that it may be silent, among many, too: one that hangs
holds up nobody for longer."""
LEAST_WHOLE = 1.0
"""Seconds that all requests to it together may take, where a signature has no longer to spread."""

Relay = Callable[[RoundFacts], str]
"""The key of the member that a round's updates are gathered by; empty where that is nobody else."""


def no_relay(facts: RoundFacts) -> str:
    """For a role that gathers by itself."""
    return ""


def relay_of(facts: RoundFacts, own: str) -> str:
    """Who has a round's updates soonest: who published its latest aggregate, or else its opener."""
    round_ = facts.round
    key = round_.aggregates[-1].aggregator if round_.aggregates else round_.keys.get(round_.opener_index, "")
    return "" if key == own else key


class RelayedUpdates:
    """Brings files by a relay, in the background. What it remembers only spares work."""

    def __init__(self, connection: Connection, relay: Relay = no_relay) -> None:
        self._connection, self._relay = connection, relay
        self._failed: dict[int, tuple[int, str]] = {}

    def begin(self, facts: RoundFacts, files: Collection[Copying], now: float, seconds: float) -> list[Future[None]]:
        """Begin with those of a round's updates that are due, where that is worth it; what is to be waited for."""
        key, round_ = self._relay(facts), facts.round
        if not key or round_.members <= self._connection.network.replication.all_up_to or self._has_failed(facts, key):
            return []
        short = (one for one in files if one.cid.codec == RAW and one.size <= SHORT and one.is_due(now))
        due = [one for one in {one.cid: one for one in short}.values() if not self._connection.holds(one.cid)]
        if len(due) < LEAST:
            return []
        wanted = list[_Wanted]()
        for file in due:
            file.future = Future()
            wanted.append((file, file.future, file.copy(seconds)))
        futures, end = [future for _, future, _ in wanted], time.monotonic() + _whole(facts, seconds)
        whole = self._connection.background.start(partial(self._bring, facts, key, wanted, end))
        whole.add_done_callback(lambda over: [one.cancel() for one in futures] if over.cancelled() else None)
        return futures

    def _has_failed(self, facts: RoundFacts, key: str) -> bool:
        return self._failed.get(facts.round.job) == (facts.round.number, key)

    def _bring(self, facts: RoundFacts, key: str, wanted: "list[_Wanted]", end: float) -> None:
        """In a thread of its own: whatever happens here, every file is copied in the end, or was."""
        left = {one[0].cid: one for one in wanted}
        try:
            if not self._has_failed(facts, key) and not self._ask(key, left, end, facts.round.members):
                self._failed[facts.round.job] = facts.round.number, key
        except FedledgerError:
            self._failed[facts.round.job] = facts.round.number, key
        finally:
            for _, future, copy in left.values():
                self._connection.background.begin(future, copy)

    def _ask(self, key: str, left: "dict[Cid, _Wanted]", end: float, members: int) -> bool:
        """Ask until nothing more comes; what came is left no more. Whether that was before `end`, in seconds of
        time.monotonic. Raises Unreachable, Malformed.
        """
        away, tries, slower = list(left), 0, max(1.0, members / FEW)
        pause = first = FIRST_PAUSE * slower
        while away and tries < TRIES:
            came = dict[Cid, bytes]()
            for start in range(0, len(away), MOST):
                if (rest := end - time.monotonic()) <= 0:
                    return False
                whole = min(LONGEST * slower, rest)
                some = self._connection.several(away[start : start + MOST], key, whole, min(LONGEST, whole))
                _take(some, left)
                came |= some
            away = [cid for cid in away if cid not in came]
            tries, pause = (0, first) if came else (tries + 1, 2 * pause)
            if away and tries < TRIES and not self._connection.background.rest(pause):
                break
        return True


def _take(came: Mapping[Cid, bytes], left: "dict[Cid, _Wanted]") -> None:
    """Blocks that came; one longer than its file may be is left, for its author is to blame for it."""
    for cid, block in came.items():
        file, future, _ = left[cid]
        if len(block) <= file.size:
            del left[cid]
            run(future, partial(file.take, block))


def _whole(facts: RoundFacts, seconds: float) -> float:
    """Seconds for all requests to a relay, of the `seconds` that the files have: half of what a signature has to
    spread, and never more than half of theirs, so that what the relay holds back is had elsewhere in time.
    """
    return min(max(spreading(facts.job.terms.aggregate_seconds) / 2, LEAST_WHOLE), seconds / 2)


_Wanted = tuple[Copying, Future[None], Callable[[], None]]
