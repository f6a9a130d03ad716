"""What the ledger and the files at hand say of a party's masked jobs, kept from look to look."""

from ledger.chain.node import Block
from ledger.errors import Unavailable
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.rounds.masking.convictions import MaskedJob


class MaskedJobs:
    """Each masked job, judged as auditors judge it; what was worked out is kept while the history grows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._jobs: dict[int, MaskedJob] = {}

    def of(self, state: JobState) -> MaskedJob:
        """A job that its proposer configured as a masked one. Raises Unavailable and Malformed as its document."""
        connection = self._connection
        masks, kept = connection.history.masks[state.number], self._jobs.get(state.number)
        if kept is None or kept.state is not state or kept.masks is not masks:  # the chain was reorganised
            document = connection.documents.get(state)
            kept = MaskedJob(
                connection.place, state, document, masks, connection.fetch, self._time_of, hash_of=self._hash_of
            )
            self._jobs[state.number] = kept
        return kept

    def _time_of(self, number: int) -> int:
        return self._block(number).time

    def _hash_of(self, number: int) -> bytes:
        return self._block(number).hash

    def _block(self, number: int) -> Block:
        block = self._connection.client.block(number)
        if block is None:
            raise Unavailable("the chain node does not show a block", block=number)
        return block
