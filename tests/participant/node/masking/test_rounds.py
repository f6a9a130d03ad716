"""Masked rounds on a real chain, each member's node at work: what they show makes the model of the updates that nobody
saw, and nothing else is ever shown.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.masked import cast, collect, mask_on, propose_set, publish, said, segment
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes

from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from participant.node.masking.home import MaskHome
from participant.node.masking.masked import RoundMasking

pytestmark = pytest.mark.node
MEMBERS = 4


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)))


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, np.ndarray]]:
    """What members put under masks: weight and integers, by member. No test of a real node could see it."""
    seen: dict[int, tuple[int, np.ndarray]] = {}
    mask = RoundMasking.mask

    def looked(self: RoundMasking, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        seen[self._member] = weight, np.array(values)
        return mask(self, layout, binding, values, weight)

    monkeypatch.setattr(RoundMasking, "mask", looked)
    return seen


def model_of(trial: Trial, updates: dict[int, tuple[int, np.ndarray]], base: np.ndarray) -> bytes:
    """The root of the open round's model, by Python's integers."""
    whole = sum(weight for weight, _ in updates.values())
    sums = sum(weight * values.astype(object) for weight, values in updates.values())
    means = [(2 * abs(value) + whole) // (2 * whole) * (1 if value >= 0 else -1) for value in sums]
    return root_of((base + np.array(means, "<i8")).astype("<i4").tobytes())


def initial(trial: Trial) -> np.ndarray:
    connection = trial.parties[0].connection
    data = b"".join(bytes(piece) for piece in connection.fetch(trial.job.initial_cid))
    return np.frombuffer(data[trial.job.layout.header_size :], "<i4")


def nodes_of(trial: Trial, *indices: int) -> list[Any]:
    return [node(trial.parties[index], scores=False) for index in indices or range(MEMBERS)]


def home_of(trial: Trial, index: int) -> MaskHome:
    return MaskHome(trial.parties[index].member.home.folder)


def finish(trial: Trial, *nodes: Any) -> None:
    publish(trial)
    drive(*nodes)
    assert trial.round.phase is Phase.FINALISED


def test_a_round_of_all(trial: Trial, updates: dict[int, tuple[int, np.ndarray]]) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    assert segment(trial).cast == frozenset(range(MEMBERS))
    collect(trial, *nodes)
    assert sorted(trial.round.updates) == list(range(MEMBERS))
    propose_set(trial)
    drive(*nodes)
    assert said(trial).set == frozenset(range(MEMBERS))
    assert sorted(said(trial).answers) == list(range(MEMBERS))
    assert not said(trial).given
    finish(trial, *nodes)
    final = trial.round.final
    assert final is not None
    assert final.root == model_of(trial, updates, initial(trial))
    for index in range(MEMBERS):
        assert not notes(trial.parties[index].member.home, "failed", "refused", "left out", "unfit")
