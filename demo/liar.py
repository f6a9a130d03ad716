"""An aggregator that lies, for the demo and the tests: the product has no way to do this."""

from typing import TYPE_CHECKING, Any

import numpy as np

from aggregator.worker import AggregatorWorker
from ledger.config import LOCAL_CHAIN
from ledger.errors import UsageError
from ledger.formats import merkle
from ledger.formats.cid import of_file
from ledger.formats.claims import Claimed
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


class Liar(AggregatorWorker):
    """Publishes an honest round's outcome but for one integer, whose bits `by` are flipped.

    The wrong model is stored and pinned, so that everyone can read what was claimed. `value` counts the model's
    integers from 0. Raises UsageError on any chain but the local one.
    """

    def __init__(
        self, connection: Connection, sender: "Sender", *arguments: Any, value: int = 0, by: int = 1, **options: Any
    ) -> None:
        if connection.place.chain != LOCAL_CHAIN:
            raise UsageError(
                "a lie is possible on the local chain only", expected=LOCAL_CHAIN, actual=connection.place.chain
            )
        super().__init__(connection, sender, *arguments, **options)
        self._value, self._by = value, by

    def said(self, facts: RoundFacts, outcome: Outcome, point: Standpoint) -> Claimed:
        """The lie. Raises UsageError where the round makes no model that could be falsified."""
        if not any(outcome.root):
            raise UsageError("the round makes no model that could be falsified", why=outcome.why)
        connection, header = self._connection, facts.job.layout.header(facts.binding)
        body = b"".join(bytes(piece) for piece in connection.fetch(of_file(outcome.cid, facts.model_size)))
        values = np.frombuffer(body, dtype="<i4", offset=len(header)).copy()
        values[self._value] ^= self._by
        wrong = values.tobytes()
        cid = connection.put([header, wrong], f"lie/{facts.round.job}/{facts.round.number}")
        return outcome.claimed(point)._replace(root=merkle.root_of(wrong), cid=cid.digest)
