"""What a scorer measures: a round's scores, on the job's committed set, on the updates alone, or on data of its own.

Committed sets and updates are scored by the ledger's own function, which every auditor runs too, with integers and
without torch. Only a scorer's own data are evaluated here, with the job's task.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.connection import Connection
from ledger.contributions import Ints, Utility, score_round
from ledger.digest import sha256
from ledger.errors import Unavailable, UsageError
from ledger.history import JobState, Round
from ledger.job import Job, Measured, recomputable
from participant.files import file_version

if TYPE_CHECKING:
    from participant.local import Local

PATIENCE = 1.0
"""Seconds of measuring between two looks at whether a round wants this node."""


class Interrupted(Unavailable):
    """A round wants this node now. What was measured so far is remembered: calling again goes on from there."""


class Measuring:
    """Works scores out. `urgent` says whether something else is due; it is asked about once a second."""

    def __init__(self, connection: Connection, validation: Path) -> None:
        self._connection, self._validation = connection, validation
        self._version = file_version(validation)
        self._locals: dict[bytes, Local] = {}
        self._measured: dict[bytes, int] = {}
        self._of: tuple[int, int] = (0, 0)
        self.urgent: Callable[[], bool] = lambda: False

    def changed(self) -> bool:
        """Whether the validation data are not those of the last look."""
        before, self._version = self._version, file_version(self._validation)
        return before != self._version

    def scores(self, state: JobState, job: Job, round_: Round, seed: bytes) -> tuple[int, ...]:
        """A round's scores, by ascending member index of the admitted updates.

        Raises Interrupted where something else is due, UsageError where this scorer has none to give, else as
        `ledger.contributions.score_round`.
        """
        if (round_.job, round_.number) != self._of:
            self._measured, self._of = {}, (round_.job, round_.number)
        place, fetch = self._connection.place, self._connection.fetch
        return score_round(place, state, job, round_, seed, fetch, self._utility(job))
