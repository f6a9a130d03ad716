"""EDGES, of receipts that children show: whether their edges kept their word (`ledger.rounds.edges.receipts`)."""

from typing import Any

from ledger.audit.claims import round_place
from ledger.audit.context import Context
from ledger.audit.edges.sums import state_of_sum
from ledger.audit.report import Check
from ledger.audit.said import committed
from ledger.errors import FedledgerError, Malformed, Refuted, Unavailable
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.jobs.document import Job
from ledger.rounds.edges.receipts import Promise, ReceiptAnswer, judge_receipt
from ledger.rounds.facts import RoundFacts


def audit_receipt(audit: Context, receipt: EdgeReceipt, job: Job) -> None:
    """Hold one receipt against its edge's sum of the round. Broken, it is the edge's lie, by its commitment: `expected`
    is the receipt, `actual` what the list has instead.
    """
    state = audit.history.jobs[receipt.job]
    what = f"the receipt of child {receipt.party} for round {receipt.job}/{receipt.round}"
    where: dict[str, Any] = {"job": receipt.job, "round": receipt.round}
    if receipt.round not in state.rounds:
        audit.leave_open(Check.EDGES, what, "the ledger has no such round", job=receipt.job)
        return
    facts = RoundFacts.of(audit.place, state, job, state.rounds[receipt.round])
    try:
        answer = judge_receipt(receipt, facts, audit.fetch)
    except Unavailable as error:
        fault = audit.describe(facts.round.keys.get(receipt.edge, ""))
        why = f"it could not be held against the edge's list of children: {error.message}"
        audit.leave_open(Check.EDGES, what, why, fault=fault, **where)
    except (Malformed, Refuted) as error:
        audit.leave_open(Check.EDGES, what, _told(error), **where)
    else:
        _take(audit, receipt, facts, answer, what)


def _take(audit: Context, receipt: EdgeReceipt, facts: RoundFacts, answer: ReceiptAnswer, what: str) -> None:
    where: dict[str, Any] = {"job": receipt.job, "round": receipt.round}
    if answer.kept is Promise.KEPT:
        audit.found.verify(Check.EDGES)
    elif answer.kept is Promise.OPEN:
        audit.leave_open(Check.EDGES, what, answer.why, **where)
    else:
        update = facts.round.updates[receipt.edge]
        listed = answer.listed.encode().decode() if answer.listed is not None else "no record of the child"
        told = {"expected": receipt.encode().decode(), "actual": listed, "party": receipt.party}
        cid = str(facts.job.file_of(update.index, update.cid))
        said = f"the sum of {audit.describe(update.party)} in {round_place(facts.round)}, against its receipt"
        why = f"{answer.why}, though the edge signed that this update would be in its sum"
        state = state_of_sum(facts.round, update)
        audit.convict(committed(facts.round, update), said, state, Check.EDGES, (), why=why, cid=cid, **told, **where)


def _told(error: FedledgerError) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    return f"{error.message} ({facts})" if facts else error.message
