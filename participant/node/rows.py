"""Showing an inspector which rows an update was trained on, and reading what was shown."""

from pathlib import Path

from ledger.errors import UsageError
from ledger.formats.row_proofs import Answer, RowProof, check, prove
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.held_out import entry_of, round_fetch
from ledger.rounds.facts import read_binding
from participant.measuring.own_rows import OwnRows
from participant.trainer.messages import DataRead, ReadData
from participant.trainer.trainers import Trainers

Found = list[tuple[bytes, Answer]]


def leaves_of(job: Job, number: int, data: Path, trainers: Trainers) -> tuple[bytes, ...]:
    """The leaves of the rows in a file, as the job's task reads them. Raises UsageError for data that it does not."""
    with trainers.carried_out(job, number, ReadData(leaves=True), data) as errand:
        errand.expect(DataRead)
        return errand.leaves()


def prove_rows(own: OwnRows, state: JobState, number: int, rows: Path, trainers: Trainers) -> tuple[RowProof, Found]:
    """What this party's update of a round says of the rows in a file, and the proof of it.

    Raises UsageError where this home does not have what opens the update's rows, or does not read these.
    """
    connection = own.connection
    job = connection.document(state)
    tree, _ = own.tree(state, job, number)
    member = own.member
    entry = entry_of(connection, state, job, member.index, number) if member is not None else None
    if entry is None:
        raise UsageError("this party has no opened update in that round", job=state.number, round=number)
    binding = read_binding(job, entry, round_fetch(connection, state, job, number))
    proof = prove(tree, binding, leaves_of(job, state.number, rows, trainers))
    return proof, check(proof, binding)


def check_rows(connection: Connection, proof: RowProof) -> Found:
    """What a proof shows, held against the header of the update that it is about.

    Raises UsageError where there is no such update, Refuted or Malformed as `check`, Unavailable for its bytes.
    """
    place = connection.place
    if (proof.chain, proof.ledger) != (place.chain, place.contract):
        raise UsageError(
            "the proof is about an update of another ledger", expected=place.contract, actual=proof.ledger[:80]
        )
    state = connection.job(proof.job)
    round_ = state.rounds.get(proof.round)
    updates = round_.updates.values() if round_ is not None else ()
    update = next((one for one in updates if one.party == proof.party), None)
    if update is None:
        raise UsageError(
            "the party of the proof has no opened update in that round", round=proof.round, party=proof.party[:80]
        )
    job = connection.document(state)
    entry = entry_of(connection, state, job, update.index, proof.round)
    if entry is None:
        raise UsageError("there is no such update", round=proof.round)
    return check(proof, read_binding(job, entry, round_fetch(connection, state, job, proof.round)))


def require_rows(found: Found, leaves: tuple[bytes, ...]) -> Found:
    """The answers for these leaves, in their order. Raises UsageError where the proof does not speak of one."""
    answers = dict(found)
    missing = sum(leaf not in answers for leaf in leaves)
    if missing:
        raise UsageError("the proof does not speak of all rows of the file", rows=len(leaves), missing=missing)
    return [(leaf, answers[leaf]) for leaf in leaves]
