"""kill -9 at every point where a node's work takes effect, effect lost and kept; then the same node, resumed.

Afterwards the ledger has one update and one attestation of it, and everyone comes to the same outcome.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, train_on
from support.crashing import node as node_crashing

from ledger.history.state import Phase

pytestmark = pytest.mark.node

SUBMITTING = [
    "before scratch copy",
    "after scratch copy",
    "before scratch publish",
    "after scratch publish",
    "before replicate",
    "after replicate",
    "before put",
    "after put",
    "before persist",
    "after persist",
    "before transmit",
    "after transmit",
    "after receipt",
]
ATTESTING = ["before replicate", "before put", "after put", "before persist", "after persist", "after transmit"]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """A round in which members 0 and 1 submitted; member 2's node is another process."""
    with ExitStack() as stack:
        t = train_on(stack.enter_context(Trial(found(3), propose=False)), rounds=1)
        t.parties[0].sender.send("ledger", "openRound", t.number)
        drive(node(t.parties[0]), node(t.parties[1]))
        yield t


def finish(t: Trial) -> None:
    """Aggregate and attest; the resumed node's update must be in it, its bytes to be had."""
    drive(aggregators.service(t.parties[0]), node(t.parties[0]), node(t.parties[1]))
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].verdicts == bytes(3)


@pytest.mark.parametrize("point", SUBMITTING)
def test_killed_while_submitting(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member, point) == -signal.SIGKILL
    lost = not trial.round.updates.get(2)
    assert lost is (point not in ("after transmit", "after receipt"))
    assert node_crashing.run(member) == 0
    assert sorted(trial.round.updates) == [0, 1, 2]
    assert trial.round.updates[2].weight == 24
    finish(trial)


@pytest.mark.parametrize("point", ATTESTING)
def test_killed_while_attesting(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member) == 0
    drive(aggregators.service(trial.parties[0]))
    assert trial.round.phase is Phase.ATTESTING
    assert node_crashing.run(member, point) == -signal.SIGKILL
    assert node_crashing.run(member) == 0
    (attestation,) = trial.round.aggregates[0].attestations
    assert (attestation.index, attestation.agrees) == (2, True)
    assert trial.round.phase is Phase.FINALISED


def test_killed_again_and_again(trial: Trial) -> None:
    member = trial.consortium.members[2]
    for point in SUBMITTING:
        node_crashing.run(member, point)
    assert node_crashing.run(member) == 0
    assert sorted(trial.round.updates) == [0, 1, 2]
    finish(trial)
