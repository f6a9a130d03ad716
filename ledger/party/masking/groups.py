"""Who is in which group of a masked job's rounds, for people: as far as the set-up files that tell can be had."""

from ledger.errors import FedledgerError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.masks.groups import Groups
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.sets import groups_in


class RoundGroups:
    """Gives the groups of a round's cast by its number; none where they are not known, or the job has none. Those of a
    segment are worked out once.
    """

    def __init__(self, connection: Connection, state: JobState, job: Job) -> None:
        self._connection, self._state, self._job = connection, state, job
        self._known: dict[int, Groups] = {}

    def __call__(self, number: int) -> Groups:
        masks = self._connection.history.masks.get(self._state.number)
        if masks is None or self._job.masked is None or not self._job.masked.groups:
            return ()
        segment = masks.number_of(number)
        if segment not in self._known:
            self._known[segment] = self._find(number)
        return self._known[segment]

    def _find(self, number: int) -> Groups:
        history, place = self._connection.history, self._connection.place
        masks, round_ = history.masks[self._state.number], self._state.rounds[number]
        try:
            return groups_in(RoundFacts.of(place, self._state, self._job, round_, masks), self._connection.fetch)
        except FedledgerError:
            return ()
