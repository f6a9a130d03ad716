"""A refutation of what stands in a round, found by computing again, and its conviction file."""

from typing import NamedTuple

from ledger.audit.said import attested, committed, proposed, published
from ledger.chain.evidence.fetch import ChainWitness
from ledger.court.calldata import Call, calls_of
from ledger.court.conviction import ConvictionFile, Proved, SignedCall, check
from ledger.court.judge import CourtJudgement, judge
from ledger.court.search import accused_of, find_point
from ledger.events.evidence import Said, Unproven, Witness
from ledger.history.state import Aggregate
from ledger.party.connection import Connection
from ledger.party.refuting.attempts import Attempt
from ledger.rounds.facts import RoundFacts


class Refutation(NamedTuple):
    """The calls that refute an aggregate, and what the court must say of them; the conviction file, and what that
    proves, checked as anybody checks it. There is none where the node does not show the signatures: `lacking` says why.
    """

    calls: list[Call]
    judgement: CourtJudgement
    file: bytes = b""
    proved: Proved | None = None
    lacking: Unproven | None = None


def find(connection: Connection, attempt: Attempt, threads: int = 1) -> Refutation | None:
    """What refutes the aggregate; None where there is nothing.

    Raises UsageError for a job that the court cannot judge, Unavailable where leaves cannot be had.
    """
    facts, aggregate, client = attempt.facts, attempt.aggregate, connection.client
    point = find_point(facts, aggregate, connection.fetch, threads)
    if point is None:
        return None
    accused, terms = accused_of(facts, aggregate), facts.state.model
    judgement = judge(terms, facts.name, accused, point)
    calls = calls_of(accused, point, aggregate.claim, terms.values)
    wanted = [said.tx for said, _ in _all_said(facts, aggregate)]
    witness = ChainWitness(client.rpc, connection.place.chain, client.addresses, wanted)
    try:
        file = conviction_of(facts, aggregate, calls, witness)
    except Unproven as error:  # the court needs no signature
        return Refutation(calls, judgement, lacking=error)
    return Refutation(calls, judgement, file.encode(), check(file))


def conviction_of(facts: RoundFacts, aggregate: Aggregate, calls: list[Call], witness: Witness) -> ConvictionFile:
    """The conviction that calls of the court make, with what was signed, as far as the witness shows it.

    Raises Unproven where that does not show the job's proposal or the publication.
    """
    from ledger.chain.calldata import call_data

    proposal, publication, *others = _all_said(facts, aggregate)
    members, parties = others[: len(others) - len(facts.entries)], others[len(others) - len(facts.entries) :]
    return ConvictionFile(
        tuple(bytes.fromhex(call_data("court", call.function, *call.arguments)[2:]) for call in calls),
        _signed(witness, *proposal),
        _signed(witness, *publication),
        tuple(call for one in members if (call := _shown(witness, *one)) is not None),
        tuple(_shown(witness, *one) for one in parties),
    )


def _all_said(facts: RoundFacts, aggregate: Aggregate) -> list[tuple[Said, bytes]]:
    """What was said, by whom, in the order of the file; each commitment with what opens it."""
    round_ = facts.round
    agreeing = sorted((one for one in aggregate.attestations if one.agrees), key=lambda one: one.member.lower())
    members = [attested(round_, aggregate, one) for one in agreeing]
    opened = [round_.updates[index] for batch in round_.batches for index in batch]
    signed = [(said, b"") for said in (proposed(facts.state), published(round_, aggregate), *members)]
    return signed + [(committed(round_, update), update.cid + update.salt) for update in opened]


def _shown(witness: Witness, said: Said, opening: bytes) -> SignedCall | None:
    """A signed call; None where it cannot be shown, without which the aggregate is no less false."""
    try:
        return _signed(witness, said, opening)
    except Unproven:
        return None


def _signed(witness: Witness, said: Said, opening: bytes) -> SignedCall:
    return SignedCall(said.signer, bytes.fromhex(witness(said).raw[2:]), opening)
