"""Holds a file of evidence against the transaction inside it: no node, no history, no trust in who hands it over."""

from collections.abc import Collection, Mapping

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.errors import Malformed
from ledger.events.evidence import ShownClaim, ShownOpening, SignedStatement, Unproven
from ledger.formats.claims import LARGEST_WEIGHT, SALT, WORD, Claimed, RoundName, UpdateOpening, claim_of, commitment

_CHECKED = ("raw", "chain", "contract", "statement", "arguments", "signer", "inner")
"""All that follows from the raw bytes; the block is a node's word."""

_CAST = "a member in it has no set-up of {} that counts, or is one that a cast leaves out (docs/spec/masks.md)"
_SET = "the updates open in {}, under the receipts that the proposal names, lead to another set (docs/spec/masks.md)"


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
    _require_preimages(evidence)


def false_if(evidence: SignedStatement) -> str:
    """What must be recomputed for the statement to be false; the pages of the specification say how."""
    said = evidence.arguments
    place = f"round {said.get('round')} of job {said.get('job')}"
    segment = f"segment {said.get('segment')} of job {said.get('job')}"
    meanings = {
        "publishAggregate": f"the updates opened in {place}, which its claim names, lead, under the receipts that it "
        "names, to another root, CID or verdicts (docs/spec/round.md), or the events up to its block to another head "
        "(docs/spec/commitments.md)",
        "attest": f"the claim that recomputes for {place} is another, or the witness of one that agrees "
        "(docs/spec/commitments.md)",
        "revealScores": f"the scores that recompute for {place} are others (docs/spec/scores.md)",
        "commitScores": f"nothing: it binds a scorer to its scores of {place} before anyone reveals any",
        "proposeJob": "the file with this digest is not a job, has other terms or says something else of its models, "
        "or its initial model is not the one that it names (docs/spec/job.md)",
        "configure": f"the document of job {said.get('job')} says something else of the "
        "job's masks, or of what its rounds cost, or nothing (docs/spec/job.md)",
        "commitUpdate": f"nothing: it binds a party to its update for {place}; the update's bytes, under the CID "
        "that opens it, decide whether it enters the model; where it is masked, its opening shows whether it may have",
        "setUp": f"the file of this CID is not the member's set-up of {segment}, or has a key that was used "
        "before, or shares as it lists them make another secret (docs/spec/masks.md)",
        "proposeCast": _CAST.format(segment),
        "agreeCast": _CAST.format(segment),
        "proposeSet": _SET.format(place),
        "agreeSet": _SET.format(place),
        "unmask": f"the set-up files have other digests for this self seed or these shares of {place}",
        "giveShares": f"the set-up files list other digests for these shares of {place}",
        "open": f"the member's set-up file has another point than this key's for {place}",
        "openRound": f"nothing: it begins a round of job {said.get('job')}",
    }
    return meanings.get(evidence.statement, "nothing: it is a decision, and was made")


def _require_preimages(evidence: SignedStatement) -> None:
    """Check that what is shown as hashed has the hash that was signed. Raises Malformed, or Unproven."""
    if evidence.opening is not None:
        _require(evidence, ("commitUpdate",), "commitment", _commitment(evidence, evidence.opening))
    if evidence.claim is not None:
        _require(evidence, ("publishAggregate", "attest"), "claim", _claim(evidence, evidence.claim))


def _require(evidence: SignedStatement, by: Collection[str], field: str, made: bytes) -> None:
    signed = evidence.arguments.get(field)
    if evidence.statement not in by or made.hex() != signed:
        raise Unproven(f"what the evidence shows is not what its {field} is the hash of", expected=signed)


def _round(evidence: SignedStatement) -> RoundName:
    """The round that a statement is about; none of the ledger's where it is about something else."""
    said = evidence.arguments
    return RoundName(evidence.chain, evidence.contract, said.get("job", 0), said.get("round", 0))


def _commitment(evidence: SignedStatement, shown: ShownOpening) -> bytes:
    if not 0 <= shown.weight <= LARGEST_WEIGHT:
        raise Malformed("the opening's weight is out of range", actual=shown.weight)
    (root, cid), salt = map(_word, (shown.root, shown.cid)), _word(shown.salt, SALT)
    return commitment(_round(evidence), UpdateOpening(evidence.signer, shown.weight, root, cid, salt))


def _claim(evidence: SignedStatement, shown: ShownClaim) -> bytes:
    if not 0 <= shown.as_of < 1 << 40:
        raise Malformed("the claim's block is out of range", actual=shown.as_of)
    base, opened, root, cid = map(_word, (shown.base, shown.opened, shown.root, shown.cid))
    anchor, head = map(_word, (shown.anchor, shown.head))
    receipts, carried = map(_word, (shown.receipts, shown.carried))
    said = Claimed(base, root, cid, shown.as_of, anchor, head, receipts, carried, _plain(shown.verdicts))
    return claim_of(_round(evidence), opened, said)


def _word(text: str, size: int = WORD) -> bytes:
    word = _plain(text)
    if len(word) != size:
        raise Malformed("a word of the evidence has another size", expected=size, actual=text[:140])
    return word


def _plain(text: str) -> bytes:
    """Bytes in their one form: digits in lower case, and nothing else. Raises Malformed."""
    found = _bytes(text)
    if found.hex() != text:
        raise Malformed("bytes of the evidence are not plain digits in lower case", actual=text[:140])
    return found


def _differences(evidence: SignedStatement, found: SignedStatement) -> list[str]:
    return [name for name in _CHECKED if getattr(evidence, name) != getattr(found, name)]


def _shown(evidence: SignedStatement, name: str) -> str:
    return msgspec.json.encode(getattr(evidence, name)).decode()


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise Malformed(f"bytes of the evidence are not hexadecimal: {error}") from error
