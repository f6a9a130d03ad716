"""kill -9 where a scorer's work takes effect, effect lost and kept; then the same node, resumed.

Its data change in between, so that scores worked out again would be others. Afterwards one commitment and one reveal of
it are on the ledger, the scoring is settled with nobody's withheld, and the audit agrees.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import EVERYTHING, PRIVATE, drive, node, train_on, validation_of, write_data
from support.crashing import node as node_crashing

from ledger.party.auditing import AuditRequest, inspect

pytestmark = pytest.mark.node


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """A round that is final and whose scoring is open; members 0 and 1 have committed, 2's node is another process."""
    with ExitStack() as stack:
        t = train_on(stack.enter_context(Trial(found(3, EVERYTHING), propose=False)), rounds=1, scoring=PRIVATE)
        quiet = [node(party, scores=False) for party in t.parties]
        drive(*quiet, aggregators.service(t.parties[0]), looks=60)
        others = [node(t.parties[index]) for index in (0, 1)]
        for _ in range(3):
            drive(*others)
            t.pass_time(10)
        assert sorted(t.state.scorings[1].commitments) == [0, 1]
        yield t


def killed(t: Trial, *points: str) -> None:
    """The member's process dies at each point in turn; its data are others afterwards, once scores are kept."""
    member = t.consortium.members[2]
    for point in points:
        assert node_crashing.run(member, point) == -signal.SIGKILL
    if (member.home.folder / "scores" / "1-1.json").exists():
        write_data(validation_of(t.parties[2]), seed=99)


def finish(t: Trial) -> None:
    member = t.consortium.members[2]
    nodes = [node(t.parties[index]) for index in (0, 1)]
    for _ in range(4):
        assert node_crashing.run(member) == 0
        drive(*nodes)
        t.pass_time(10)
    scoring = t.state.scorings[1]
    assert sorted(scoring.reveals) == [0, 1, 2]
    assert scoring.medians is not None
    assert not scoring.withheld
    assert inspect(t.parties[0].connection, AuditRequest(source=False)).right.answer == "yes"


def test_killed_before_the_commitment_is_on_the_ledger(trial: Trial) -> None:
    killed(trial, "before scores", "after scores", "before persist", "after persist")
    assert 2 not in trial.state.scorings[1].commitments
    finish(trial)


@pytest.mark.parametrize("point", ["after transmit", "after receipt"])
def test_killed_between_commit_and_reveal(trial: Trial, point: str) -> None:
    killed(trial, point)
    end = time.monotonic() + 60
    while 2 not in trial.state.scorings[1].commitments and time.monotonic() < end:
        time.sleep(0.05)  # the transaction is with the chain's node, and its block comes
    scoring = trial.state.scorings[1]
    assert sorted(scoring.commitments) == [0, 1, 2]
    before = scoring.commitments[2]
    finish(trial)
    assert trial.state.scorings[1].commitments[2] == before


def test_killed_while_revealing(trial: Trial) -> None:
    trial.pass_time(1)
    killed(trial, "after receipt")
    killed(trial, "before persist", "after persist")
    assert 2 not in trial.state.scorings[1].reveals
    finish(trial)
