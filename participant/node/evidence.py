"""Why a member attests against an aggregate, in words and numbers, for its own log; the audit says it to everyone."""

from typing import Any

from ledger.audit.difference import locate_difference
from ledger.errors import FedledgerError
from ledger.formats.text import listed
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import Outcome


def find_difference(connection: Connection, facts: RoundFacts, outcome: Outcome) -> dict[str, Any]:
    """What of the latest aggregate does not recompute: `why`, and where the difference is."""
    aggregate = facts.round.aggregates[-1]
    head = connection.history.head_at(aggregate.as_of)
    if aggregate.head != head:
        message = f"its head is not that of the ledger's events up to block {aggregate.as_of}"
        return {"why": message, "expected": head.hex(), "actual": aggregate.head.hex()}
    mine, theirs = outcome.verdicts, aggregate.verdicts
    if mine != theirs:
        unlike = [j for place, j in enumerate(outcome.judged) if theirs[place : place + 1] != mine[place : place + 1]]
        names = listed(connection.name(judged.update.index) for judged in unlike)
        return {"why": f"it judges otherwise: {names}", "expected": mine.hex(), "actual": theirs.hex()}
    if aggregate.empty or not any(outcome.root):
        return {
            "why": "it says otherwise whether there is a model at all",
            "expected": outcome.why or "a model",
            "actual": "no model" if aggregate.empty else "a model",
        }
    try:
        return locate_difference(facts, aggregate, outcome, connection.fetch)
    except FedledgerError as error:
        return {"why": f"the published model does not recompute ({error.message})"}
