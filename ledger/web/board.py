"""What the background threads found out last, posted for those who answer requests."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Condition
from types import MappingProxyType
from typing import Any

from ledger.job import Job
from ledger.report import Report
from ledger.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Audited:
    """The last audit: its report, or the trouble that kept it from one. `at` in seconds since 1970."""

    at: int
    seconds: float
    rounds: int
    report: Report | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All that answers are made from. `serial` grows with every change that a reader of a page would see.

    `snapshot` is None before the first reading; `trouble` says why the chain cannot be read now, `read_at` when it last
    was. `documents` holds the jobs' documents that could be had, by digest; `auditing` whether an audit runs.
    """

    serial: int = 0
    snapshot: Snapshot | None = None
    trouble: str = ""
    read_at: int = 0
    documents: Mapping[bytes, Job] = field(default_factory=lambda: MappingProxyType({}))
    audited: Audited | None = None
    auditing: bool = False


class Board:
    """The present State; every post replaces it as a whole, so a reader never sees half a change."""

    def __init__(self, state: State | None = None) -> None:
        self._state = state or State()
        self._changed = Condition()

    @property
    def state(self) -> State:
        return self._state

    def post(self, **changes: Any) -> None:
        """Replace parts of the state, for readers to notice."""
        with self._changed:
            self._state = replace(self._state, serial=self._state.serial + 1, **changes)
            self._changed.notify_all()

    def tick(self, block: int) -> None:
        """The chain was read up to `block` and had nothing new: readers need not look again."""
        with self._changed:
            snapshot = self._state.snapshot
            if snapshot is not None:
                snapshot = replace(snapshot, block=block)
            self._state = replace(self._state, snapshot=snapshot, read_at=int(time.time()))

    def wait(self, serial: int, timeout: float) -> State:
        """The state once its serial is another than `serial`, or after `timeout` seconds as it is."""
        with self._changed:
            self._changed.wait_for(lambda: self._state.serial != serial, timeout)
            return self._state
