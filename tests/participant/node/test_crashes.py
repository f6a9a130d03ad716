"""kill -9 at every point where a node's work takes effect, effect lost and kept; then the same node, resumed.

Afterwards the ledger has one commitment of it, its update is open and had by everyone, it attested once, and everyone
comes to the same outcome.
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
from support.consortia.trainers import drive, node, notes, train_on
from support.crashing import node as node_crashing

from ledger.formats.claims import commitment
from ledger.history.state import Phase

pytestmark = pytest.mark.node

TRAINING = ["before scratch copy", "after scratch copy", "before scratch publish", "after scratch publish"]
"""Points in the trainer: it is the trainer that dies there."""
COMMITTING = [
    "before replicate",
    "after replicate",
    "before update",
    "midway update",
    "after update",
    "before persist",
    "after persist",
    "before transmit",
    "after transmit",
    "after receipt",
]
SHOWING = ["before put", "after put", "before show", "after show", "before replicate", "after replicate", "before said"]
ATTESTING = ["before put", "after put", "before persist", "after persist", "after transmit"]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """A round to which members 0 and 1 committed; member 2's node is another process."""
    with ExitStack() as stack:
        t = train_on(stack.enter_context(Trial(found(3), propose=False)), rounds=1)
        t.parties[0].sender.send("ledger", "openRound", t.number)
        drive(node(t.parties[0]), node(t.parties[1]))
        yield t


def finish(t: Trial) -> None:
    """Open, aggregate and attest; the resumed node's update must be in it, its bytes to be had."""
    workers = [aggregators.service(t.parties[0]), node(t.parties[0]), node(t.parties[1])]
    for _ in range(3):
        drive(*workers)
        if t.round.phase is Phase.FINALISED:
            break
        assert node_crashing.run(t.consortium.members[2]) == 0
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].verdicts == bytes(3)


@pytest.mark.parametrize("point", TRAINING)
def test_a_trainer_that_is_killed_costs_its_node_no_duty(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member, point) == 0, "the node goes on"
    assert 2 not in trial.round.commitments
    assert {note["text"].split(";")[0] for note in notes(member.home, "failed")} == {
        "job 1: training ended its process: SIGKILL"
    }
    assert node_crashing.run(member) == 0
    assert sorted(trial.round.commitments) == [0, 1, 2]
    finish(trial)


@pytest.mark.parametrize("point", COMMITTING)
def test_killed_while_committing(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member, point) == -signal.SIGKILL
    sent = point in ("after transmit", "after receipt")
    end = time.monotonic() + 60
    while sent and 2 not in trial.round.commitments and time.monotonic() < end:
        time.sleep(0.05)  # the transaction is with the chain's node, and its block comes
    assert (2 in trial.round.commitments) is sent
    kept = trial.parties[2].openings.find(trial.parties[2].facts.name)
    assert node_crashing.run(member) == 0
    assert sorted(trial.round.commitments) == [0, 1, 2]
    found = trial.parties[2].openings.find(trial.parties[2].facts.name)
    assert len(found) == 1 and (kept in ([], found)), "the same update under the same salt"
    assert commitment(trial.parties[2].facts.name, found[0]) == trial.round.commitments[2].digest
    finish(trial)


@pytest.mark.parametrize("point", SHOWING)
def test_killed_while_showing_and_vouching(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member, "after receipt") == -signal.SIGKILL
    assert sorted(trial.round.commitments) == [0, 1, 2]
    if point in ("before replicate", "after replicate", "before said"):
        drive(node(trial.parties[0]), node(trial.parties[1]))
        trial.open_updates()
        drive(node(trial.parties[0]), node(trial.parties[1]))
    assert node_crashing.run(member, point) == -signal.SIGKILL
    assert node_crashing.run(member) == 0
    assert trial.parties[2].openings.shown(trial.number, 1)
    finish(trial)


@pytest.mark.parametrize("point", ATTESTING)
def test_killed_while_attesting(trial: Trial, point: str) -> None:
    member = trial.consortium.members[2]
    assert node_crashing.run(member) == 0
    drive(node(trial.parties[0]), node(trial.parties[1]))
    trial.open_updates()
    trial.vouch()
    drive(aggregators.service(trial.parties[0]))
    assert trial.round.phase is Phase.ATTESTING
    assert node_crashing.run(member, point) == -signal.SIGKILL
    assert node_crashing.run(member) == 0
    (attestation,) = trial.round.aggregates[0].attestations
    assert (attestation.index, attestation.agrees) == (2, True)
    assert trial.round.phase is Phase.FINALISED


def test_killed_again_and_again(trial: Trial) -> None:
    member = trial.consortium.members[2]
    for point in COMMITTING + SHOWING:
        node_crashing.run(member, point)
    assert node_crashing.run(member) == 0
    assert sorted(trial.round.commitments) == [0, 1, 2]
    finish(trial)
