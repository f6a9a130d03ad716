"""What a job below made, where the court convicted a model of it and its members rewound it."""

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import TERMS, World

from ledger.errors import UsageError
from ledger.events import records as r
from ledger.events.actions import RewindJob
from ledger.events.court import Ground
from participant.edge.below import Below, MadeBelow
from participant.integers.artifacts import stream_of_body

ROUNDS = 2


def rewound(number: int) -> World:
    """A job that is complete, its model of round `number` convicted, rewound to the one before."""
    world = World(terms=replace(TERMS, rounds=ROUNDS)).open_job()
    for _ in range(ROUNDS):
        world.honest_round()
    said = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2, "caller": key(3)}
    where = {"job": 1, "round": number, "before": number - 1}
    world.emit(r.Convicted, claim=world.state.rounds[number].aggregates[-1].claim, **where, **said)
    world.emit(r.ModelConvicted, **where)
    Chamber(world, 2**32).decide(RewindJob(1, number))
    world.emit(r.JobRewound, job=1, round=number, latest=number - 1)
    return world


def made(world: World) -> MadeBelow:
    """The update of a round above whose base is the job's first."""
    connection: Any = SimpleNamespace(place=world.place, fetch=world.files.fetch, history=world.history)
    above: Any = SimpleNamespace(job=world.job, base=SimpleNamespace(root=world.job.initial_root))
    base = stream_of_body(world.layout, [world.initial.tobytes()])
    return Below(connection, world.state, world.job).made(above, base)


def test_a_void_model_is_none_that_the_job_below_made() -> None:
    world = rewound(2)
    found, first = made(world), world.state.rounds[1].final
    assert first is not None
    assert (found.round, found.roots) == (1, (first.root,))
    assert np.any(found.update)
    assert not found.warning


def test_a_job_below_that_began_from_a_convicted_model_there_is_warned_of() -> None:
    world = rewound(2)
    elsewhere = copy.deepcopy(world.state)
    elsewhere.number, elsewhere.model = 0, replace(elsewhere.model, initial=bytes(32))
    elsewhere.rounds[2].aggregates[0].root = world.job.initial_root
    world.history.jobs[0], world.state.block = elsewhere, 10**6
    below = made(world)
    assert "the model of round 2 of job 0, which the court convicted" in below.warning


def test_where_no_model_stands_there_is_no_update() -> None:
    with pytest.raises(UsageError, match="no round of the job below made a model that stands"):
        made(rewound(1))
