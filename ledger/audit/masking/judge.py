"""Who judges the masks of a job: the functions that members run, on the audited history."""

from collections.abc import Collection

from ledger.audit.context import Context
from ledger.audit.masking.beacon import is_signed
from ledger.audit.masking.segments import SegmentsAudit
from ledger.errors import Unavailable
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.rounds.masking.convictions import MaskedJob


def judge_of(audit: Context, state: JobState, job: Job) -> MaskedJob | None:
    """That of a masked job, the same each time; None of an open one, and where the ledger has no masks of the job."""
    masks = audit.history.masks.get(state.number)
    if job.masked is None or masks is None:
        return None

    def time_of(block: int) -> int:
        shown = audit.blocks(block)
        if shown is None or not shown.proved:
            raise Unavailable(f"the time of block {block} is on the node's word, or not known")
        return shown.time

    def hash_of(block: int) -> bytes:
        shown = audit.blocks(block)
        if shown is None or not is_signed(audit, block):
            raise Unavailable(f"block {block}, which noise follows from, is not shown to be one that members signed")
        return shown.hash

    if state.number not in audit.judges:
        judge = MaskedJob(audit.place, state, job, masks, audit.fetch, time_of, audit.threads, hash_of)
        audit.judges[state.number] = judge
    return audit.judges[state.number]


def audit_segments(audit: Context, state: JobState, job: Job, rounds: Collection[int]) -> None:
    """MASKS, of the segments of these rounds of a job; of all its segments where these are all rounds."""
    judge = judge_of(audit, state, job)
    if judge is not None:
        whole = len(rounds) == len(state.rounds)
        SegmentsAudit(audit, judge, judge.masks.segments if whole else map(judge.masks.number_of, rounds)).run()
