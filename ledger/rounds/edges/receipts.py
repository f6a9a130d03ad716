"""What a child's receipt shows: that it is in its edge's sum, or that the edge broke its word (docs/spec/audit.md).

The edge signed both: the receipt, and the commitment to a file whose header names the list of children. Nothing that a
child, a server or another party says convicts it.
"""

from enum import Enum
from typing import NamedTuple

from ledger.errors import Malformed, Refuted
from ledger.formats.digest import encode
from ledger.formats.edges import children
from ledger.formats.edges.children import ChildRecord, Children, InclusionProof
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.rounds.edges.lists import read_list
from ledger.rounds.facts import Entry, RoundFacts, read_binding
from ledger.rounds.inputs import Fetch


class Promise(Enum):
    """The answer to a receipt."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"


class ReceiptAnswer(NamedTuple):
    """Whether an edge kept its word, and why, in words. `proof` shows a child that is in the sum; `listed` is another
    update of the same child that stands there instead of the promised one.
    """

    kept: Promise
    why: str
    proof: InclusionProof | None = None
    listed: ChildRecord | None = None


def judge_receipt(receipt: EdgeReceipt, facts: RoundFacts, fetch: Fetch) -> ReceiptAnswer:
    """Hold a receipt against the sum that its edge opened in the round.

    1. It is of this chain, ledger, job and round, and of an edge of the job (Malformed).
    2. The key that the edge had when the round opened, or that it registered its sum with, signed it (Refuted).
    3. The edge has an opened sum in the round, whose header names a list that is in its form; else the sum counts for
       nobody, and the question is open.
    4. The list has the child with just this update: KEPT. Else: BROKEN, and that is the edge's fault.

    Raises Unavailable where the sum's header or its list cannot be had: nothing was checked then.
    """
    _check_place(receipt, facts)
    entry = next((one for one in facts.entries if one.update.index == receipt.edge), None)
    keys = {facts.round.keys.get(receipt.edge, ""), entry.update.party if entry is not None else ""} - {""}
    signer = receipt.signer()
    if signer not in keys:
        message = "the receipt is not signed by its edge: it shows nothing of anybody"
        raise Refuted(message, expected=", ".join(sorted(keys)), actual=signer)
    if entry is None:
        return ReceiptAnswer(Promise.OPEN, "the edge opened no sum in this round, so it counted no child's update")
    try:
        listed = _list(facts, entry, fetch)
    except Malformed as error:
        return ReceiptAnswer(
            Promise.OPEN, f"the edge's sum is refused, so it counted no child's update: {error.message}"
        )
    return answer(receipt.child, listed)


def answer(promised: ChildRecord, listed: Children) -> ReceiptAnswer:
    """Step 4, of a list that is in its form."""
    place = listed.find(promised.party)
    if place is None:
        return ReceiptAnswer(Promise.BROKEN, "the edge's list does not have the child")
    found = listed.children[place]
    if _said(found) != _said(promised):
        return ReceiptAnswer(Promise.BROKEN, "the edge's list has another update of the child", listed=found)
    return ReceiptAnswer(Promise.KEPT, "the update is in the edge's list", listed.prove(promised.party))


def _said(child: ChildRecord) -> bytes:
    """A record without the signature: who signs twice signs the same."""
    return encode({"cid": child.cid, "party": child.party, "root": child.root, "weight": child.weight})


def _check_place(receipt: EdgeReceipt, facts: RoundFacts) -> None:
    place, round_ = facts.place, facts.round
    said = (receipt.chain, receipt.ledger, receipt.job, receipt.round)
    right = (place.chain, place.contract, round_.job, round_.number)
    if said != right:
        raise Malformed("the receipt is of another chain, ledger, job or round", expected=right, actual=said)
    if not facts.job.is_edge(receipt.edge):
        raise Malformed("the receipt is of a member that is no edge in this job", member=receipt.edge)


def _list(facts: RoundFacts, entry: Entry, fetch: Fetch) -> Children:
    said = read_binding(facts.job, entry, fetch)
    listed = children.parse(read_list(said, fetch))
    if (len(listed.children), listed.root) != (said.count, said.children_root):
        raise Malformed("the list is another than the header describes")
    return listed
