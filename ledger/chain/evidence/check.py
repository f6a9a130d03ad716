"""Holds a file of evidence against the transaction inside it: no node, no history, no trust in who hands it over."""

from collections.abc import Mapping

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.errors import Malformed
from ledger.events.evidence import SignedStatement, Unproven

_CHECKED = ("raw", "chain", "contract", "statement", "arguments", "signer", "inner")
"""All that follows from the raw bytes; the block is a node's word."""


def check(
    evidence: SignedStatement, addresses: Mapping[ContractName, str] | None = None, chain: int | None = None
) -> None:
    """Check that everything but the block is what the raw transaction says.

    `addresses` and `chain` are a network's, where one is at hand. Raises Malformed where there is no signed call of the
    ledger, Unproven where it says something else.
    """
    found = statements(_bytes(evidence.raw), addresses, chain)
    nearest = min(found, key=lambda one: len(_differences(evidence, one)))
    for name in _differences(evidence, nearest):
        raise Unproven(
            f"the transaction has another {name} than the evidence",
            expected=_shown(nearest, name),
            actual=_shown(evidence, name),
        )


def false_if(evidence: SignedStatement) -> str:
    """What must be recomputed for the statement to be false; the pages of the specification say how."""
    said = evidence.arguments
    place = f"round {said.get('round')} of job {said.get('job')}"
    meanings = {
        "publishAggregate": f"the open updates of {place} lead to another root, CID or verdicts under these receipts "
        "(docs/spec/round.md), or the head is not that of its block (docs/spec/commitments.md)",
        "attest": f"the claim that recomputes for {place} is another, or the witness (docs/spec/commitments.md)",
        "revealScores": f"the scores that recompute for {place} are others (docs/spec/scores.md)",
        "proposeJob": "the file with this digest is not a job, has other terms, or its initial model is not the one "
        "that it names (docs/spec/job.md)",
        "commitUpdate": f"nothing: it fixes an update for {place}, which an opening shows; the bytes under its CID "
        "decide whether it enters the model",
    }
    return meanings.get(evidence.statement, "nothing: it is a decision, and was made")


def _differences(evidence: SignedStatement, found: SignedStatement) -> list[str]:
    return [name for name in _CHECKED if getattr(evidence, name) != getattr(found, name)]


def _shown(evidence: SignedStatement, name: str) -> str:
    return msgspec.json.encode(getattr(evidence, name)).decode()


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise Malformed(f"raw is not hexadecimal: {error}") from error
