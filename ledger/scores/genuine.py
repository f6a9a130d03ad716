"""Which of a round's updates are their parties' own (docs/spec/scores.md, "Genuine updates").

One that brings nothing of its party's own is void: it does not play, and ranks last under every method.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.jobs.scores import GroupShapley, NoScoring
from ledger.rounds.facts import base_of
from ledger.rounds.inputs import Fetch
from ledger.rounds.model import inputs_of
from ledger.rounds.rules.clipping import clipped, factor_of
from ledger.rounds.scaled import cut
from ledger.scores import geometry
from ledger.scores.coalition import MAX_HELD, Values, reader, update_readers


class Void(IntEnum):
    """Why an update does not play. Numbers are never reused."""

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
    Void.COPY: "the same integers as an update committed to before it in the round",
    Void.NEAR_COPY: "points where an update committed to before it in the round points",
    Void.LAST_STEP: "points where the last step of the global model pointed",
}


@dataclass(frozen=True)
class RoundVectors:
    """A round's integers, in memory where they fit: the admitted updates, the base model, and its last step."""

    admitted: list[Update]
    base: Values
    updates: list[Values]
    step: Values | None

    @property
    def centre(self) -> Values | None:
        """The last step as a rule may start from it."""
        step = self.step
        return None if step is None else lambda start, stop: cut(step(start, stop))


def judge_genuine(state: JobState, job: Job, round_: Round, fetch: Fetch) -> dict[int, Void]:
    """Whether each update of the final model is its party's own, by member index: the first of these that applies.

    1. All its integers are zero (ZERO).
    2. Its tensor root is that of an update which an earlier finalised round of the job used (REPLAY).
    3. Its tensor root is that of one of this round committed to before it (COPY).
    4. The sine of its angle to one of this round committed to before it is `copy_ppm` or less (NEAR_COPY).
    5. The same of the step that the base model made from its own base (LAST_STEP).

    Only updates that the final models are made of count as originals: what was refused is nobody's original.
    """
    return judge_vectors(state, job, round_, vectors_of(state, job, round_, fetch))


def judge_vectors(state: JobState, job: Job, round_: Round, vectors: RoundVectors) -> dict[int, Void]:
    """The same of integers that are read already."""
    return _Genuine(state, job, round_, vectors).judge()


def vectors_of(state: JobState, job: Job, round_: Round, fetch: Fetch) -> RoundVectors:
    """The integers of a finalised round. Raises as `fetch`, here or when they are read."""
    admitted, base = round_.admitted(), base_of(state, job, round_.number)
    inputs = inputs_of(state, job, round_, base, admitted, fetch)
    keep = 4 * job.layout.values * (len(admitted) + 3) <= MAX_HELD
    now, updates = reader(inputs, base.cid, keep), update_readers(inputs, keep)
    if job.admission.clips:
        updates = _clipped(updates, job)
    if base.round == 0:
        return RoundVectors(admitted, now, updates, None)
    before = reader(inputs, base_of(state, job, base.round).cid, keep)
    return RoundVectors(admitted, now, updates, _difference(now, before))


def _clipped(updates: list[Values], job: Job) -> list[Values]:
    """The updates as the model has them: what is beyond the job's norm is cut to it."""
    lengths = geometry.squares(updates, job.layout.values)
    factors = [factor_of(squares, job.admission.max_norm) for squares in lengths]
    return [_shortened(*one) for one in zip(updates, factors, strict=True)]


def _shortened(values: Values, factor: int) -> Values:
    return lambda start, stop: clipped(values(start, stop), factor)


def _difference(now: Values, before: Values) -> Values:
    """The last step. Its values may need 33 bits, which no update has, and which the sums hold."""
    return lambda start, stop: now(start, stop).astype(np.int64) - before(start, stop)


class _Genuine:
    """Judges which of a round's updates are their parties' own: see `judge_genuine`."""

    def __init__(self, state: JobState, job: Job, round_: Round, vectors: RoundVectors) -> None:
        place = {update.index: k for k, update in enumerate(vectors.admitted)}
        self._updates = [(place[k], update) for k, update in round_.updates.items() if k in place]
        self._used = {u.root for k in state.lineage(state.built_on(round_.number)) for u in state.rounds[k].admitted()}
        self._step = len(vectors.updates)
        compared = [*vectors.updates, *([vectors.step] if vectors.step else [])]
        self._squares = geometry.squares(compared, job.layout.values)
        ppm = 0 if isinstance(job.scoring, NoScoring | GroupShapley) else job.scoring.copy_ppm
        self._near = geometry.near_pairs(compared, self._pairs(), self._squares, job.layout.values, ppm)

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
        """Each update with each committed to before it, and with the last step where there is one."""
        order = [place for place, _ in self._updates]
        for at, later in enumerate(order):
            yield from ((later, earlier) for earlier in order[:at])
            if len(self._squares) > self._step:
                yield later, self._step
