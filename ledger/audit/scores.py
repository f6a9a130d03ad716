"""The check of one round's scores: what each scorer revealed, what was settled, and what was withheld."""

from typing import Any

from ledger.audit.claims import job_claim, scores_claim, state_of_proposal, state_of_reveal
from ledger.audit.context import Context
from ledger.audit.report import Check
from ledger.audit.said import foundation, proposed, revealed, withheld
from ledger.errors import FedledgerError, Malformed
from ledger.events.evidence import Said
from ledger.formats.text import plural
from ledger.history.state import JobState, Reveal, Round, Scoring, ScoringPhase
from ledger.jobs.document import Job
from ledger.jobs.scores import (
    GroupShapley,
    GtgShapley,
    PairedRegression,
    SurrogateShapley,
    TruncatedMonteCarlo,
    committed_set,
    recomputable,
)
from ledger.rounds.facts import RoundFacts, base_of
from ledger.rounds.masking.inputs import MaskedInputs
from ledger.rounds.masking.summed import grouped_inputs
from ledger.scores import evaluation_set
from ledger.scores.contributions import score_round
from ledger.scores.game import Unscorable

DRAWN = (TruncatedMonteCarlo, GtgShapley, PairedRegression, SurrogateShapley)
"""Methods whose scores depend on the scoring's seed."""


