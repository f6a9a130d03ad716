"""Held-out rows that a report claims, held against what their parties' updates committed to."""

from ledger.errors import Refuted, UsageError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.seals.reader import opened_fetch
from ledger.releases.report import Evaluation, HeldOutRows, PartyFigures
from ledger.rounds.facts import Entry, RoundFacts, read_binding
from ledger.rounds.inputs import Fetch


def require_held_out(connection: Connection, state: JobState, report: Evaluation) -> None:
    """Hold every claim of held-out rows in a report against the ledger.

    1. The job holds rows out.
    2. The party has an opened update in the round that it names.
    3. That update's header binds what the report opens, and so how many rows were held out.

    Raises UsageError for 1 and 2, Refuted for 3, Unavailable where the update's header cannot be had.
    """
    for party in report.parties:
        if party.held_out is not None:
            _require(connection, state, connection.document(state), party, party.held_out)


def entry_of(connection: Connection, state: JobState, job: Job, index: int, number: int) -> Entry | None:
    """A member's opened update of a round; None where it has none."""
    round_ = state.rounds.get(number)
    if round_ is None or index not in round_.updates:
        return None
    facts = RoundFacts.of(connection.place, state, job, round_)
    return next(entry for entry in facts.entries if entry.update.index == index)


def round_fetch(connection: Connection, state: JobState, job: Job, number: int) -> Fetch:
    """Reads a round's files as this home can: of sealed updates what is in them. Raises as `opened_fetch`."""
    return opened_fetch(connection, RoundFacts.of(connection.place, state, job, state.rounds[number]))


def _require(connection: Connection, state: JobState, job: Job, party: PartyFigures, shown: HeldOutRows) -> None:
    if job.hold_out == 0:
        raise UsageError("the report claims held-out rows, but the job holds none out", party=party.party)
    member = next((one for one in connection.history.members.values() if party.key in one.keys), None)
    entry = entry_of(connection, state, job, member.index, shown.round) if member is not None else None
    if entry is None:
        raise UsageError(
            "the report claims held-out rows of a round in which its party has no update",
            party=party.party,
            round=shown.round,
        )
    binding = read_binding(job, entry, round_fetch(connection, state, job, shown.round))
    opening = shown.opening.opening
    if (binding.data, binding.rows) != (opening.root, opening.trained):
        raise Refuted(
            "the report claims held-out rows, and its party's update says otherwise",
            advice="measure again: fedledger node evaluate --report",
            party=party.party,
            round=shown.round,
            expected=binding.data.hex(),
            actual=opening.root.hex(),
        )
