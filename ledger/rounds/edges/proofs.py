"""What a child's proof shows: that an update which the child signed is in the sum that its edge opened.

Anyone checks it who has a chain node and the header of each sum: the list of children is not needed. The proof names
neither job nor round nor edge; the child's signature holds for one of each alone.
"""

from enum import Enum
from typing import NamedTuple

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.formats.edges.children import InclusionProof, check_signature
from ledger.history.state import Phase
from ledger.rounds.facts import Entry, RoundFacts, read_binding
from ledger.rounds.inputs import Fetch


class Inclusion(Enum):
    """The answer to a proof."""

    SHOWN = "shown"
    REFUTED = "refuted"
    OPEN = "open"


class ProofAnswer(NamedTuple):
    """Whether the child's update is in a sum of the round, and why, in words. `edge` is the member whose sum it is in;
    `admitted` whether that sum is in the round's final model, None while there is no such model.
    """

    said: Inclusion
    why: str
    edge: int | None = None
    admitted: bool | None = None


def judge_proof(proof: InclusionProof, facts: RoundFacts, fetch: Fetch) -> ProofAnswer:
    """Hold a proof against the sums that edges opened in the round, by ascending member index.

    1. The way up from the record ends in the root that the sum's header names, among as many children (else it is not
       of this sum).
    2. The child signed the update of this round, for this edge (else it is not of this sum).
    3. One sum for which both hold: SHOWN. None, and each header was read: REFUTED. None opened, a header that cannot be
       had, or an edge that may open a sum yet: OPEN.

    Raises Malformed for a proof that breaks its form.
    """
    proof.check_form()
    sums = [entry for entry in facts.entries if facts.job.is_edge(entry.update.index)]
    missing: Unavailable | None = None
    for entry in sums:
        try:
            if _is_in(proof, entry, facts, fetch):
                return _shown(entry, facts)
        except Unavailable as error:
            missing = error
    if missing is not None:
        return ProofAnswer(Inclusion.OPEN, f"a sum's header cannot be had: {missing.message}")
    if not sums:
        return ProofAnswer(Inclusion.OPEN, "no edge has opened a sum in this round")
    closed = facts.round.unopened if facts.round.phase is Phase.OPENING else []
    if any(facts.job.is_edge(one.index) for one in closed):
        return ProofAnswer(Inclusion.OPEN, "no open sum has this child with this update, and an edge may open one yet")
    return ProofAnswer(Inclusion.REFUTED, "no sum of this round has this child with this update")


def _is_in(proof: InclusionProof, entry: Entry, facts: RoundFacts, fetch: Fetch) -> bool:
    try:
        said = read_binding(facts.job, entry, fetch)
        proof.check(said.count, said.children_root)
        signed = proof.child.update(facts.round.job, facts.round.number, entry.update.index)
        check_signature(facts.place.chain, facts.place.contract, signed, proof.child)
    except (Malformed, Refuted):
        return False
    return True


def _shown(entry: Entry, facts: RoundFacts) -> ProofAnswer:
    edge, final = entry.update.index, facts.round.final
    admitted = None if final is None else edge in {update.index for update in facts.round.admitted()}
    state = {
        None: "the round has no final model",
        True: "the sum is in the round's model",
        False: "the sum was refused",
    }
    return ProofAnswer(Inclusion.SHOWN, f"the update is in the sum of edge {edge}; {state[admitted]}", edge, admitted)
