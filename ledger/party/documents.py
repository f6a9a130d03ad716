"""Jobs' documents, fetched beside the thread that decides: a holder that is slow or dead holds up no other step."""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial

from ledger.errors import FedledgerError, Unavailable
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.background import Background

PROMPT = 0.5
"""Seconds that a step waits once for a document: one that is here, or at a fast holder, is there in the same look."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds after which a document that could not be had is asked for again: doubled up to the last."""


class Pending(Unavailable):
    """It is on its way: no failure, but nothing can be done without it yet."""


@dataclass(slots=True)
class _Asked:
    """How it stands with one document."""

    job: Job | None = None
    future: Future[None] | None = None
    failed: FedledgerError | None = None
    waited: bool = False
    again: float = 0.0
    pause: float = FIRST_PAUSE

    def fetch(self, fetch: Callable[[JobState], Job], state: JobState) -> None:
        self.job = fetch(state)


class Documents:
    """Documents by digest. `fetch` makes its caller wait, so it is called in threads of `background`."""

    def __init__(
        self,
        fetch: Callable[[JobState], Job],
        background: Background,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._background, self._clock = fetch, background, clock
        self._asked: dict[bytes, _Asked] = {}

    @property
    def busy(self) -> bool:
        """Whether one is on its way."""
        return any(not future.done() for future in self._under_way())

    def settle(self, seconds: float) -> bool:
        """Wait for those that are on their way, no longer than `seconds`; whether there were any."""
        futures = self._under_way()
        wait(futures, seconds)
        for asked in self._asked.values():
            self._look(asked)
        return bool(futures)

    def _under_way(self) -> list[Future[None]]:
        """Those that were asked for and not looked at since."""
        return [asked.future for asked in self._asked.values() if asked.future is not None]

    def get(self, state: JobState, seconds: float = PROMPT) -> Job:
        """A job's document, waited for at most once, no longer than `seconds`.

        Raises Pending while it is on its way, and why it could not be had when it was last asked for: Unavailable, or
        Malformed.
        """
        asked = self._asked.setdefault(state.digest, _Asked())
        if asked.job is None and asked.future is None and self._clock() >= asked.again:
            asked.future = self._background.start(partial(asked.fetch, self._fetch, state))
        if asked.future is not None and seconds and not asked.waited:
            asked.waited = True
            wait([asked.future], seconds)
        self._look(asked)
        if asked.job is not None:
            return asked.job
        if asked.failed is not None:
            raise asked.failed
        raise Pending(f"the document of job {state.number} is on its way")

    def _look(self, asked: _Asked) -> None:
        if asked.future is None or not asked.future.done():
            return
        future, asked.future = asked.future, None
        try:
            future.result()
            asked.failed = None
        except FedledgerError as error:
            asked.failed = error
        asked.again, asked.pause = self._clock() + asked.pause, min(2 * asked.pause, LONGEST_PAUSE)
