"""What has become of a report since: what was being attested then may have been caught, or taken as true. Pure."""

from collections.abc import Mapping

from ledger.audit.claims import place_of, stands, state_of_aggregate, touched
from ledger.audit.report import Check, Lie, LieState
from ledger.history.state import Aggregate, JobState, Phase, Round


def state_since(lie: Lie, jobs: Mapping[int, JobState]) -> LieState:
    """What has become of a lie by now; `jobs` are as the ledger has them now."""
    found = _attempt(jobs, lie.job, lie.round, lie.attempt)
    if lie.state != "pending" or found is None:
        return lie.state
    state, round_, aggregate = found
    if lie.check is Check.ATTESTATION and not lie.touches:  # it spoke against a right aggregate
        return "standing" if aggregate.outcome is Phase.REFUTED else "caught" if aggregate.outcome else "pending"
    return state_of_aggregate(aggregate, round_, state)


def claim_since(claim: str, jobs: Mapping[int, JobState]) -> str | None:
    """A claim of a report by its name now: the model's, once its attempt is final; None where the attempt failed."""
    job, number, attempt = place_of(claim)
    found = _attempt(jobs, job, number, attempt)
    if found is None or claim.startswith("failure of"):
        return claim
    state, round_, aggregate = found
    if aggregate.outcome is None or stands(aggregate, round_, state):
        return touched(aggregate, round_)
    return None


def _attempt(
    jobs: Mapping[int, JobState], job: int | None, number: int | None, attempt: int | None
) -> tuple[JobState, Round, Aggregate] | None:
    """The attempt of that place; None where there is none, as after a reorganisation."""
    state = jobs.get(job or 0)
    round_ = state.rounds.get(number or 0) if state else None
    if state is None or round_ is None or attempt is None or not 0 < attempt <= len(round_.aggregates):
        return None
    return state, round_, round_.aggregates[attempt - 1]
