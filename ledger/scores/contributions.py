"""Contribution scores of a round: the one computation that scorers and auditors share (docs/spec/scores.md).

Only genuine updates play. One that brings nothing of its party's own is void: it is no player, and its score is below
every other, so that it ranks last whatever the method.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ledger.errors import UsageError
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import CommittedSet, Cosine, Job, Measured, NoScoring, Scored, WeightedMean
from ledger.rounds.aggregation import Fetch, Ints
from ledger.rounds.facts import base_of
from ledger.rounds.outcome import inputs_of
from ledger.rounds.weights import shares
from ledger.scores import evaluation_set, geometry, utility
from ledger.scores import methods as scoring
from ledger.scores.coalition import MAX_HELD, Coalitions, Values, reader
from ledger.scores.game import Game, TooFewPlayers, Worth
from ledger.scores.inference import NeuralNetwork

__all__ = [
    "Utility",
    "Void",
    "coalition_table",
    "committed_utility",
    "judge_genuine",
    "score_round",
]

Utility = Callable[[Ints], int]
"""What a model is worth, from its integers: a whole number of parts per million, within ±1,000,000,000."""

MAX_SCORE = 999_999_999
"""Scores are cut here, so that a void update's stays within the contract's bound."""


class Void(IntEnum):
    """Why an update is no player. Numbers are never reused."""

    NONE = 0
    ZERO = 1
    REPLAY = 2
    COPY = 3
    NEAR_COPY = 4
    LAST_STEP = 5

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Void.NONE: "genuine",
    Void.ZERO: "changes nothing: all its integers are zero",
    Void.REPLAY: "an earlier round's update once more",
    Void.COPY: "the same integers as an update registered before it in the round",
    Void.NEAR_COPY: "points where an update registered before it in the round points",
    Void.LAST_STEP: "points where the last step of the global model pointed",
}


def score_round(
    state: JobState,
    job: Job,
    round_: Round,
    seed: bytes,
    fetch: Fetch,
    utility: Utility | None = None,
) -> tuple[int, ...]:
    """One score for each update that the round's final model is made of, by ascending member index.

    1. Judge which updates are genuine.
    2. Score those by the job's method: on the job's committed set, exactly, or by `utility`, a scorer's own.
    3. A void update scores one less than the lowest genuine score, or than 0 where that is lower.

    `seed` is the one that the ledger drew when the scoring was opened. Raises Unscorable where the rules allow no
    scores, BadUtility for a utility that is none, Malformed for a set that is not the job's, Unavailable where bytes
    cannot be had, UsageError where there is nothing to score.
    """
    players = _players(state, job, round_, fetch)
    if isinstance(players.method, Cosine):
        if len(players.genuine) < 2:
            raise TooFewPlayers("scores need two genuine updates at least", players=len(players.genuine))
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


def judge_genuine(state: JobState, job: Job, round_: Round, fetch: Fetch) -> dict[int, Void]:
    """Whether each update of the final model is its party's own, by member index: the first of these that applies.

    1. All its integers are zero (ZERO).
    2. Its tensor root is that of an update which an earlier finalised round of the job used (REPLAY).
    3. Its tensor root is that of one of this round registered before it (COPY).
    4. The sine of its angle to one of this round registered before it is `copy_ppm` or less (NEAR_COPY).
    5. The same of the step that the base model made from its own base (LAST_STEP).

    Only updates that the final models are made of count as originals: what was refused is nobody's original.
    """
    return _Genuine(state, job, round_, _readers(state, job, round_, fetch)).judge()


@dataclass(frozen=True)
class _Readers:
    """A round's integers, in memory where they fit: the admitted updates, the base model, and its last step."""

    admitted: list[Update]
    base: Values
    updates: list[Values]
    step: Values | None


