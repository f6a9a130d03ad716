"""A consortium in memory that scores its updates on a committed set; and the same figures in a process of its own.

`python scored_world.py` prints everything that must be the same on every machine, for tests that change the machine.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from support.worlds.world import LIMITS, TERMS, Files, World

from ledger.formats.artifact import Layout, Tensor
from ledger.history.state import Scoring, ScoringPhase
from ledger.jobs.document import Admission
from ledger.jobs.layers import Conv2d, Flatten, Layer, Linear, MaxPool, Relu
from ledger.jobs.scores import (
    CommittedSet,
    Cosine,
    GtgShapley,
    LeaveOneOut,
    PairedRegression,
    PrivateSets,
    Scored,
    Shapley,
    SurrogateShapley,
    TruncatedMonteCarlo,
)
from ledger.scores.contributions import score_round
from ledger.scores.evaluation_set import EvaluationSet, write
from ledger.scores.inference import NeuralNetwork
from ledger.scores.utility import measure

SEED = bytes(range(32))
SCORED_TERMS = msgspec.structs.replace(TERMS, score_seconds=60, reveal_seconds=60, scorers=2)
TABLE = (
    Tensor("0.bias", (12,)),
    Tensor("0.weight", (12, 8), 20),
    Tensor("2.bias", (3,), 16),
    Tensor("2.weight", (3, 12)),
)
LAYERS: tuple[Layer, ...] = (
    Linear(weight="0.weight", bias="0.bias"),
    Relu(),
    Linear(weight="2.weight", bias="2.bias"),
)


def rows(count: int = 60, seed: int = 5) -> EvaluationSet:
    """Random rows of eight numbers, in three classes."""
    random = np.random.default_rng(seed)
    inputs = random.integers(-(1 << 17), 1 << 17, (count, 8)).astype("<i4")
    labels = (inputs[:, :3].argmax(axis=1)).astype("<i4")
    return EvaluationSet(inputs, labels)


def committed(files: Files, **changes: Any) -> CommittedSet:
    """A set in the store, and what a job says of it; `changes` make it say something else."""
    made = rows()
    file, root = write(made, 3)
    fields: dict[str, Any] = {
        "cid": str(files.put(file)),
        "root": root.hex(),
        "samples": len(made.labels),
        "shape": (8,),
        "classes": 3,
        "layers": LAYERS,
    }
    return CommittedSet(**fields | changes)


def methods(evidence: CommittedSet | PrivateSets) -> list[Scored]:
    """One of each method."""
    fields: dict[str, Any] = {"utility": "loss", "evidence": evidence}
    return [
        Shapley(**fields),
        LeaveOneOut(**fields),
        TruncatedMonteCarlo(**fields, evaluations=30, tolerance=10),
        GtgShapley(**fields, evaluations=30, tolerance=10),
        PairedRegression(**fields, evaluations=30),
        SurrogateShapley(**fields, evaluations=30),
        Cosine(),
    ]


def wide(**changes: Any) -> Admission:
    """Limits that these updates keep to."""
    return msgspec.structs.replace(LIMITS, max_value=1 << 30, max_norm=1 << 36, **changes)


def world(scoring: Scored | None = None, members: int = 5, **options: Any) -> World:
    """A consortium with an open job that scores."""
    files = options.pop("files", None) or Files()
    chosen = scoring or Shapley(utility="loss", evidence=committed(files))
    limits = options.pop("limits", wide())
    made = World(members, tensors=TABLE, terms=SCORED_TERMS, files=files, scoring=chosen, limits=limits, **options)
    return made.open_job()


def scores(made: World, number: int | None = None, utility: Any = None, seed: bytes = SEED) -> tuple[int, ...]:
    """The scores of a round, by default the last one."""
    round_ = made.state.rounds[number] if number else made.round
    return score_round(made.state, made.job, round_, seed, made.files.fetch, utility)


def big(made: World) -> np.ndarray:
    """An update that moves the model far enough to be seen."""
    return made.random.integers(-(1 << 21), 1 << 21, made.layout.values).astype("<i4")


def play(made: World, updates: Sequence[np.ndarray] | None = None, order: Sequence[int] | None = None) -> World:
    """A whole round, in which members register these updates in this order."""
    made.open_round()
    chosen = list(updates) if updates is not None else [big(made) for _ in made.keys]
    for member in order if order is not None else range(len(chosen)):
        made.submit(member, chosen[member], weight=10 + member)
    made.publish(0)
    for member in range(1, len(made.keys) // 2 + 1):
        made.attest(member)
    return made


def settle(made: World, number: int, medians: Sequence[int], withheld: Sequence[int] = ()) -> None:
    """Put settled scores on record."""
    scoring = Scoring(1, number, made.keys[0], SEED, len(medians), 1, 3, 2, 0, 0, b"")
    settled = replace(scoring, medians=tuple(medians), withheld=frozenset(withheld), outcome=ScoringPhase.SETTLED)
    made.state.scorings[number] = settled


def convolutions() -> tuple[NeuralNetwork, np.ndarray, np.ndarray]:
    """A network of every kind of layer, a model with values up to the last bit, and inputs."""
    table = (
        Tensor("a.bias", (6,)),
        Tensor("a.weight", (6, 2, 3, 3)),
        Tensor("b.bias", (5,), 30),
        Tensor("b.weight", (5, 6, 3, 3), 28),
        Tensor("c.bias", (4,), 10),
        Tensor("c.weight", (4, 20), 12),
    )
    layers = (
        Conv2d(weight="a.weight", bias="a.bias", padding=1),
        Relu(),
        MaxPool(size=2),
        Conv2d(weight="b.weight", bias="b.bias", padding=1),
        MaxPool(size=2),
        Flatten(),
        Linear(weight="c.weight", bias="c.bias"),
    )
    layout, random = Layout(table), np.random.default_rng(3)
    model = random.integers(-(1 << 31), 1 << 31, layout.values).astype("<i4")
    inputs = random.integers(-(1 << 20), 1 << 20, (40, 2, 9, 8)).astype("<i4")
    return NeuralNetwork((2, 9, 8), layers, layout), model, inputs


def everything() -> dict[str, Any]:
    """What must not depend on the machine."""
    network, model, inputs = convolutions()
    outputs = network.outputs(model, inputs)
    labels = (np.arange(len(outputs)) % 4).astype("<i4")
    found: dict[str, Any] = {
        "outputs": outputs.tolist(),
        "utilities": [measure("accuracy", outputs, labels), measure("loss", outputs, labels)],
        "auc": measure("auc", outputs[:, :2], labels % 2),
    }
    files = Files()
    for method in methods(committed(files)):
        found[method.method] = scores(play(world(method, files=files)))
    return found


if __name__ == "__main__":
    print(json.dumps(everything()))
