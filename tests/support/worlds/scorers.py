"""The small consortium of `world`, whose job makes scores: an evaluation set in its files, and scorers that score its
rounds, honestly or not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from support.worlds.chain import BOARD, CHAIN
from support.worlds.world import TERMS, World, seen

from ledger.events import records
from ledger.formats.artifact import Tensor
from ledger.formats.claims import pack_scores, scores_commitment
from ledger.formats.unixfs import cid_of
from ledger.history.scorings import bitmap, root_of, settlement
from ledger.jobs.layers import Linear
from ledger.jobs.scores import CommittedSet, Cosine, PrivateSets, Scoring, Shapley
from ledger.scores.contributions import score_round
from ledger.scores.evaluation_set import EvaluationSet, write

NET = (Tensor("0.bias", (2,)), Tensor("0.weight", (2, 3)))
LAYERS = (Linear(weight="0.weight", bias="0.bias"),)
QUORUM = 2
SCORED = msgspec.structs.replace(TERMS, score_seconds=60, reveal_seconds=60, scorers=QUORUM)
PRIVATE = Shapley(utility="accuracy", evidence=PrivateSets())
COSINE = Cosine()


def rows(count: int = 40, seed: int = 5) -> EvaluationSet:
    """Labelled rows of three inputs that a linear model can separate, more or less."""
    random = np.random.default_rng(seed)
    inputs = random.integers(-(1 << 16), 1 << 16, (count, 3)).astype("<i4")
    return EvaluationSet(inputs, (inputs.sum(axis=1) > 0).astype("<i4"))


def committed(evaluation: EvaluationSet, **changes: Any) -> tuple[bytes, CommittedSet]:
    """The set's file and what a job says of it."""
    content, root = write(evaluation, 2)
    said = {"cid": str(cid_of([content])[0]), "root": root.hex(), "samples": len(evaluation.labels)}
    return content, CommittedSet(**(said | {"shape": (3,), "classes": 2, "layers": LAYERS} | changes))


def shapley(weighting: Any = "none", **changes: Any) -> tuple[bytes, Scoring]:
    """Exact Shapley of the loss on a committed set, and the set's file."""
    content, evidence = committed(rows(), **changes)
    return content, Shapley(utility="loss", evidence=evidence, weighting=weighting)


class ScoredWorld(World):
    """A world whose job is scored as given; by default on a committed set, whose file everyone can read."""

    def __init__(self, scoring: Scoring | None = None, *, content: bytes = b"", **options: Any) -> None:
        super().__init__(tensors=NET, terms=SCORED, **options)
        if scoring is None:
            content, scoring = shapley()
        if content:
            self.files.put(content)
        self.job = msgspec.structs.replace(self.job, scoring=scoring)
        self.layout = self.job.layout
        self.files.put(self.job.encode())

    def scores(self, number: int | None = None) -> tuple[int, ...]:
        """What recomputes for a scoring that is open."""
        number = number or self.under_way
        round_, seed = self.state.rounds[number], self.state.scorings[number].seed
        return score_round(self.state, self.job, round_, seed, self.files.fetch)

    @property
    def under_way(self) -> int:
        """The round whose scoring is open."""
        assert self.state.scoring is not None
        return self.state.scoring.round

    def open_scoring(self) -> "ScoredWorld":
        """Open the scoring of the first finalised round that had none."""
        number = self.state.next_to_score
        assert number is not None
        final = self.state.rounds[number].final
        assert final is not None
        updates = final.verdicts.count(0)
        opened = {"opener": self.keys[0], "epoch": 1, "scorers": len(self.keys)}
        seed = number.to_bytes(32, "big")
        self.emit(
            records.ScoringOpened, job=1, round=number, seed=seed, updates=updates, commit_deadline=9000, **opened
        )
        return self

    def score(
        self,
        lies: Mapping[int, Sequence[int]] | None = None,
        *,
        without: Sequence[int] = (),
        honest: Sequence[int] | None = None,
    ) -> "ScoredWorld":
        """Everyone commits; all but `without` reveal what recomputes (`honest`, where given), or their `lies`."""
        number = self.under_way
        truth = tuple(self.scores(number) if honest is None else honest)
        reveals = {index: tuple((lies or {}).get(index, truth)) for index in range(len(self.keys))}
        where = {"job": 1, "round": number}
        for index, scores in reveals.items():
            salt, key = bytes([index]) * 32, self.keys[index]
            digest = scores_commitment(CHAIN, BOARD.address, 1, number, key, salt, scores)
            self.emit(records.ScoresCommitted, **where, scorer=key, commitment=digest)
        for index, scores in reveals.items():
            if index not in without:
                salt, key = bytes([index]) * 32, self.keys[index]
                self.emit(records.ScoresRevealed, **where, scorer=key, salt=salt, scores=pack_scores(scores))
        return self.end(number)

    def end(self, number: int) -> "ScoredWorld":
        """Settle what was revealed, or call it void."""
        scoring, where = self.state.scorings[number], {"job": 1, "round": number}
        withheld = bitmap(scoring.pending)
        if len(scoring.reveals) < QUORUM:
            self.emit(records.ScoringVoid, **where, withheld=withheld)
            return self
        while len(scoring.settled) < scoring.updates:
            start, _, medians = settlement(scoring)
            self.emit(records.MediansSettled, **where, start=start, medians=medians)
        self.emit(records.ScoresSettled, **where, root=root_of(scoring), withheld=withheld)
        return self

    def observed(self) -> Any:
        """What an honest chain says, scores included."""
        roots = {(1, number): scoring.root for number, scoring in self.state.scorings.items()}
        return seen(super().observed(), scores=roots)
