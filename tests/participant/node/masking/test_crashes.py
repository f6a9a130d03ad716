"""kill -9 at every point where a member's work under masks takes effect, effect lost and kept; then the same node,
resumed. Afterwards there is one key, one set-up file, one masked vector and one answer of it.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.masked import mask_on, propose_set, publish, said, segment, send
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node
from support.crashing import node as node_crashing

from ledger.formats.claims import commitment
from ledger.formats.unixfs import cid_of
from ledger.history.state import Phase
from participant.node.masking.home import MaskHome

pytestmark = pytest.mark.node

SENDING = ["before persist", "after persist", "before transmit", "after transmit", "after receipt"]
REGISTERING = ["before masks", "after masks", *SENDING]
SETTING_UP = ["before deal", "after deal", "before masks", "after masks", "before put", "after put", *SENDING]
COMMITTING = ["before update", "midway update", "after update", "before pad", "after pad", *SENDING]
ANSWERING = ["before answer", "after answer", "before masks", "after masks", *SENDING]
ME = 3


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """A masked job; the node of member 3 is another process."""
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(4), propose=False)))


def others(trial: Trial) -> list[Any]:
    return [node(trial.parties[index], scores=False) for index in range(ME)]


def run(trial: Trial, point: str = "") -> int:
    return node_crashing.run(trial.consortium.members[ME], point)


def home(trial: Trial) -> MaskHome:
    return MaskHome(trial.parties[ME].member.home.folder)


def settled(trial: Trial, point: str, done: Callable[[], bool]) -> bool:
    """Whether it took effect; a transaction that was transmitted is in a block soon."""
    end = time.monotonic() + 60
    while point in ("after transmit", "after receipt") and not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def with_cast(trial: Trial) -> None:
    """All have set up; the cast is fixed."""
    drive(*others(trial))
    assert run(trial) == 0
    send(trial, "openSegment", 1)
    drive(*others(trial))
    assert run(trial) == 0
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, 0b1111)
    drive(*others(trial))
    assert segment(trial).cast == frozenset(range(4))


def with_updates(trial: Trial) -> None:
    """All have committed, and all is open."""
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*others(trial))
    assert run(trial) == 0
    trial.open_updates()
    drive(*others(trial))
    assert run(trial) == 0


def finish(trial: Trial) -> None:
    propose_set(trial)
    drive(*others(trial))
    assert run(trial) == 0
    assert said(trial).set == frozenset(range(4))
    assert sorted(said(trial).answers) == list(range(4))
    publish(trial)
    drive(*others(trial))
    assert trial.round.phase is Phase.FINALISED


@pytest.mark.parametrize("point", REGISTERING)
def test_killed_while_registering_a_key(trial: Trial, point: str) -> None:
    drive(*others(trial))

    def registered() -> list[bytes]:
        return [one.key for one in trial.parties[0].connection.refresh().mask_keys if one.index == ME]

    assert run(trial, point) == -signal.SIGKILL
    assert settled(trial, point, lambda: bool(registered())) is (point in ("after transmit", "after receipt"))
    assert run(trial) == 0
    assert [frozenset(registered())] == [home(trial).keys.points()]
    assert len(registered()) == 1


@pytest.mark.parametrize("point", SETTING_UP)
def test_killed_while_setting_up(trial: Trial, point: str) -> None:
    drive(*others(trial))
    assert run(trial) == 0
    send(trial, "openSegment", 1)
    assert run(trial, point) == -signal.SIGKILL
    folder = home(trial).vault.folder / "segments"
    kept = {path.name: path.read_bytes() for path in folder.glob("*")} if folder.exists() else {}
    assert settled(trial, point, lambda: ME in segment(trial).setups) is (point in ("after transmit", "after receipt"))
    assert run(trial) == 0
    now = {path.name: path.read_bytes() for path in folder.glob("*")}
    assert len(now) == 2
    assert kept.items() <= now.items()
    (file,) = (data for name, data in now.items() if name.endswith(".setup"))
    assert segment(trial).setups[ME].cid == cid_of([file])[0].digest
    assert (
        b"".join(
            bytes(p)
            for p in trial.parties[ME].connection.fetch(
                trial.parties[ME].connection.store.pins()[f"setup/{trial.number}/1/{ME}"]
            )
        )
        == file
    )


@pytest.mark.parametrize("point", COMMITTING)
def test_killed_between_mask_and_commitment(trial: Trial, point: str) -> None:
    with_cast(trial)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*others(trial))
    assert run(trial, point) == -signal.SIGKILL
    sent = point in ("after transmit", "after receipt")
    assert settled(trial, point, lambda: ME in trial.round.commitments) is sent
    name = trial.parties[ME].facts.name
    kept, pad = trial.parties[ME].openings.find(name), home(trial).pads.find(name)
    assert run(trial) == 0
    found = trial.parties[ME].openings.find(name)
    assert len(found) == 1 and kept in ([], found), "the same vector under the same pad"
    assert commitment(name, found[0]) == trial.round.commitments[ME].digest
    standing = home(trial).pads.find(name)
    assert standing is not None and pad in (None, standing)
    assert bytes.fromhex(standing.commitment) == trial.round.commitments[ME].digest
    trial.open_updates()
    drive(*others(trial))
    assert run(trial) == 0
    finish(trial)


@pytest.mark.parametrize("point", ANSWERING)
def test_killed_while_answering(trial: Trial, point: str) -> None:
    with_cast(trial)
    with_updates(trial)
    propose_set(trial)
    drive(*others(trial))
    name = trial.parties[ME].facts.name
    assert run(trial, point) == -signal.SIGKILL
    kept = home(trial).answers.find(name, "unmask")
    assert settled(trial, point, lambda: ME in said(trial).answers) is (point in ("after transmit", "after receipt"))
    assert run(trial) == 0
    answer = home(trial).answers.find(name, "unmask")
    assert answer is not None and kept in (None, answer), "written down once"
    assert said(trial).answers[ME].seed == bytes.fromhex(answer.secret)
    finish_answered(trial)


def finish_answered(trial: Trial) -> None:
    publish(trial)
    drive(*others(trial))
    assert trial.round.phase is Phase.FINALISED


def test_killed_while_giving_shares(trial: Trial) -> None:
    """The seed of member 2 is missing; shares of it are asked of all others."""
    with_cast(trial)
    with_updates(trial)
    propose_set(trial)
    drive(*others(trial)[:2])
    assert run(trial) == 0
    drive(*others(trial)[:2])
    assert said(trial).silent == {2}
    trial.until(said(trial).unmask_deadline + 1)
    for point in ("before answer", "after answer", "after transmit"):
        assert run(trial, point) == -signal.SIGKILL
    settled(trial, point, lambda: ME in said(trial).given)
    assert run(trial) == 0
    given = said(trial).given[ME]
    kept = home(trial).answers.find(trial.parties[ME].facts.name, "shares")
    assert kept is not None
    assert bytes.fromhex(kept.shares) == bytes([2]) + given.shares[2]
    drive(*others(trial)[:2])
    finish_answered(trial)