def has_set(audit: Context, state: JobState, job: Job) -> bool:
    """SCORES, once for a job: whether the set that it commits to, if any, can be read and is that set."""
    evidence = committed_set(job.scoring)
    if evidence is None or not any(scoring.reveals for scoring in state.scorings.values()):
        return True
    where: dict[str, Any] = {"job": state.number, "cid": evidence.cid}
    try:
        evaluation_set.read(evidence, audit.fetch)
    except Malformed as error:
        claim = job_claim(state.number)
        detail = {"why": f"what the job commits to is not an evaluation set: {error}", "touches": (claim,)}
        audit.convict(proposed(state), claim, state_of_proposal(state), Check.SCORES, (), **detail, **where)
    except FedledgerError as error:
        why = f"it could not be had, so no score was recomputed: {error.message}"
        settled = [n for n, scoring in state.scorings.items() if scoring.medians is not None]
        touches = tuple(scores_claim(state.number, number) for number in settled)
        audit.leave_open(Check.SCORES, "the evaluation set", why, touches=touches, **where)
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
        self.audit.found.looked_at.add(self.claim)
        self._void(scoring)
        if not scoring.reveals:
            return
        if not recomputable(self.job.scoring):
            self.audit.found.verify(Check.SCORES, scoring.updates if scoring.medians is not None else 0)
            return
        expected = self._expected(scoring) if self.scorable else None
        if expected is not None:
            revealers = [scoring.reveals[index] for index in sorted(scoring.reveals)]
            proven = {reveal.scorer for reveal in revealers if self._reveal(scoring, reveal, expected)}
            self._medians(scoring, expected, proven)

    @property
    def claim(self) -> str:
        """What is settled, as a claim."""
        return scores_claim(self.state.number, self.round.number)

    def _void(self, scoring: Scoring) -> None:
        """What was withheld, by name, and a scoring that came to nothing."""
        for index in sorted(scoring.withheld):
            scorer = self.audit.describe(scoring.commitments[index].scorer)
            why = f"{scorer} committed to scores and never revealed them"
            said = withheld(self.state.number, self.round.number, scoring.commitments[index])
            self._blame(said, why)
        if scoring.outcome is ScoringPhase.VOID:
            if len(scoring.reveals) >= scoring.quorum:
                self._open("the round has none: nobody settled them in time")
                return
            counts = [plural(count, "reveal") for count in (scoring.quorum, len(scoring.reveals))]
            self._open("the round has none: too few scorers revealed", expected=counts[0], actual=counts[1])

    def _expected(self, scoring: Scoring) -> tuple[int, ...] | None:
        """The scores that recompute; None where they cannot be had, which becomes a finding."""
        audit = self.audit
        try:
            groups = self._groups()
            return score_round(self.state, self.job, self.round, scoring.seed, audit.fetch, groups=groups)
        except Unscorable as error:
            for index in sorted(scoring.reveals):
                why = f"scores were revealed though the rules allow none: {error}"
                self._convict(scoring, scoring.reveals[index], why, moved=True)
        except FedledgerError as error:
            why = f"they could not be recomputed: {error.message}"
            self._open(why, cid=_file(error), touches=self._settled(scoring))
        return None

    def _groups(self) -> MaskedInputs | None:
        """What the groups of a masked round have brought; None of other rounds. Raises Unavailable where bytes are not
        at hand.
        """
        masks = self.audit.history.masks.get(self.state.number)
        if not isinstance(self.job.scoring, GroupShapley):
            return None
        facts = RoundFacts.of(self.audit.place, self.state, self.job, self.round, masks)
        return grouped_inputs(facts, self.audit.fetch)

    def _reveal(self, scoring: Scoring, reveal: Reveal, expected: tuple[int, ...]) -> bool:
        """Whether the reveal is right, or proven false."""
        different = [place for place, score in enumerate(reveal.scores) if score != expected[place]]
        self.audit.found.verify(Check.SCORES, len(expected) - len(different))
        if not different:
            return True
        why = f"revealed scores that do not recompute: {len(different)} of {len(expected)}"
        medians, first = scoring.medians or expected, different[0]
        moved = any(medians[place] != expected[place] for place in different)
        evidence = self._score(first, expected[first], reveal.scores[first])
        return self._convict(scoring, reveal, why, moved=moved, **evidence)

    def _medians(self, scoring: Scoring, expected: tuple[int, ...], proven: set[str]) -> None:
        """A median that differs was moved by those whose reveals differ; the member that settled had no choice.

        Where one of those reveals could not be proven, the median is not either, and the reveal's finding says so.
        """
        for place, median in enumerate(scoring.medians or ()):
            if median == expected[place]:
                self.audit.found.verify(Check.SCORES)
                continue
            liars = {r.scorer for r in scoring.reveals.values() if r.scores[place] != expected[place]}
            if not liars <= proven:
                continue
            names = ", ".join(map(self.audit.describe, sorted(liars)))
            party = self.audit.describe(self.round.admitted()[place].party)
            why = f"the settled score of {party} is {median}, not {expected[place]}; moved by {names}"
            self.audit.found.denied.setdefault(self.claim, why)

    def _settled(self, scoring: Scoring) -> tuple[str, ...]:
        """The claim, where the scores were settled."""
        return (self.claim,) if scoring.medians is not None else ()

    def _score(self, place: int, expected: int, actual: int) -> dict[str, Any]:
        update = self.round.admitted()[place]
        return {"party": self.audit.describe(update.party), "expected": str(expected), "actual": str(actual)}

    def _convict(self, scoring: Scoring, reveal: Reveal, why: str, *, moved: bool, **evidence: Any) -> bool:
        """What the scorer revealed is false; whether its signature could be shown.

        Where the scores are drawn by a seed that no member has signed, a server may have made it up: that is left open.
        """
        if isinstance(self.job.scoring, DRAWN) and scoring.block > self.audit.signed_to:
            scorer, of = self.audit.describe(reveal.scorer), self._settled(scoring)
            self._open(f"{scorer} {why}; but the seed that they are drawn by is under no signed head", touches=of)
            return False
        said = revealed(self.state.number, self.round.number, reveal)
        rests_on = foundation(self.state, self.round, base_of(self.state, self.job, self.round.number).round)
        state = state_of_reveal(scoring, moved=moved)
        detail = {"why": why, "touches": self._settled(scoring), **self._where, **evidence}
        return self.audit.convict(said, f"reveal of {self.claim}", state, Check.SCORES, rests_on, **detail)

    def _blame(self, said: Said, why: str) -> None:
        self.audit.blame([said], Check.SCORES, f"the {self.claim}", why, **self._where, tx=said.tx.hex())

    def _open(self, why: str, **detail: Any) -> None:
        self.audit.leave_open(Check.SCORES, f"the {self.claim}", why, **self._where, **detail)

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.state.number, "round": self.round.number}


def _file(error: FedledgerError) -> str | None:
    """Which file an error is about."""
    return next((str(error.facts[name]) for name in ("cid", "file") if name in error.facts), None)
