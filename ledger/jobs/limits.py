"""Limits of a job's updates, for people."""

from ledger.jobs.document import Job


def limit_words(job: Job, limit: int) -> str:
    """A limit of values or norms as a draft has it, and as the ledger counts it (docs/spec/job.md, "Limits")."""
    bits = max(tensor.fraction_bits for tensor in job.tensors)
    return f"{limit / 2**bits:g} ({limit:,} / 2^{bits})"
