"""A sandbox's rounds, as an observer without a key sees them."""

from pathlib import Path

from demo.consortium import LocalConsortium
from demo.stage import Stage
from demo.standstill import POLL, Standstill
from ledger.formats.text import plural
from ledger.history.state import Round
from ledger.party.connection import Connection

JOB = 1


class RoundObserver:
    """Follows the job, says how each round ended, and waits for the last."""

    def __init__(self, stage: Stage, local: LocalConsortium, folder: Path) -> None:
        self._stage, self._local, self._folder, self._told = stage, local, folder, set[int]()

    def until_finalised(self, rounds: int) -> int:
        """Wait until so many rounds have ended; the last that was finalised. Raises Unavailable where nothing moves, a
        process failed, or no round was finalised.
        """
        from ledger.errors import Unavailable

        with Connection.visit(self._local.network, self._folder) as connection:
            patience = Standstill(self._stage.patience, lambda: connection.history.applied)
            while True:
                self._local.anvil.check()
                self._stage.check()
                job = connection.refresh().jobs[JOB]
                for found in job.rounds.values():
                    self._tell(found)
                if len(self._told) >= rounds:
                    break
                patience.check("the ledger stands still", advice=f"look into {self._stage.folder}/log")
                connection.follower.wait(POLL)
            finalised = [number for number in sorted(job.rounds) if job.rounds[number].final is not None]
        if not finalised:
            raise Unavailable("no round was finalised", advice=f"look into {self._stage.folder}/log")
        return finalised[-1]

    def _tell(self, found: Round) -> None:
        if found.number in self._told or not found.phase.terminal:
            return
        self._told.add(found.number)
        self._stage.screen.say(f"round {found.number}: {found.phase.value}, {plural(len(found.updates), 'update')}")
