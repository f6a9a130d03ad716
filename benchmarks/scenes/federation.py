"""A federation in memory: rounds on a ledger's state, through the ledger's own admission, aggregation and scoring."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scenes.perceptron import Model, Rows

from ledger.events import records as r
from ledger.formats.cid import Cid
from ledger.formats.claims import claim_of
from ledger.formats.digest import NOTHING, sha256
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.state import Aggregate, JobState, Phase, Round, Update
from ledger.jobs.document import Admission, InitialModel, Job, JobTask, check
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import MAX_WEIGHT, CommittedSet, Scored
from ledger.jobs.server import NONE
from ledger.rounds.facts import Place, RoundFacts, Standpoint, base_of, initial_binding, update_binding
from ledger.rounds.outcome import recompute
from ledger.scores.contributions import coalition_table, score_round
from ledger.scores.evaluation_set import EvaluationSet, write

Ints = NDArray[np.int32]
PLACE = Place(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
TERMS = r.Terms(
    rounds=1000,
    update_seconds=60,
    open_seconds=60,
    aggregate_seconds=60,
    attest_seconds=60,
    attempts=1,
    score_seconds=60,
    reveal_seconds=60,
    scorers=1,
)


class Federation:
    """One job whose scores are made on `rows`, a committed set."""

    def __init__(self, model: Model, rows: Rows, random: np.random.Generator) -> None:
        self.model, self.layout, self.files = model, model.layout, dict[Cid, bytes]()
        self.initial = model.initial(random)
        inputs = np.rint(rows.x * (1 << 16)).astype(np.int32)
        file, root = write(EvaluationSet(inputs, rows.y.astype(np.int32)), model.classes)
        self.evidence = CommittedSet(
            cid=str(self._put(file)),
            root=root.hex(),
            samples=len(rows),
            shape=inputs.shape[1:],
            classes=model.classes,
            layers=model.layers,
        )

    def start(self, scoring: Scored, parties: int) -> None:
        """Open a job with these rules."""
        initial = self._put(self.layout.header(initial_binding()) + self.initial.tobytes())
        self.job = Job(
            fedledger="job/2",
            name="benchmark",
            task=JobTask(name="none", version="1", code="0" * 64, settings={}),
            tensors=self.layout.tensors,
            initial_model=InitialModel(cid=str(initial), root=root_of(self.initial).hex(), seed=1),
            aggregation=WeightedMean(),
            admission=Admission(min_updates=1, max_weight=MAX_WEIGHT, max_value=1 << 30, max_norm=1 << 34),
            terms=TERMS,
            scoring=scoring,
            hold_out=0,
            privacy=OPEN,
            **PLAIN,
            server=NONE,
        )
        check(self.job)
        self.state = JobState(1, self.job.digest, _key(0), TERMS, self.job.model_terms, b"")
        self.parties = parties

    @property
    def base(self) -> Ints:
        """The integers of the model that the next round builds on."""
        base = base_of(self.state, self.job, len(self.state.rounds) + 1)
        return np.frombuffer(self.files[base.cid], "<i4", offset=self.layout.header_size)

    def round(self, updates: dict[int, Ints], weights: Sequence[int]) -> Round:
        """Register updates in the order of the dictionary, admit, aggregate and finalise."""
        number = len(self.state.rounds) + 1
        keys = {index: _key(index) for index in range(self.parties)}
        round_ = Round(1, number, _key(0), 0, 1, *[self.parties] * 3, keys, 0, 0)
        base = base_of(self.state, self.job, number)
        self.state.rounds[number] = round_
        for index, values in updates.items():
            data = (
                self.layout.header(update_binding(PLACE, round_, _key(index), base).on(1, NOTHING)) + values.tobytes()
            )
            cid = self._put(data).digest
            root = root_of(values.tobytes())
            round_.updates[index] = Update(_key(index), index, weights[index], root, cid, NOTHING, b"", b"", 0)
        facts = RoundFacts.of(PLACE, self.state, self.job, round_)
        everyone = round_.updates.keys()
        outcome = recompute(facts, self.fetch, everyone, keep=lambda pieces: self._put(b"".join(map(bytes, pieces))))
        if any(outcome.verdicts):
            raise RuntimeError([judged.decision for judged in outcome.judged])
        said = outcome.claimed(Standpoint(0, NOTHING, NOTHING, NOTHING))
        round_.aggregates.append(Aggregate(1, _key(0), 0, *said, claim_of(facts.name, round_.opened, said), 0, b"", 0))
        round_.phase = Phase.FINALISED
        return round_

    def scores(self, round_: Round) -> tuple[int, ...]:
        """What scorer and auditor compute."""
        seed = sha256(b"seed of round %d" % round_.number)
        return score_round(self.state, self.job, round_, seed, self.fetch)

    def table(self, round_: Round) -> dict[frozenset[int], int]:
        return coalition_table(self.state, self.job, round_, self.fetch)

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[memoryview]:
        yield memoryview(self.files[cid])[start:stop]

    def _put(self, data: bytes) -> Cid:
        cid = cid_of([data])[0]
        self.files[cid] = data
        return cid


def _key(index: int) -> str:
    return f"0x{index + 1:040d}"
