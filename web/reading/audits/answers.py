"""What the last audit says of one thing. A claim that is newer than that audit has no answer yet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ledger.audit.claims import CODE, job_claim, model_claim, place_of, release_claim, scores_claim
from ledger.audit.question import Question
from ledger.audit.report import EXIT, Answer, ClaimAnswer, Open
from ledger.audit.since import claim_since, state_since
from ledger.events.actions import ReleaseModel, RevokeRelease, RollBack
from ledger.events.proposals import Proposal, Release
from ledger.history.state import JobState, Round
from web.documents.answers import Answers, Coverage, LieLine, OpenLine, Told
from web.reading.ledger import Reading
from web.reading.report_index import Numbered, ReportIndex
from web.reading.snapshot import ended_rounds

SHOWN = 20
"""So many lies, and so many open matters, are listed with one thing; the audit's own page has more."""
LISTED = 100
"""So many lies have a place of their own on the audit's page."""
_STATES = ("standing", "pending", "caught")


class _Verdict(NamedTuple):
    right: Answer | None
    why: str = ""


def consortium_answers(now: Reading) -> Answers:
    """Of everything that stands."""
    found = _index(now)
    jobs = [number for number, state in now.snapshot.jobs.items() if state.rounds]
    told = _told(now, jobs[0] if len(jobs) == 1 else None, *_of_job(found, None))
    stands = any(state.open or state.rounds for state in now.snapshot.jobs.values())
    return _answers(Question(), told, stands=stands, verdict=_whole(now, found, None, stands=stands))


def job_answers(now: Reading, state: JobState) -> Answers:
    """Of a job: its document, its models, its scores."""
    found, job, stands = _index(now), state.number, state.open or bool(state.rounds)
    told, verdict = _told(now, job, *_of_job(found, job)), _whole(now, found, job, stands=stands)
    return _answers(Question.of_job(job), told, stands=stands, verdict=verdict)


def round_answers(now: Reading, state: JobState, round_: Round) -> Answers:
    """Of a round: its model, its scores, its attempt under way."""
    found, job, number = _index(now), state.number, round_.number
    names = _claims_of(now, state, round_)
    lies, matters = _of_job(found, job)
    told = _told(
        now, job, [one for one in lies if one[1].round == number], [one for one in matters if one.round == number]
    )
    verdict = _of_claims(now, found, [CODE, job_claim(job), *names])
    if told.coverage is not None and _is_newer(round_, told.coverage):
        verdict = _worse(_Verdict(None), verdict)
    return _answers(Question.of_round(job, number), told, stands=bool(names), verdict=verdict)


def model_answers(now: Reading, job: int, number: int) -> Answers:
    """Of a model with its lineage: number 0 is the initial one, which is its job's."""
    claim = model_claim(job, number) if number else job_claim(job)
    question = Question.of_model(job, number) if number else Question.of_job(job)
    return _answers(
        question, _of_lineage(now, job, number), stands=True, verdict=_of_claims(now, _index(now), [CODE, claim])
    )


def release_answers(now: Reading, release: Release) -> Answers:
    """Of a release with its model's lineage. One that is not current stands no more: the answer is its model's."""
    job, number = release.job, release.round
    current = now.snapshot.decisions.current.get(release.name)
    own = [release_claim(release.name, release.version)] if current is not None and current.id == release.id else []
    names = [CODE, *own, model_claim(job, number), *([scores_claim(job, number)] if any(release.scores) else [])]
    verdict = _of_claims(now, _index(now), names)
    return _answers(Question.of_release(release), _of_lineage(now, job, number), stands=True, verdict=verdict)


def proposal_answers(now: Reading, made: Proposal) -> Answers | None:
    """Of the release that a proposal is about, or the model that it would release; None if it is about neither."""
    decisions, action = now.snapshot.decisions, made.action
    if not isinstance(action, ReleaseModel | RevokeRelease | RollBack):
        return None
    found = decisions.release(action.name, action.version)
    if isinstance(action, ReleaseModel) and found is not None and found.action != action:
        found = None  # another model has that name and version
    if found is not None:
        return release_answers(now, found)
    if isinstance(action, ReleaseModel) and _has_model(now, action):
        return model_answers(now, action.job, action.round)
    return None


def member_told(now: Reading, index: int) -> Told:
    """Of what a member said and owes, under any key that it ever had."""
    found, keys = _index(now), now.snapshot.members[index].keys
    lies, matters = _of_job(found, None)
    own = [one for one in lies if now.snapshot.owners.get(one[1].key) == index]
    return _told(now, None, own, [one for one in matters if one.fault and any(key in one.fault for key in keys)])


def lies_now(now: Reading) -> list[LieLine]:
    """All lies of the last report, in its order, as far as they have come by now."""
    found = _index(now)
    return [_lie(now, one) for one in found.lies.get(None, ())] if found else []


def _index(now: Reading) -> ReportIndex | None:
    return now.state.audited.index if now.state.audited else None


def _has_model(now: Reading, action: ReleaseModel) -> bool:
    state = now.snapshot.jobs.get(action.job)
    round_ = state.rounds.get(action.round) if state else None
    return round_ is not None and round_.final is not None and round_.final.root.hex() == action.root


def _answers(question: Question, told: Told, *, stands: bool, verdict: _Verdict) -> Answers:
    asked = question.asked
    option = "" if question.about == "all" else f" --{question.about} {asked[question.about]}"
    return Answers(
        **{name: getattr(told, name) for name in Told.__struct_fields__},
        asked=asked,
        stands=stands,
        right=verdict.right,
        exit=None if verdict.right is None else EXIT[verdict.right],
        why=verdict.why,
        command="fedledger audit --network NETWORK.toml" + option,
    )


