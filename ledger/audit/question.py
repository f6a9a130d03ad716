"""What an audit is asked, which rounds it looks at for that, and which claims are in question."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger.audit.claims import (
    CODE,
    StandingClaim,
    attempt_claim,
    left_out,
    lineage,
    model_claim,
    release_claim,
    released,
)
from ledger.audit.report import Lie
from ledger.errors import UsageError
from ledger.events.proposals import Release
from ledger.history.fold import History


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that stands, or that of one job, one round, one model with its lineage, or one release."""

    about: Literal["all", "job", "round", "model", "release"] = "all"
    job: int | None = None
    round: int | None = None
    name: str = ""
    version: str = ""

    @classmethod
    def of_job(cls, job: int) -> "Question":
        return cls("job", job)

    @classmethod
    def of_round(cls, job: int, number: int) -> "Question":
        return cls("round", job, number)

    @classmethod
    def of_model(cls, job: int, number: int) -> "Question":
        return cls("model", job, number)

    @classmethod
    def of_release(cls, release: Release) -> "Question":
        return cls("release", release.job, release.round, release.name, release.version)

    def covers(self, job: int | None, number: int | None) -> bool:
        """Whether a claim about that place is in question for itself."""
        if self.about == "all":
            return True
        here = job is not None and job == self.job
        return here and (self.about == "job" or number in (None, self.round))

    @property
    def asked(self) -> dict[str, Any]:
        """As the report says it."""
        match self.about:
            case "all":
                return {"all": True}
            case "job":
                return {"job": self.job}
            case "release":
                return {"release": f"{self.name}@{self.version}"}
        return {self.about: f"{self.job}/{self.round}"}

    @property
    def words(self) -> str:
        """As people say it."""
        if self.about == "all":
            return "everything that stands"
        (what, which), *_ = self.asked.items()
        return f"{what} {which}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: jobs by number, ascending, each with its rounds."""

    jobs: Mapping[int, tuple[int, ...]]

    @property
    def rounds(self) -> list[tuple[int, int]]:
        """All (job, round) pairs."""
        return [(job, number) for job, numbers in self.jobs.items() for number in numbers]


def scope_of(history: History, question: Question) -> Scope:
    """The rounds to look at: one, or all of the jobs in question, so that no lie in them is passed over.

    Raises UsageError where the question is about something that is not on record.
    """
    _require(history, question)
    if question.about == "round":
        return Scope({question.job or 0: (question.round or 0,)})
    chosen = [s for s in history.jobs.values() if question.job in (None, s.number) and (s.open or s.rounds)]
    return Scope({state.number: tuple(state.rounds) for state in chosen})


def in_question(
    question: Question, history: History, claims: Mapping[str, StandingClaim], lies: Iterable[Lie]
) -> list[str]:
    """The names of the claims that the answer is about, those that stand first, each after those it rests on.

    What lies say that stands nowhere else (an attempt, a round without a model) is in question, for it is false; so is
    the attempt under way in a round that is asked about.
    """
    if question.about in ("model", "release"):
        of = model_claim(question.job or 0, question.round or 0)
        of = release_claim(question.name, question.version) if question.about == "release" else of
        wanted = lineage(claims, of) | {CODE}
        return [name for name in claims if name in wanted]
    names = {one.name: None for one in claims.values() if question.covers(one.job, one.round) or one.name == CODE}
    names |= {touched: None for lie in lies if question.covers(lie.job, lie.round) for touched in lie.touches}
    if question.about == "round":
        round_ = history.jobs[question.job or 0].rounds[question.round or 0]
        names |= {attempt_claim(round_, one): None for one in round_.aggregates if one.outcome is None}
    return list(names)


def asked_release(history: History, text: str) -> Release:
    """The release called NAME@VERSION, or the current one of NAME. Raises UsageError where there is none."""
    name, _, version = text.partition("@")
    decisions = history.decisions
    found = decisions.release(name, version) if version else decisions.current.get(name)
    if found is None:
        made = sorted(f"{one.name}@{one.version}" for one in decisions.releases.values())
        advice = "fedledger release list shows all of them"
        raise UsageError(f"there is no release {text}", advice=advice, releases=", ".join(made) or "none")
    return found


def with_asked(claims: dict[str, StandingClaim], question: Question, history: History) -> dict[str, StandingClaim]:
    """The claims that stand, and what is asked about though it does not: an earlier release, a void model."""
    found = history.decisions.release(question.name, question.version) if question.about == "release" else None
    job, number = (found.job, found.round) if found is not None else (question.job, question.round)
    state = history.jobs.get(job or 0) if question.about in ("model", "round", "release") else None
    if state is not None and number in state.rounds and state.is_void(number):
        claims = claims | left_out(state, number)
    return claims if found is None else claims | {(one := released(found)).name: one}


def _require(history: History, question: Question) -> None:
    if question.about == "all":
        return
    job, advice = question.job or 0, "fedledger status shows jobs and rounds"
    state = history.jobs.get(job)
    if state is None:
        raise UsageError(
            f"there is no job {job}", advice=advice, jobs=", ".join(map(str, sorted(history.jobs))) or "none"
        )
    if question.about == "job":
        return
    round_ = state.rounds.get(question.round or 0)
    if round_ is None:
        raise UsageError(f"job {job} has no round {question.round}", advice=advice, rounds=len(state.rounds))
    if question.about == "model" and round_.final is None:
        raise UsageError(f"round {job}/{question.round} has made no model", advice=advice, phase=round_.phase.value)
