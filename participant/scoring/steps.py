"""What a scorer does next for a job's scores: a pure decision, as `participant.node.steps` is for the job's rounds.

Finalised rounds are scored one at a time, in ascending order, beside the rounds that follow and after the last
(docs/spec/scores.md). Any scorer may open, settle or void; they do so in an order that turns with the rounds. All times
are seconds of the chain's clock; a deadline's own second is in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.events.records import Role
from ledger.history.convicted import waits
from ledger.history.fold import History
from ledger.history.state import JobState, Member, Scoring, ScoringPhase
from ledger.rounds.depth import PARTS, DeepBlock
from ledger.rounds.steps import COURTESY, STILL, Nudge, Wait


@dataclass(frozen=True, slots=True)
class OpenScoring:
    """Begin the scoring of a finalised round."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class CommitScores:
    """Work the scores out and commit to them."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class RevealScores:
    """Show what was committed to."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class SettleScores:
    """Claim the medians of what was revealed, for the updates that one call settles."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class VoidScoring:
    """End a scoring with too few reveals, or that nobody settled in time."""

    job: int
    round: int


ScoringStep = OpenScoring | CommitScores | RevealScores | SettleScores | VoidScoring | Nudge | Wait


@dataclass(frozen=True, slots=True)
class ScoringSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `deep` the latest block that anything may rest on that is shown or signed; `since` when
    this scorer first saw the job's scorings as they are; `still` for how many seconds the chain made no further block.
    `abstained` says of rounds (job, round) why this scorer makes no scores for them.
    """

    now: int
    deep: DeepBlock
    since: int
    still: int = 0
    abstained: Mapping[tuple[int, int], str] = field(default_factory=dict)


def enough_scorers(history: History, state: JobState) -> bool:
    """Whether a scoring can be opened at all: as many members as must reveal are scorers."""
    return sum(member.has(Role.SCORER) for member in history.members.values()) >= state.terms.scorers


def scores_left(history: History, state: JobState) -> bool:
    """Whether a scoring is under way or to come."""
    return state.scoring is not None or (state.next_to_score is not None and enough_scorers(history, state))


def next_scoring_step(history: History, state: JobState, me: str, at: ScoringSituation) -> ScoringStep:
    """What the member with the key `me` does next for a job's scores."""
    if not state.terms.scored:
        return Wait("this job makes no scores")
    member = history.member_of(me)
    if member is None or member.key != me or not member.has(Role.SCORER):
        return Wait("this member is not a scorer")
    scoring = state.scoring
    if scoring is None:
        return _open(history, state, member, at)
    match scoring.phase(at.now):
        case ScoringPhase.COMMITTING:
            return _commit(history, state, scoring, member, at)
        case ScoringPhase.REVEALING:
            return _reveal(history, state, scoring, member, at)
    return _over(history, scoring, member, at)


def _open(history: History, state: JobState, member: Member, at: ScoringSituation) -> ScoringStep:
    number = state.next_to_score
    if number is None:
        return Wait("every finalised round is scored")
    if state.is_convicted(number):
        return Wait(waits(state))
    if not enough_scorers(history, state):
        return Wait(f"too few members are scorers: a scoring needs {state.terms.scorers}")
    return _in_turn(history, member, OpenScoring(state.number, number), at.since, at)


def _commit(history: History, state: JobState, scoring: Scoring, member: Member, at: ScoringSituation) -> ScoringStep:
    """A commitment binds to the scoring's seed, which another block of its opening would change."""
    if member.index in scoring.commitments:
        return Wait(f"the other scorers of round {scoring.round} commit", scoring.commit_deadline + 1)
    if not member.acts(Role.SCORER, scoring.epoch):
        why = f"this key or its role came after the scoring of round {scoring.round} was opened"
        return Wait(why, scoring.commit_deadline + 1)
    if (scoring.job, scoring.round) in at.abstained:
        return Wait(at.abstained[scoring.job, scoring.round], scoring.commit_deadline + 1)
    if scoring.block > at.deep.number:
        seconds = state.terms.score_seconds
        return _deepen(history, member, scoring, "commits to no scores", at.since + seconds // PARTS, at)
    return CommitScores(scoring.job, scoring.round)


def _reveal(history: History, state: JobState, scoring: Scoring, member: Member, at: ScoringSituation) -> ScoringStep:
    """Nobody sees scores before all are fixed: a scorer that may still commit on another branch could copy them."""
    withholds = (scoring.job, scoring.round) in at.abstained
    if member.index not in scoring.pending or withholds:
        return Wait(f"the other scorers of round {scoring.round} reveal", scoring.reveal_deadline + 1)
    if not at.deep.fixes_scores(scoring):
        begun = max(at.since, 0 if scoring.full else scoring.commit_deadline + 1)
        return _deepen(history, member, scoring, "shows no scores", begun + state.terms.reveal_seconds // PARTS, at)
    return RevealScores(scoring.job, scoring.round)


def _deepen(
    history: History, member: Member, scoring: Scoring, what: str, start: int, at: ScoringSituation
) -> Nudge | Wait:
    """The chain makes the blocks that are waited for; from `start` on, one that stands still is nudged, in turn."""
    due = max(start, at.now + STILL + COURTESY * _rank(history, member, scoring.round) - at.still)
    if at.now < due:
        return Wait(f"{what} of round {scoring.round} before further blocks of the chain", due)
    return Nudge(scoring.job, scoring.round)


def _over(history: History, scoring: Scoring, member: Member, at: ScoringSituation) -> ScoringStep:
    """Settle range after range; what is not settled in time is made void, so that the next round has its scores."""
    start = max(at.since, _closed(scoring))
    if len(scoring.reveals) < scoring.quorum:
        return _in_turn(history, member, VoidScoring(scoring.job, scoring.round), start, at)
    if at.now > scoring.settle_deadline:
        start = max(start, scoring.settle_deadline + 1)
        return _in_turn(history, member, VoidScoring(scoring.job, scoring.round), start, at)
    seconds = scoring.settle_deadline - scoring.reveal_deadline
    return _in_turn(history, member, SettleScores(scoring.job, scoring.round), start, at, seconds // 2)


def _closed(scoring: Scoring) -> int:
    """The first second in which nothing more can be waited for, as far as deadlines tell."""
    if scoring.pending:
        return scoring.reveal_deadline + 1
    return 0 if scoring.full else scoring.commit_deadline + 1


def _in_turn(
    history: History,
    member: Member,
    step: OpenScoring | SettleScores | VoidScoring,
    start: int,
    at: ScoringSituation,
    seconds: int | None = None,
) -> ScoringStep:
    """Each leaves it a while to the one before it; all of them together these seconds, where there are no more."""
    scorers = sum(other.has(Role.SCORER) for other in history.members.values())
    pause = COURTESY if seconds is None else min(COURTESY, seconds // scorers)
    turn = start + pause * _rank(history, member, step.round)
    if at.now < turn:
        return Wait(f"leaves the scoring of round {step.round} to another scorer", turn)
    return step


def _rank(history: History, member: Member, round_: int) -> int:
    """A scorer's place among the scorers, in an order that turns with the rounds."""
    scorers = [other.index for other in history.members.values() if other.has(Role.SCORER)]
    return (scorers.index(member.index) + round_) % len(scorers)
