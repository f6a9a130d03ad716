"""Processes that die at any moment, and a chain that goes away: the job is completed, and the audit finds nothing."""

import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consortia.chaos import PARTICIPANTS, Consortium

from ledger.audit.report import Check
from ledger.history.state import Phase

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes end with their parent on Linux only"),
]
ROUNDS = 6
KILLS = 10
SEEDS = [int(seed) for seed in os.environ.get("FEDLEDGER_CHAOS_SEEDS", "1 2").split()]


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[Consortium]:
    pytest.importorskip("torch")
    made = Consortium(tmp_path / "chaos", ROUNDS)
    yield made
    made.close()


def check(consortium: Consortium) -> None:
    """Every round is final with every party's update, each registered once, and the audit agrees."""
    consortium.wait(lambda state: state.complete)
    state = consortium.state()
    assert state is not None
    assert [round_.phase for round_ in state.rounds.values()] == [Phase.FINALISED] * ROUNDS
    updates = consortium.updates()
    assert len(updates) == len(set(updates)), "a party registered twice in a round"
    assert len(updates) == ROUNDS * len(PARTICIPANTS), "an update was lost"
    report = consortium.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none"), report.to_json().decode()
    assert [one for one in report.open.list if one.check is not Check.SOURCE] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_processes_killed_at_random_moments(consortium: Consortium, seed: int) -> None:
    random_ = random.Random(seed)
    consortium.start()
    for _ in range(KILLS):
        time.sleep(random_.uniform(0.05, 0.5))
        consortium.kill(random_)
    check(consortium)
    assert consortium.ended == [], "a process gave up by itself"


def test_a_chain_that_comes_back_as_it_was(consortium: Consortium) -> None:
    random_ = random.Random(3)
    consortium.start()
    for _ in range(3):
        time.sleep(random_.uniform(0.3, 0.9))
        consortium.restart_chain()
    check(consortium)


def test_a_chain_that_lost_its_last_blocks(consortium: Consortium) -> None:
    """Its state is older than what the parties saw happen: their indexes follow it back, and they go on from there."""
    consortium.restart_chain()
    consortium.start()
    consortium.wait(lambda state: len(state.rounds) > 1)
    consortium.restart_chain(politely=False)
    check(consortium)
