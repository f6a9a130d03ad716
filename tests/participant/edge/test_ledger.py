"""What a client with a chain node makes sure of: an edge that makes something up is refuted by the ledger."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.edge_services import edges_of
from support.consortia.synthetic import Trial

from ledger.errors import Refuted, Unavailable
from ledger.party.connection import Connection
from participant.edge.client.checks import Verified
from participant.edge.client.ledger import LedgerChecks
from participant.edge.collecting import collecting
from participant.edge.documents import EdgeTasks

pytestmark = pytest.mark.node
EDGE = 0
KEYS = [f"0x{number:040d}" for number in (11, 12)]


class Told:
    """What an honest edge tells of a round on a real chain, and a stranger's look at that chain."""

    def __init__(self, trial: Trial, folder: Path, stack: ExitStack) -> None:
        edges_of(trial, {EDGE: KEYS})
        trial.parties[1].sender.send("ledger", "openRound", trial.number)
        state, place = trial.state, trial.parties[0].connection.place
        at = collecting(place, state, trial.job, trial.round, EDGE, frozenset(KEYS))
        self.trial, self.at, self.tasks = (
            trial,
            at,
            EdgeTasks(
                fedledger="edge-tasks/1",
                chain=place.chain,
                ledger=place.contract,
                edge=EDGE,
                key=trial.parties[EDGE].sender.address,
                complete=False,
                why="",
                tasks=(at.task(0),),
            ),
        )
        self.checks = LedgerChecks(stack.enter_context(Connection.visit(trial.consortium.network, folder)))

    def verified(self, **said: Any) -> Verified:
        task = self.tasks.tasks[0]
        base = {name.removeprefix("base_"): value for name, value in said.items() if name.startswith("base_")}
        plain = {name: value for name, value in said.items() if not name.startswith("base_")}
        task = msgspec.structs.replace(task, base=msgspec.structs.replace(task.base, **base), **plain)
        return Verified(self.at.place, EDGE, self.tasks.key, task, self.trial.job, np.zeros(0, np.int32))


@pytest.fixture
def told(found: Callable[..., Any], tmp_path: Path) -> Iterator[Told]:
    with Trial(found(3), propose=False) as trial, ExitStack() as stack:
        yield Told(trial, tmp_path / "visit", stack)


def test_what_the_ledger_has_is_taken_and_all_else_refuted(told: Told) -> None:
    told.checks.check_edge(told.tasks)
    told.checks.check_task(told.verified())
    nobody = "0x" + "11" * 20
    for lie in ({"chain": 7}, {"ledger": nobody}, {"key": nobody}, {"edge": 1}, {"edge": 77}):
        with pytest.raises(Refuted):
            told.checks.check_edge(msgspec.structs.replace(told.tasks, **lie))
    other = str(told.trial.job.cid)
    for lie in (
        {"digest": "ab" * 32},
        {"base_root": "ab" * 32},
        {"base_cid": other},
        {"base_round": 1},
        {"base_builds_on": "ab" * 32},
    ):
        with pytest.raises(Refuted, match="than the ledger"):
            told.checks.check_task(told.verified(**lie))
    for ahead in ({"job": 9}, {"round": 2}):
        with pytest.raises(Unavailable, match="as far as the own node shows"):
            told.checks.check_task(told.verified(**ahead))


def test_a_round_that_collects_no_more_is_refuted(told: Told) -> None:
    told.trial.until(told.trial.round.update_deadline + 1)
    told.checks.connection.refresh()
    with pytest.raises(Refuted, match="does not collect"):
        told.checks.check_task(told.verified())


def test_a_job_that_nobody_opened_is_refuted(told: Told) -> None:
    """It was proposed, and the members did not approve it."""
    trial = told.trial
    job = msgspec.structs.replace(trial.job, name="another")
    terms, model = map(msgspec.structs.astuple, (job.terms, job.model_terms))
    trial.parties[0].sender.send("ledger", "proposeJob", job.digest, terms, model)
    told.checks.check_edge(told.tasks)
    with pytest.raises(Refuted, match="did not open"):
        told.checks.check_task(told.verified(job=2, digest=job.digest.hex()))