@dataclass(frozen=True)
class _Players:
    """The genuine updates of a round: their members' indices, weights in the mean, and integers."""

    job: Job
    method: Scored
    genuine: list[int]
    weights: list[int]
    base: Values
    updates: list[Values]
    fetch: Fetch

    def worth(self, private: Utility | None) -> Worth:
        """What a coalition is worth. Raises UsageError where neither the job nor the caller says how to measure."""
        measure = private or committed_utility(self.job, self.fetch)
        coalitions = Coalitions(self.job.aggregation, self.weights, self.job.layout.values, self.base, self.updates)
        return lambda members: measure(coalitions.model(members))


def _players(state: JobState, job: Job, round_: Round, fetch: Fetch) -> _Players:
    if isinstance(job.scoring, NoScoring) or not round_.final:
        raise UsageError(
            "there is nothing to score: the job makes no scores, or the round has no final model",
            method=job.scoring.method,
            round=round_.number,
            phase=round_.phase.value,
        )
    readers = _readers(state, job, round_, fetch)
    judged = _Genuine(state, job, round_, readers).judge()
    kept = [k for k, update in enumerate(readers.admitted) if judged[update.index] is Void.NONE]
    return _Players(
        job,
        job.scoring,
        [readers.admitted[k].index for k in kept],
        _weights(state, job, round_, [readers.admitted[k] for k in kept]),
        readers.base,
        [readers.updates[k] for k in kept],
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


def _readers(state: JobState, job: Job, round_: Round, fetch: Fetch) -> _Readers:
    admitted, base = round_.admitted(), base_of(state, job, round_.number)
    inputs = inputs_of(state, job, round_, base, admitted, fetch)
    keep = 4 * job.layout.values * (len(admitted) + 3) <= MAX_HELD
    now, *updates = [reader(inputs, cid, keep) for cid in (base.cid, *inputs.updates)]
    if base.round == 0:
        return _Readers(admitted, now, updates, None)
    before = reader(inputs, base_of(state, job, base.round).cid, keep)
    return _Readers(admitted, now, updates, _difference(now, before))


def _difference(now: Values, before: Values) -> Values:
    """The last step. Its values may need 33 bits, which no update has, and which the sums hold."""
    return lambda start, stop: now(start, stop).astype(np.int64) - before(start, stop)


class _Genuine:
    """Judges which of a round's updates are their parties' own: see `judge_genuine`."""

    def __init__(self, state: JobState, job: Job, round_: Round, readers: _Readers) -> None:
        place = {update.index: k for k, update in enumerate(readers.admitted)}
        self._updates = [(place[k], update) for k, update in round_.updates.items() if k in place]
        self._used = {u.root for k in range(1, round_.number) for u in state.rounds[k].admitted()}
        self._step = len(readers.updates)
        vectors = [*readers.updates, *([readers.step] if readers.step else [])]
        self._squares = geometry.squares(vectors, job.layout.values)
        ppm = 0 if isinstance(job.scoring, NoScoring) else job.scoring.copy_ppm
        self._near = geometry.near_pairs(vectors, self._pairs(), self._squares, job.layout.values, ppm)

    def judge(self) -> dict[int, Void]:
        judged, seen = {}, set[bytes]()
        for place, update in self._updates:
            judged[update.index] = self._first(place, update.root, seen)
            seen.add(update.root)
        return dict(sorted(judged.items()))

    def _first(self, place: int, root: bytes, seen: set[bytes]) -> Void:
        if not self._squares[place]:
            return Void.ZERO
        if root in self._used:
            return Void.REPLAY
        if root in seen:
            return Void.COPY
        near = {other for later, other in self._near if later == place}
        if near - {self._step}:
            return Void.NEAR_COPY
        return Void.LAST_STEP if near else Void.NONE

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Each update with each registered before it, and with the last step where there is one."""
        order = [place for place, _ in self._updates]
        for at, later in enumerate(order):
            yield from ((later, earlier) for earlier in order[:at])
            if len(self._squares) > self._step:
                yield later, self._step
