"""Contribution scores of a round: the one computation that scorers and auditors share (docs/spec/scores.md).

Only genuine updates play (`ledger.scores.genuine`); the score of a void one is below every other, so that it ranks last
under every method.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.errors import UsageError
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import CommittedSet, Cosine, GroupShapley, Measured, NoScoring, Scored
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.inputs import MaskedInputs
from ledger.rounds.rules.arithmetic import Ints
from ledger.rounds.weights import shares
from ledger.scores import evaluation_set, geometry, utility
from ledger.scores import methods as scoring
from ledger.scores.coalition import Coalitions, Values
from ledger.scores.game import Game, TooFewPlayers, Worth
from ledger.scores.genuine import Void, judge_vectors, vectors_of
from ledger.scores.grouped import group_scores
from ledger.scores.inference import NeuralNetwork

Utility = Callable[[Ints], int]
"""What a model is worth, from its integers: a whole number of parts per million, within ±1,000,000,000."""

MAX_SCORE = 999_999_999
"""Scores are cut here, so that a void update's stays within the contract's bound."""


def score_round(
    state: JobState,
    job: Job,
    round_: Round,
    seed: bytes,
    fetch: Fetch,
    utility: Utility | None = None,
    groups: MaskedInputs | None = None,
) -> tuple[int, ...]:
    """One score for each update that the round's final model is made of, by ascending member index.

    1. Judge which updates are genuine.
    2. Score those by the job's method: on the job's committed set, exactly, or by `utility`, a scorer's own.
    3. A void update scores one less than the lowest genuine score, or than 0 where that is lower.

    Of a masked round `groups` are what its groups brought (`summed.grouped_inputs`), and 1 and 3 do not apply.

    `seed` is the one that the ledger drew when the scoring was opened. Raises Unscorable where the rules allow no
    scores, BadUtility for what is not a utility, Malformed for a set that is not the job's, Unavailable where bytes
    cannot be had, UsageError where there is nothing to score.
    """
    if isinstance(job.scoring, GroupShapley) and round_.final and groups is not None:
        of_groups = group_scores(groups, utility or committed_utility(job, fetch))
        return tuple(min(max(score, -MAX_SCORE), MAX_SCORE) for score in of_groups)
    players = _players(state, job, round_, fetch)
    if isinstance(players.method, Cosine):
        if len(players.genuine) < 2:
            raise TooFewPlayers("scores need at least two genuine updates", players=len(players.genuine))
        found: Sequence[int] = geometry.cosines_to_others(players.weights, players.updates, job.layout.values)
    else:
        found = scoring.scores(players.method, players.weights, seed, players.worth(utility))
    kept = [min(max(score, -MAX_SCORE), MAX_SCORE) for score in found]
    scores = dict(zip(players.genuine, kept, strict=True))
    last = min(0, *kept) - 1
    return tuple(scores.get(update.index, last) for update in round_.admitted())


def coalition_table(
    state: JobState, job: Job, round_: Round, fetch: Fetch, utility: Utility | None = None
) -> dict[frozenset[int], int]:
    """What the model of every coalition of genuine updates is worth, by the indices of its members.

    Raises as `score_round`, TooManyPlayers above 12, and UsageError for a method without a utility.
    """
    players = _players(state, job, round_, fetch)
    worths = scoring.table(Game(len(players.genuine), players.worth(utility)))
    return {frozenset(players.genuine[k] for k in members): worth for members, worth in worths.items()}


@dataclass(frozen=True)
class _Players:
    """The genuine updates of a round: their members' indices, weights in the mean, and integers."""

    job: Job
    method: Scored
    genuine: list[int]
    weights: list[int]
    base: Values
    updates: list[Values]
    centre: Values | None
    fetch: Fetch

    def worth(self, private: Utility | None) -> Worth:
        """What a coalition is worth. Raises UsageError where neither the job nor the caller says how to measure."""
        measure = private or committed_utility(self.job, self.fetch)
        job, size = self.job, self.job.layout.values
        coalitions = Coalitions(job.aggregation, self.weights, size, self.base, self.updates, self.centre)
        return lambda members: measure(coalitions.model(members))


def _players(state: JobState, job: Job, round_: Round, fetch: Fetch) -> _Players:
    if isinstance(job.scoring, GroupShapley):
        raise UsageError(
            "updates of a masked job are not seen one by one: its scores are those of groups",
            advice="fedledger job scores shows them",
            method=job.scoring.method,
        )
    if isinstance(job.scoring, NoScoring) or not round_.final:
        raise UsageError(
            "there is nothing to score: the job makes no scores, or the round has no final model",
            method=job.scoring.method,
            round=round_.number,
            phase=round_.phase.value,
        )
    vectors = vectors_of(state, job, round_, fetch)
    judged = judge_vectors(state, job, round_, vectors)
    kept = [k for k, update in enumerate(vectors.admitted) if judged[update.index] is Void.NONE]
    return _Players(
        job,
        job.scoring,
        [vectors.admitted[k].index for k in kept],
        _weights(state, job, round_, [vectors.admitted[k] for k in kept]),
        vectors.base,
        [vectors.updates[k] for k in kept],
        vectors.centre,
        fetch,
    )


def _weights(state: JobState, job: Job, round_: Round, updates: Sequence[Update]) -> list[int]:
    """What updates weigh in the round's mean; under rules that use no weights, all the same."""
    return shares(state, job, round_, updates) if isinstance(job.aggregation, WeightedMean) else [1] * len(updates)


def committed_utility(job: Job, fetch: Fetch) -> Utility:
    """The utility that anyone can compute. Raises UsageError where the job has none."""
    method = job.scoring
    if not isinstance(method, Measured) or not isinstance(method.evidence, CommittedSet):
        raise UsageError(
            "the job has no committed set: a model is measured on a scorer's own data",
            method=method.method,
            advice="only its scorer can make these scores; others see the median of what was revealed",
        )
    rows = evaluation_set.read(method.evidence, fetch)
    network = NeuralNetwork(method.evidence.shape, method.evidence.layers, job.layout)
    return lambda model: utility.measure(method.utility, network.outputs(model, rows.inputs), rows.labels)
