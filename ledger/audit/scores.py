"""The check of one round's scores: what each scorer revealed, what was settled, and what was withheld."""

from typing import Any

from ledger.audit.context import Context
from ledger.audit.report import Check, Finding, Status
from ledger.audit.said import foundation, proposed, revealed
from ledger.errors import FedledgerError, Malformed
from ledger.formats.text import plural
from ledger.history.state import JobState, Reveal, Round, Scoring, ScoringPhase
from ledger.jobs.document import Job, committed_set, recomputable
from ledger.rounds.facts import base_of
from ledger.scores import evaluation_set
from ledger.scores.contributions import score_round
from ledger.scores.game import Unscorable


def has_set(audit: Context, state: JobState, job: Job) -> bool:
    """SCORES, once for a job: whether the set that it commits to, if any, can be read and is that set."""
    evidence = committed_set(job.scoring)
    if evidence is None or not any(scoring.reveals for scoring in state.scorings.values()):
        return True
    where: dict[str, Any] = {"check": Check.SCORES, "job": state.number, "cid": evidence.cid}
    try:
        evaluation_set.read(evidence, audit.fetch)
    except Malformed as error:
        message = f"what the job commits to is not an evaluation set: {error}"
        audit.convict(Finding(status="refuted", message=message, **where), proposed(state))
    except FedledgerError as error:
        message = f"the evaluation set could not be had, so no score was recomputed: {error.message}"
        audit.report.add(Finding(status="unknown", message=message, **where))
    else:
        return True
    return False


class ScoresAudit:
    """SCORES: on a committed set, or without data, every revealed score and every median is the one that recomputes.

    On private sets nobody else can recompute a reveal; that medians follow from the reveals is the contract's rule,
    and the history's (LOG). A withheld reveal or a void scoring is a notice: it is on record, and no claim is false.
    """

    def __init__(self, audit: Context, state: JobState, job: Job, round_: Round, *, scorable: bool) -> None:
        self.audit, self.state, self.job, self.round = audit, state, job, round_
        self.scorable = scorable

    def run(self) -> None:
        """Check the round's reveals and medians, as far as anyone but their scorers can."""
        scoring = self.state.scorings.get(self.round.number)
        if scoring is None:
            return
        self._notices(scoring)
        if not scoring.reveals:
            return
        if not self._judged():
            message = "the scores were not recomputed: the final aggregate does not judge every update"
            self._find("notice", message)
            return
        if not recomputable(self.job.scoring):
            self.audit.report.verify(Check.SCORES, scoring.updates if scoring.medians is not None else 0)
            return
        expected = self._expected(scoring) if self.scorable else None
        if expected is not None:
            revealers = [scoring.reveals[index] for index in sorted(scoring.reveals)]
            proven = {reveal.scorer for reveal in revealers if self._reveal(reveal, expected)}
            self._medians(scoring, expected, proven)

    def _judged(self) -> bool:
        """Whether the final aggregate has one verdict for each update, so that each score is of one of them."""
        final = self.round.final
        return final is not None and len(final.verdicts) == len(self.round.updates)

    def _notices(self, scoring: Scoring) -> None:
        for index in sorted(scoring.withheld):
            scorer = self.audit.describe(scoring.commitments[index].scorer)
            message = f"{scorer} committed to scores and never revealed them"
            self._find("notice", message, tx=scoring.commitments[index].tx.hex())
        if scoring.outcome is ScoringPhase.VOID:
            if len(scoring.reveals) >= scoring.quorum:
                self._find("notice", "the round has no scores: nobody settled them in time")
                return
            message = "the round has no scores: too few scorers revealed"
            counts = [plural(count, "reveal") for count in (scoring.quorum, len(scoring.reveals))]
            self._find("notice", message, expected=counts[0], actual=counts[1])

    def _expected(self, scoring: Scoring) -> tuple[int, ...] | None:
        """The scores that recompute; None where they cannot be had, which becomes a finding."""
        audit = self.audit
        try:
            return score_round(self.state, self.job, self.round, scoring.seed, audit.fetch)
        except Unscorable as error:
            for index in sorted(scoring.reveals):
                self._convict(f"scores were revealed though the rules allow none: {error}", scoring.reveals[index])
        except FedledgerError as error:
            message = f"the scores could not be recomputed: {error.message}"
            self._find("unknown", message, cid=_file(error))
        return None

    def _reveal(self, reveal: Reveal, expected: tuple[int, ...]) -> bool:
        """Whether the reveal is right, or proven false."""
        different = [place for place, score in enumerate(reveal.scores) if score != expected[place]]
        self.audit.report.verify(Check.SCORES, len(expected) - len(different))
        if not different:
            return True
        message = f"revealed scores that do not recompute: {len(different)} of {len(expected)}"
        first = different[0]
        return self._convict(message, reveal, **self._score(first, expected[first], reveal.scores[first]))

    def _medians(self, scoring: Scoring, expected: tuple[int, ...], proven: set[str]) -> None:
        """A median that differs was moved by those whose reveals differ; the member that settled had no choice.

        Where one of those reveals could not be proven, the median is not either, and the reveal's finding says so.
        """
        for place, median in enumerate(scoring.medians or ()):
            if median == expected[place]:
                self.audit.report.verify(Check.SCORES)
                continue
            liars = {r.scorer for r in scoring.reveals.values() if r.scores[place] != expected[place]}
            if not liars <= proven:
                continue
            names = ", ".join(map(self.audit.describe, sorted(liars)))
            message = f"a settled score does not recompute; moved by {names}"
            self._find("refuted", message, **self._score(place, expected[place], median))

    def _score(self, place: int, expected: int, actual: int) -> dict[str, Any]:
        update = self.round.admitted()[place]
        return {"party": self.audit.describe(update.party), "expected": str(expected), "actual": str(actual)}

    def _convict(self, message: str, reveal: Reveal, **evidence: Any) -> bool:
        """What the scorer revealed is false; whether its signature could be shown."""
        said = revealed(self.state.number, self.round.number, reveal)
        rests_on = foundation(self.state, self.round, base_of(self.state, self.job, self.round.number).round)
        return self.audit.convict(self._finding("refuted", message, **evidence), said, rests_on)

    def _find(self, status: Status, message: str, **evidence: Any) -> None:
        self.audit.report.add(self._finding(status, message, **evidence))

    def _finding(self, status: Status, message: str, **evidence: Any) -> Finding:
        where: dict[str, Any] = {"job": self.state.number, "round": self.round.number}
        return Finding(check=Check.SCORES, status=status, message=message, **where, **evidence)


def _file(error: FedledgerError) -> str | None:
    """Which file an error is about."""
    return next((str(error.facts[name]) for name in ("cid", "file") if name in error.facts), None)
