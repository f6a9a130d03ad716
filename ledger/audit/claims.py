"""Which claims of a history stand, what each rests on, and what became of a lie. Pure, and the one place that says so.

A claim is a word with a place: `job 1`, `model 1/7`, `scores 1/7`, `decision 3`, `release cardio@1.0`. Standing
are approved jobs, finalised models, settled scores, executed decisions and current releases. What is said of an attempt
under way, or of a round without a model, is a claim only where it is false.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ledger.audit.report import LieState
from ledger.events.proposals import ProposalState, Release
from ledger.formats.text import listed
from ledger.history.fold import History
from ledger.history.state import Aggregate, Attestation, JobState, Phase, Round, Scoring, ScoringPhase

CODE = "code"
MASKED = "its updates are masked: RANGE and NORM were looked at of their sum, and of no single one"


@dataclass(frozen=True, slots=True)
class StandingClaim:
    """A claim that stands: where, and the claims directly below it. `given` need no check but the log's."""

    name: str
    job: int | None = None
    round: int | None = None
    rests_on: tuple[str, ...] = ()
    given: bool = False
    note: str | None = None


def job_claim(job: int) -> str:
    return f"job {job}"


def model_claim(job: int, number: int) -> str:
    return f"model {job}/{number}"


def scores_claim(job: int, number: int) -> str:
    return f"scores {job}/{number}"


def release_claim(name: str, version: str) -> str:
    return f"release {name}@{version}"


def attempt_claim(round_: Round, aggregate: Aggregate) -> str:
    return f"aggregate {round_.job}/{round_.number}, attempt {aggregate.attempt}"


_PLACE = re.compile(
    r"(?:no )?(?:job|model|scores|(?:failure of )?aggregate) ([0-9]{1,9})(?:/([0-9]{1,9}))?(?:, attempt ([0-9]{1,9}))?"
)


def place_of(claim: str) -> tuple[int | None, int | None, int | None]:
    """The job, round and attempt that a claim is of, by its name; None for each that it has not."""
    found = _PLACE.fullmatch(claim)
    job, number, attempt = (part and int(part) for part in found.groups()) if found else (None, None, None)
    return job or None, number or None, attempt or None


def round_place(round_: Round) -> str:
    """A round as texts name it."""
    return f"{round_.job}/{round_.number}"


def standing(history: History, weighed: Callable[[int], bool]) -> dict[str, StandingClaim]:
    """All claims that stand, by name, each after those it rests on.

    `weighed` says whether a job's past scores weigh in its models.
    """
    claims = [StandingClaim(CODE, given=True)]
    for state in history.jobs.values():
        claims += _of_job(history, state, weighed(state.number), masked=state.number in history.masks)
    decisions = history.decisions
    claims += [released(one) for one in decisions.current.values()]
    claims += [
        StandingClaim(f"decision {made.number}", given=True)
        for made in decisions.proposals.values()
        if made.ended is ProposalState.EXECUTED
    ]
    return {one.name: one for one in claims}


def released(release: Release) -> StandingClaim:
    """The claim of a release, current or not: it rests on its model, and on the scores that it names."""
    place = (release.job, release.round)
    below = (model_claim(*place), scores_claim(*place)) if any(release.scores) else (model_claim(*place),)
    note = "revoked" if release.revoked else None
    return StandingClaim(release_claim(release.name, release.version), rests_on=below, given=True, note=note)


def _of_job(history: History, state: JobState, weighed: bool, *, masked: bool) -> Iterator[StandingClaim]:
    job, note = state.number, MASKED if masked else None
    if state.open:
        yield StandingClaim(job_claim(job), job, note=_withdrawn(history, state))
    scored = 0
    for number, round_ in state.rounds.items():
        if state.is_void(number):
            continue
        below = _below(state, number)
        if round_.final is not None:
            settled = [n for n in range(scored + 1, round_.scored_to + 1) if _settled(state, n)] if weighed else []
            basis = (below, *(scores_claim(job, n) for n in settled))
            yield StandingClaim(model_claim(job, number), job, number, basis, note=note)
            scored = round_.scored_to
        if _settled(state, number):
            yield StandingClaim(scores_claim(job, number), job, number, (model_claim(job, number),))


def _withdrawn(history: History, state: JobState) -> str | None:
    """Who withdrew its data from a job and kept to it; who did not is an open matter."""
    kept = listed(history.name(index) for index in sorted(state.withdrawn) if not state.broken_by(index))
    return f"data withdrawn, and no update committed since: {kept}" if kept else None


def _below(state: JobState, number: int) -> str:
    """What the model of a round rests on: the one that it builds on, or the job."""
    base = state.built_on(number)
    return model_claim(state.number, base) if base else job_claim(state.number)


def left_out(state: JobState, number: int) -> dict[str, StandingClaim]:
    """The void models among those that lead to a round's: none of these claims stands, but they may be asked for."""
    void = (one for one in reversed(state.lineage(number)) if state.is_void(one))
    made = (StandingClaim(model_claim(state.number, n), state.number, n, (_below(state, n),)) for n in void)
    return {one.name: one for one in made}


def _settled(state: JobState, number: int) -> bool:
    scoring = state.scorings.get(number)
    return scoring is not None and scoring.medians is not None


def lineage(claims: Mapping[str, StandingClaim], name: str) -> set[str]:
    """A claim and all that it rests on."""
    found, left = set[str](), [name]
    while left:
        one = left.pop()
        if one not in found and one in claims:
            found.add(one)
            left += claims[one].rests_on
    return found


def stands(aggregate: Aggregate, round_: Round, state: JobState) -> bool:
    """Whether the members took it: as the round's model, and no rewind left that out; or as word that there can be
    none."""
    agreed = aggregate.empty and aggregate.agreeing >= round_.majority
    if aggregate.outcome is Phase.FINALISED:
        return not state.is_void(round_.number)
    return aggregate.outcome is Phase.ABANDONED and agreed


def state_of_proposal(state: JobState) -> LieState:
    """What became of a job's false document."""
    return "standing" if state.open else "pending"


def state_of_aggregate(aggregate: Aggregate, round_: Round, state: JobState) -> LieState:
    """What became of a false aggregate, and of the agreement of those who attested it."""
    if aggregate.outcome is None:
        return "pending"
    return "standing" if stands(aggregate, round_, state) else "caught"


def state_of_attestation(
    attestation: Attestation, aggregate: Aggregate, round_: Round, state: JobState, *, right: bool
) -> LieState:
    """What became of a false attestation; `right` says whether the aggregate was. Against a right one that the members
    then refuted, it prevailed.
    """
    if attestation.agrees:
        return state_of_aggregate(aggregate, round_, state)
    if aggregate.outcome is None:
        return "pending"
    return "standing" if right and aggregate.outcome is Phase.REFUTED else "caught"


def state_of_reveal(scoring: Scoring, *, moved: bool) -> LieState:
    """What became of a false reveal; `moved` says whether it moved a median."""
    if scoring.outcome is None:
        return "pending"
    return "standing" if moved and scoring.outcome is ScoringPhase.SETTLED else "caught"


def touched(aggregate: Aggregate, round_: Round) -> str:
    """The claim that a standing aggregate makes, or one that is being attested."""
    place = (round_.job, round_.number)
    if aggregate.outcome is Phase.FINALISED:
        return model_claim(*place)
    return f"no {model_claim(*place)}" if aggregate.outcome is Phase.ABANDONED else attempt_claim(round_, aggregate)
