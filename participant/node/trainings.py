"""The rounds that are being trained in processes of their own, one of each job at most."""

import time
from functools import partial
from pathlib import Path

from ledger.formats.digest import encode, sha256
from ledger.history.phases import present
from ledger.history.state import JobState, Phase
from ledger.rounds.facts import RoundFacts
from participant.integers.fixed_point import Stream
from participant.node.steps import RoundKey
from participant.trainer.errand import Errand, Tries
from participant.trainer.messages import Progress, Train, TrainedUpdate
from participant.trainer.trainers import Trainers

FIRST_WORD, LONGEST_SILENCE = 10.0, 600.0
"""Seconds after which progress is told: at first, and at most; in between twice as long each time."""


def seed_of(job: bytes, round_: int, member: int) -> int:
    """The random seed of a member's training in a round: 63 bits that nobody chooses. `job` is its digest. In a
    buffered job the round is the one after the model's that is trained on, and as many later as failed since with a
    commitment of the member.

    By member index, not by key: the same job on the same data makes the same models, with any keys.
    """
    return int.from_bytes(sha256(encode(["training seed", job.hex(), round_, member]))[:8], "big") >> 1


class Trainings:
    """Begins them, says how far they are, and hands over what came out."""

    def __init__(self, trainers: Trainers) -> None:
        self._trainers = trainers
        self._errands: dict[RoundKey, Errand] = {}
        self._starts: dict[RoundKey, bytes] = {}
        self._tries = Tries()
        self._next_word: dict[RoundKey, float] = {}

    @property
    def rows(self) -> Path:
        """The home's folder of salts and leaves."""
        return self._trainers.machine.rows

    def under_way(self) -> frozenset[RoundKey]:
        """The rounds that are being trained now."""
        return frozenset(key for key, errand in self._errands.items() if not errand.done)

    def of(self, facts: RoundFacts, mark: bytes = b"") -> Errand | None:
        """The round's training, under way or done; None where there is none from this base model and those own tensors
        that `mark` is of (`participant.private.states.PrivateStates.mark`).
        """
        key = (facts.round.job, facts.round.number)
        if key in self._errands and self._starts[key] != _start(facts, mark):  # the chain was reorganised
            self._trainers.close_errand(self._errands.pop(key))
        return self._errands.get(key)

    def begin(
        self,
        facts: RoundFacts,
        base: Stream,
        data: Path,
        seed: int,
        seconds: float,
        *,
        keep: bool,
        drift: Stream | None = None,
        own: bytes = b"",
        mark: bytes = b"",
    ) -> Errand:
        """Train a round on the data, from its base model and the party's own tensors, which `mark` is of, within
        `seconds`, its steps corrected by `drift`.

        Raises Unavailable where the disk does not take what that needs, UsageError for a launcher that does not start.
        """
        round_ = facts.round
        key, do = (round_.job, round_.number), Train(round=round_.number, seed=seed, keep=keep)
        begun = partial(self._trainers.begin, facts.job, round_.job, do, data, seconds=seconds)
        self._errands[key] = begun(model=base, drift=drift, own=own)
        self._next_word[key], self._starts[key] = FIRST_WORD, _start(facts, mark)
        return self._errands[key]

    def take(self, facts: RoundFacts) -> tuple[TrainedUpdate, Stream, tuple[bytes, ...], bytes]:
        """What a training that is done came to: its update, the leaves of its data, and what stays at home, taken from
        the trainer.

        Raises UsageError or Unavailable, with task, job, round and file, where nothing came out; Unavailable where
        something from outside ended the process for the first time, Malformed for an answer to something else.
        """
        key = (facts.round.job, facts.round.number)
        errand = self._errands.pop(key)
        try:
            with self._tries.of(key):
                trained = errand.expect(TrainedUpdate)
            return trained, errand.update(facts.job.layout.values), errand.leaves(), errand.left()
        finally:
            self._trainers.close_errand(errand)

    def of_job(self, job: int) -> list[RoundKey]:
        """The job's trainings, under way or done."""
        return [key for key in self._errands if key[0] == job]

    def end(self, key: RoundKey) -> None:
        """End a training whose result is not wanted."""
        self._trainers.close_errand(self._errands.pop(key))

    def overtaken(self, state: JobState, now: int) -> list[int]:
        """End the trainings of rounds that collect no more; their numbers. A buffered job's go on until it is over."""
        if state.terms.buffer and not state.closed and not state.complete:
            return []
        round_ = state.current if not state.terms.buffer else None
        collects = round_ is not None and present(round_, state.terms, now).phase is Phase.COLLECTING
        wanted = (state.number, round_.number) if round_ is not None and collects else None
        over = [key for key in self._errands if key[0] == state.number and key != wanted]
        for key in over:
            self.end(key)
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


def _start(facts: RoundFacts, mark: bytes) -> bytes:
    """What a training starts from, by digest."""
    return facts.base.root + sha256(mark)


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
