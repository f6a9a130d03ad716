"""The rounds that are being trained in processes of their own, one of each job at most."""

import time
from collections import Counter
from pathlib import Path

from ledger.errors import Unavailable
from ledger.history.phases import present
from ledger.history.state import JobState, Phase
from ledger.rounds.facts import RoundFacts
from participant.integers.fixed_point import Stream
from participant.node.steps import RoundKey
from participant.trainer.errand import Ended, Errand
from participant.trainer.messages import Progress, Train, TrainedUpdate
from participant.trainer.trainers import Trainers

TRIES = 2
"""How often a round is trained whose process is ended from outside: memory may be free again."""
FIRST_WORD, LONGEST_SILENCE = 10.0, 600.0
"""Seconds after which progress is told: at first, and at most; in between twice as long each time."""


class Trainings:
    """Begins them, says how far they are, and hands over what came out."""

    def __init__(self, trainers: Trainers) -> None:
        self._trainers = trainers
        self._errands: dict[RoundKey, Errand] = {}
        self._bases: dict[RoundKey, bytes] = {}
        self._ended: Counter[RoundKey] = Counter()
        self._next_word: dict[RoundKey, float] = {}

    @property
    def rows(self) -> Path:
        """The home's folder of salts and leaves."""
        return self._trainers.machine.rows

    def under_way(self) -> frozenset[RoundKey]:
        """The rounds that are being trained now."""
        return frozenset(key for key, errand in self._errands.items() if not errand.done)

    def of(self, facts: RoundFacts) -> Errand | None:
        """The round's training, under way or done; None where there is none on this base model."""
        key = (facts.round.job, facts.round.number)
        if key in self._errands and self._bases[key] != facts.base.root:  # the chain was reorganised
            self._trainers.close_errand(self._errands.pop(key))
        return self._errands.get(key)

    def begin(self, facts: RoundFacts, base: Stream, data: Path, seed: int, seconds: float, *, keep: bool) -> Errand:
        """Train a round on the data, from its base model, within `seconds`.

        Raises Unavailable where the disk does not take what that needs, UsageError for a launcher that does not start.
        """
        round_ = facts.round
        key, do = (round_.job, round_.number), Train(round=round_.number, seed=seed, keep=keep)
        self._errands[key] = self._trainers.begin(facts.job, round_.job, do, data, seconds=seconds, model=base)
        self._next_word[key], self._bases[key] = FIRST_WORD, facts.base.root
        return self._errands[key]

    def take(self, facts: RoundFacts) -> tuple[TrainedUpdate, Stream, tuple[bytes, ...]]:
        """What a training that is done came to: its update, and the leaves of its data, taken from the trainer.

        Raises UsageError or Unavailable, with task, job, round and file, where nothing came out; Unavailable where
        something from outside ended the process for the first time, Malformed for an answer to something else.
        """
        key = (facts.round.job, facts.round.number)
        errand = self._errands.pop(key)
        try:
            trained = errand.expect(TrainedUpdate)
            return trained, errand.update(facts.job.layout.values), errand.leaves()
        except Ended as error:
            self._ended[key] += 1
            if error.outside and self._ended[key] < TRIES:
                raise Unavailable(error.message, advice=error.advice, **error.facts) from error
            raise
        finally:
            self._trainers.close_errand(errand)

    def overtaken(self, state: JobState, now: int) -> list[int]:
        """End the trainings of rounds that collect no more; their numbers."""
        round_ = state.current
        collects = round_ is not None and present(round_, state.terms, now).phase is Phase.COLLECTING
        wanted = (state.number, round_.number) if round_ is not None and collects else None
        over = [key for key in self._errands if key[0] == state.number and key != wanted]
        for key in over:
            self._trainers.close_errand(self._errands.pop(key))
        return [number for _, number in over]

    def news(self, job: int) -> Progress | None:
        """How far the job's training is, where it is time to say so: less and less often."""
        now = time.time()
        for key, errand in self._errands.items():
            if key[0] != job or now - errand.began < self._next_word[key] or errand.done:
                continue
            passed = now - errand.began
            self._next_word[key] = passed + min(max(passed, FIRST_WORD), LONGEST_SILENCE)
            began = Progress(job=job, round=key[1], began=errand.began)
            return errand.progress or began
        return None


def words(progress: Progress, now: float) -> str:
    """Progress as people read it."""
    parts = [f"training for {now - progress.began:.0f} s"]
    if progress.epochs:
        parts.append(f"epoch {progress.done:g} of {progress.epochs:g}")
    if progress.loss:
        parts.append(f"loss {float(progress.loss):.4f}")
    left = progress.left(now)
    if left is not None:
        parts.append(f"about {left:.0f} s left")
    return ", ".join(parts)
