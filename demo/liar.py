"""An aggregator that lies, for the demo and the tests: the product has no way to do this."""

from typing import TYPE_CHECKING

import numpy as np

from ledger.config import LOCAL_CHAIN
from ledger.errors import UsageError
from ledger.formats import merkle
from ledger.formats.claims import claim
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import recompute

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


def publish_wrong_model(
    connection: Connection, sender: "Sender", job: int, number: int, *, value: int = 0, by: int = 1
) -> bytes:
    """Publish an honest round's outcome but for one integer, whose bits `by` are flipped; returns the claim made.

    The wrong model is stored and pinned, so that everyone can read what was claimed. `value` counts the model's
    integers from 0. Raises UsageError on any chain but the local one, or where the round makes no model to falsify.
    """
    if connection.place.chain != LOCAL_CHAIN:
        raise UsageError(
            "a lie is possible on the local chain only", expected=LOCAL_CHAIN, actual=connection.place.chain
        )
    state = connection.refresh().jobs[job]
    document, round_ = connection.document(state), state.rounds[number]
    body = bytearray()
    header = document.layout.header_size
    facts = RoundFacts.of(connection.place, state, document, round_)
    outcome = recompute(facts, connection.fetch, keep=lambda pieces: body.extend(b"".join(pieces)))
    if not any(outcome.root):
        raise UsageError("the round makes no model that could be falsified", why=outcome.why)
    values = np.frombuffer(memoryview(body)[header:], dtype="<i4").copy()
    values[value] ^= by
    wrong = values.tobytes()
    root = merkle.root_of(wrong)
    cid = connection.put([document.layout.header(facts.binding), wrong], f"lie/{job}/{number}")
    sender.send("ledger", "publishAggregate", job, number, root, cid.digest, outcome.verdicts)
    return claim(job, number, root, cid.digest, outcome.verdicts)
