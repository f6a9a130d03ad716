"""Errands to other members' gateways, each in the background, tried again after a pause.

A gateway that is slow or gone holds up nobody else: each member has a lane of its own, in which its errands wait for
each other, and another for bytes, which take long. So there are no more threads than members at a time, twice.
"""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass

from ledger.errors import FedledgerError
from ledger.party.sharing.lanes import Lanes

BYTES = frozenset({"push", "setup"})
"""Kinds of errands that carry files."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 7.5
"""Seconds after which an errand that failed, or is to be repeated, is begun again: doubled up to the last."""
LATER = 0.5
"""Seconds that errands to a member's circle wait: they are needed only where a shorter way does not lead on."""
Name = tuple[str, int, int, int]
"""What an errand is for: its kind, job, round, and the member whom it leads to, whatever its address is then."""


@dataclass(slots=True)
class _Errand:
    future: Future[None] | None = None
    begun: bool = False
    done: bool = False
    again: float = 0.0
    pause: float = FIRST_PAUSE
    new: bool = False
    failed: FedledgerError | None = None


class Errands:
    """Begins errands by name, and remembers how they went. Only the work itself runs in other threads.

    `first` is the first pause, in seconds. `wake` is called in another thread once an errand failed: `due_in`, which
    said nothing while it was under way, now says when it is begun again.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        first: float = FIRST_PAUSE,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._lanes, self._clock, self._first, self._wake = Lanes(), clock, first, wake
        self._errands: dict[Name, _Errand] = {}

    def start(self, name: Name, work: Callable[[], None], *, repeat: bool = False, after: float = 0.0) -> None:
        """Begin an errand where it is due: not under way, not done before, or to be repeated, and its pause over.
        The first time it waits `after` seconds, too.

        To be called again and again. Raises what an errand raised that is not a FedledgerError.
        """
        errand = self._errands.get(name)
        if errand is None:
            errand = self._errands[name] = _Errand(again=self._clock() + after, pause=self._first)
        self._look(errand, repeat)
        due = errand.new or (not errand.done and self._clock() >= errand.again)
        if errand.future is None and due:
            errand.new, errand.begun = False, True
            errand.future = self._lanes.start((name[-1], name[0] in BYTES), work)
            errand.future.add_done_callback(self._ended)

    def soon(self, names: Collection[Name]) -> None:
        """Begin these without a pause when they are started next, done or not: there is something new for them. What
        was never begun waits for its time.
        """
        for name in names:
            if (errand := self._errands.get(name)) is not None and errand.begun:
                errand.new, errand.pause = True, self._first

    def forget(self, over: Callable[[Name], bool]) -> None:
        """Forget errands whose name says that they are over; what is under way ends by itself."""
        for errand in (errand for name, errand in self._errands.items() if over(name)):
            if errand.future is not None:
                errand.future.cancel()
        self._errands = {name: errand for name, errand in self._errands.items() if not over(name)}

    def due_in(self, wanted: Callable[[Name], bool]) -> list[float]:
        """Seconds until each errand that is wanted and not done may be begun again; none where it is under way."""
        waiting = [
            0.0 if one.new else one.again
            for name, one in self._errands.items()
            if one.future is None and not one.done and wanted(name)
        ]
        return [max(0.0, again - self._clock()) for again in waiting]

    def done(self, name: Name) -> bool:
        """Whether an errand was done."""
        errand = self._errands.get(name)
        return errand is not None and (errand.done or (errand.future is not None and _went_well(errand.future)))

    def failed(self) -> dict[Name, FedledgerError]:
        """Why errands failed that were not done since, by name."""
        return {name: errand.failed for name, errand in self._errands.items() if errand.failed is not None}

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether anything was."""
        futures = [one.future for one in self._errands.values() if one.future is not None and not one.future.done()]
        wait(futures, seconds)
        return bool(futures)

    def close(self, seconds: float) -> None:
        """Begin nothing more, and wait for what is under way no longer than `seconds`."""
        self._lanes.cancel()
        self._lanes.join(seconds)

    def _ended(self, future: Future[None]) -> None:
        if not future.cancelled() and not _went_well(future):
            self._wake()

    def _look(self, errand: _Errand, repeat: bool) -> None:
        """Take note of how it went."""
        if errand.future is None or not errand.future.done():
            return
        future, errand.future = errand.future, None
        try:
            future.result()
            errand.done, errand.failed = not repeat, None
        except FedledgerError as error:
            errand.failed = error
        errand.again, errand.pause = self._clock() + errand.pause, min(2 * errand.pause, LONGEST_PAUSE)


def _went_well(future: Future[None]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
