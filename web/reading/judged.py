"""What the claims of an audit are about, by digest: after a reorganisation that may be something else. Pure."""

from collections.abc import Iterable, Mapping

from ledger.audit.claims import job_claim, model_claim, place_of, release_claim, scores_claim
from ledger.history.decisions import Decisions
from ledger.history.state import JobState, Round


def judged(claims: Iterable[str], jobs: Mapping[int, JobState], decisions: Decisions) -> dict[str, bytes]:
    """The digest of what each of these claims is about; claims that nothing on the ledger can change are left out."""
    released = {release_claim(one.name, one.version): one.root for one in decisions.releases.values()}
    found = ((claim, _digest(claim, jobs, released)) for claim in claims)
    return {claim: digest for claim, digest in found if digest}


def _digest(claim: str, jobs: Mapping[int, JobState], released: Mapping[str, bytes]) -> bytes:
    """Nothing where the ledger has nothing of that name."""
    job, number, attempt = place_of(claim)
    state = jobs.get(job or 0)
    if state is None:
        return released.get(claim, b"")
    if claim == job_claim(state.number):
        return state.digest
    round_ = state.rounds.get(number or 0)
    return _of_round(claim, state, round_, attempt) if round_ else b""


def _of_round(claim: str, state: JobState, round_: Round, attempt: int | None) -> bytes:
    job, number = state.number, round_.number
    if attempt is not None:
        return round_.aggregates[attempt - 1].claim if 0 < attempt <= len(round_.aggregates) else b""
    if claim == scores_claim(job, number):
        scoring = state.scorings.get(number)
        return scoring.root if scoring and scoring.medians is not None else b""
    final = round_.final
    return final.claim if claim == model_claim(job, number) and final else b""
