"""An observer of the ledger, without a key: it follows the job, draws it on the screen, and waits for events."""

import json
from collections.abc import Callable
from pathlib import Path

from demo.parties import Parties
from demo.screen import Metrics
from demo.standstill import POLL, Standstill
from ledger.history.fold import History
from ledger.history.state import JobState, Round
from ledger.party.connection import Connection

JOB = 1


class Observer:
    """Sees the demo's job by its `connection`. The evaluation writes what it measures to `metrics`."""

    def __init__(self, parties: Parties, connection: Connection, metrics: Path) -> None:
        self.parties, self.stage, self.connection = parties, parties.stage, connection
        self._metrics = metrics
        connection.follower.only_watch()

    @property
    def job(self) -> JobState:
        """The job as it was read last."""
        return self.connection.history.jobs[JOB]

    def round(self, number: int) -> Round:
        """A round as it was read last; KeyError where it has not been opened."""
        return self.job.rounds[number]

    def until(self, reached: Callable[[], bool]) -> None:
        """Read the ledger again and again until something holds.

        Raises Unavailable where a process failed, or where nothing has happened for longer than the stage's patience.
        """
        patience = Standstill(self.stage.patience, lambda: (self.connection.history.applied, len(self.measured())))
        while True:
            self.parties.local.anvil.check()
            self.stage.check()
            history = self.connection.refresh()
            self._draw(history)
            if reached():
                return
            patience.check("the ledger stands still", advice=f"look into {self.stage.folder}/log")
            self.connection.follower.wait(POLL)

    def measured(self) -> Metrics:
        """What the evaluation measured so far, by round."""
        lines = self._metrics.read_text().splitlines() if self._metrics.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("}")]
        return {row["round"]: row for row in rows}

    def _draw(self, history: History) -> None:
        self.stage.screen.show(history, JOB, self.measured())
