"""A client's proof, as anyone holds it against the ledger: is its update in an edge's sum?"""

from pathlib import Path

from ledger.errors import Malformed, UsageError
from ledger.files.foreign import read_named
from ledger.files.kinds import CHILD_PROOF, another
from ledger.formats.edges.children import MAX_PROOF, InclusionProof, parse_proof
from ledger.party.connection import Connection
from ledger.rounds.edges.proofs import ProofAnswer, judge_proof
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch


def read_proof(path: Path) -> InclusionProof:
    """A proof's file. Raises UsageError where it cannot be read, Malformed where it is something else."""
    try:
        data = read_named(path, MAX_PROOF + 1)
    except OSError as error:
        raise UsageError(f"cannot read the proof: {error.strerror}", file=str(path)) from error
    try:
        return parse_proof(data)
    except Malformed as error:
        advice = another(path, CHILD_PROOF) or error.advice or "fedledger edge client proof --out FILE writes one"
        raise Malformed(error.message, advice=advice, **error.facts, file=str(path)) from error


def check_proof(connection: Connection, proof: InclusionProof, job: int | None, round_: int) -> tuple[int, ProofAnswer]:
    """The job's number, the latest where none is named, and what the proof shows in its round.

    Raises UsageError where there is no such job or round, Malformed for a proof that breaks its form, Unavailable where
    the ledger cannot be read.
    """
    facts, fetch = facts_of(connection, job, round_)
    return facts.round.job, judge_proof(proof, facts, fetch)


def facts_of(connection: Connection, job: int | None, round_: int) -> tuple[RoundFacts, Fetch]:
    """A round of a job, and how its files are read. Raises UsageError where there is none."""
    state = connection.job(job)
    if round_ not in state.rounds:
        raise UsageError("the job has no such round", job=state.number, round=round_)
    facts = RoundFacts.of(connection.place, state, connection.document(state), state.rounds[round_])
    return facts, connection.fetch