def _is_newer(round_: Round, audited: Coverage) -> bool:
    """Whether a round ended after an audit, or its attempt under way was published after it."""
    if round_.phase.terminal:
        return round_.number > audited.through
    return bool(_newer(round_, audited.block))


def _newer(round_: Round, block: int) -> int:
    """How many attempts are attested now and were published after a block: 1 at most."""
    return sum(one.outcome is None and one.block > block for one in round_.aggregates)


def _newer_attempts(jobs: Mapping[int, JobState], job: int | None, block: int) -> int:
    """How many attempts of a job, None for all, are attested now and were published after a block."""
    states = (state for state in jobs.values() if job in (None, state.number))
    return sum(_newer(state.current, block) for state in states if state.current is not None)


def _claims_of(now: Reading, state: JobState, round_: Round) -> list[str]:
    """The claims that stand of a round, and what the last audit said of it that stands nowhere else."""
    job, number, found = state.number, round_.number, _index(now)
    scoring = state.scorings.get(number)
    names = [model_claim(job, number)] if round_.final is not None else []
    names += [scores_claim(job, number)] if scoring is not None and scoring.medians is not None else []
    told = (one for one in (found.claims if found else ()) if place_of(one)[:2] == (job, number))
    since = (claim_since(one, now.snapshot.jobs) for one in told)
    return list(dict.fromkeys([*names, *(one for one in since if one)]))


def _of_claims(now: Reading, found: ReportIndex | None, names: Iterable[str]) -> _Verdict:
    """The worst of these claims; no answer where one of them has none yet and none is false."""
    if found is None:
        return _Verdict(None)
    false = {claim_since(one.claim, now.snapshot.jobs): one for one in found.attempts}
    verdict = _Verdict("yes")
    for name in names:
        verdict = _worse(_verdict(found.claims.get(name) or false.get(name)), verdict)
    return verdict


def _whole(now: Reading, found: ReportIndex | None, job: int | None, *, stands: bool) -> _Verdict:
    """The worst claim of a job, None for all, that still stands."""
    if found is None or not stands:
        return _of_claims(now, found, [CODE])
    standing = [one for one in found.attempts if job in (None, place_of(one.claim)[0])]
    verdicts = [_verdict(one) for one in standing if claim_since(one.claim, now.snapshot.jobs)]
    verdict = _worse(_verdict(found.worst.get(job)), _verdict(found.claims.get(CODE)))
    for one in verdicts:
        verdict = _worse(one, verdict)
    return verdict


def _verdict(one: ClaimAnswer | None) -> _Verdict:
    return _Verdict(None) if one is None else _Verdict(one.answer, f"{one.claim}: {one.why}" if one.why else "")


def _worse(one: _Verdict, other: _Verdict) -> _Verdict:
    """False before not audited yet, before unknown, before right."""
    order: list[Answer | None] = ["yes", "unknown", None, "no"]
    return one if order.index(one.right) > order.index(other.right) else other


def _of_job(found: ReportIndex | None, job: int | None) -> tuple[list[Numbered], list[Open]]:
    return (found.lies.get(job, []), found.open.get(job, [])) if found else ([], [])


def _of_lineage(now: Reading, job: int, number: int) -> Told:
    """What was told of the rounds up to a model's: its lineage is among them, with the attempts that failed."""
    lies, matters = _of_job(_index(now), job)
    return _told(
        now,
        job,
        [one for one in lies if (one[1].round or 0) <= number],
        [one for one in matters if (one.round or 0) <= number],
    )


def _told(now: Reading, job: int | None, lies: list[Numbered], matters: list[Open]) -> Told:
    audited = now.state.audited
    lines = sorted((_lie(now, one) for one in lies), key=lambda one: _STATES.index(one.state))
    matters = sorted(matters, key=lambda one: not one.touches)
    return Told(
        coverage=_coverage(now, job),
        trouble=audited.trouble if audited else "",
        answer=lines[0].state if lines else "none",
        lies=tuple(lines[:SHOWN]),
        lies_told=len(lines),
        open=tuple(_open(matters[:SHOWN])),
        open_told=len(matters),
    )


def _coverage(now: Reading, job: int | None) -> Coverage | None:
    audited = now.state.audited
    if audited is None or audited.report is None:
        return None
    read, snapshot = audited.report.history, now.snapshot
    through, ended = audited.rounds, snapshot.ended
    if job is not None:
        through, ended = audited.ended.get(job, 0), ended_rounds(snapshot.jobs).get(job, 0)
    return Coverage(
        job=job,
        through=min(through, ended),
        ended=ended,
        attempts=_newer_attempts(snapshot.jobs, job, read.block),
        at=audited.at,
        block=read.block,
        hash=read.hash.removeprefix("0x"),
    )


def _lie(now: Reading, numbered: Numbered) -> LieLine:
    number, lie = numbered
    party: dict[str, Any] = {"party": now.owner(lie.key) if lie.key in now.snapshot.owners else None}
    return LieLine(
        state=state_since(lie, now.snapshot.jobs),
        who=lie.who,
        key=lie.key,
        said=lie.said,
        why=lie.why,
        job=lie.job,
        round=lie.round,
        attempt=lie.attempt,
        tx=lie.tx,
        address=f"/audit#lie-{number + 1}" if number < LISTED else "/audit#lies",
        **party,
    )


def _open(matters: Iterable[Open]) -> Iterator[OpenLine]:
    return (
        OpenLine(what=one.what, why=one.why, fault=one.fault, decides=bool(one.touches), job=one.job, round=one.round)
        for one in matters
    )
