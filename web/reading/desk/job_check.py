"""A job's document before it is proposed: read as every member will read it, and the call by which a member's own key
proposes it.

No contract takes a job under a signature: `RoundLedger.proposeJob` and `approveJob` count the key that sends them. So
nothing of a job is relayed, and this server only makes what the member's own wallet sends.
"""

from msgspec.structs import astuple

from ledger.formats.cid import RAW, Cid
from ledger.history.state import JobState
from ledger.jobs.document import Job, parse
from ledger.party.proposed import require_orders
from web.documents.desk import CheckedJob, ContractCall
from web.documents.ledger import ModelTermsDocument
from web.reading.jobs import RULES, begins
from web.reading.ledger import Reading


def check_job(now: Reading, content: bytes, index: int) -> CheckedJob:
    """The document in `content`, to be proposed by the member of that index.

    1. It is a job's document, whole, canonical and possible: Malformed. 2. Noise under it fits that of the jobs of its
    scope that were opened, or that this member approved: UsageError; NotYet where one of their documents was not read.
    """
    job = parse(content)
    jobs = now.snapshot.jobs.values()
    require_orders(jobs, job, now.require_document, index)
    return CheckedJob(
        digest=job.digest.hex(),
        cid=str(Cid(RAW, job.digest)),
        size=len(content),
        document=job,
        model=_model(job),
        known=next((state.number for state in reversed(list(jobs)) if _same(state, job)), None),
        begins=begins(now, job.initial_root),
        follows=(*(("masks",) if job.masked else ()), *(("costs",) if job.dp else ())),
        call=_call(now, job),
        command="fedledger job propose JOB.json",
    )


def _same(state: JobState, job: Job) -> bool:
    """Whether a job that may still be opened, or was, has this document, and the contracts keep what that says: a
    digest can be proposed with any terms, by anybody who saw it.
    """
    agrees = (state.digest, state.terms, state.model) == (job.digest, job.terms, job.model_terms)
    return agrees and not (state.closed and not state.opened_in)


def _model(job: Job) -> ModelTermsDocument:
    terms = job.model_terms
    return ModelTermsDocument(
        initial=terms.initial.hex(),
        values=terms.values,
        rule=RULES[terms.rule],
        trim=terms.trim,
        min_updates=terms.min_updates,
        max_weight=terms.max_weight,
        max_value=terms.max_value,
        max_norm=terms.max_norm,
        by_value=terms.by_value,
        agrees=None,
    )


def _call(now: Reading, job: Job) -> ContractCall:
    from ledger.chain.calldata import call_data

    data = call_data("ledger", "proposeJob", job.digest, astuple(job.terms), astuple(job.model_terms))
    return ContractCall(function="proposeJob", to=now.network.contracts.ledger.address, data=data)
