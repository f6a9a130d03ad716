"""Noise under masks on a real chain, each member's node at work: rows or members are hidden, budgets are spent on
chain, sums have their noise, and openings show who did not add it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.masked import cast, collect, mask_on, masks, propose_set, publish, said
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes

from ledger.history.state import Phase
from ledger.masks.noise import NoiseLaw
from ledger.party.auditing import AuditRequest, inspect
from ledger.rounds.admission import Verdict, judge_values
from ledger.rounds.masking.openings import Opened
from participant.node.masking.masked import OwnMasks

pytestmark = pytest.mark.node
MEMBERS = 4
ROWS = """
[dp]
level = "example"
clip = 1
sampling = 0.5
steps = 2
epsilon = 8
delta = 1e-5
scope = "rows-2026"
"""
WHOLE = """weights = "equal"

[dp]
level = "client"
epsilon = 16
delta = 1e-5
scope = "members-2026"
"""
FIVE = "threshold = 3\n" + WHOLE
"""Two may be convicted, and the others still make a model."""
Seen = dict[int, np.ndarray]


@pytest.fixture
def rows(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)), more=ROWS, settings="")


@pytest.fixture
def whole(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)), more=WHOLE, heaviest=1)


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The integers that members put under masks and noise, by member."""
    seen: Seen = {}
    mask = OwnMasks.mask

    def looked(self: OwnMasks, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        seen[self._member] = np.array(values)
        return mask(self, layout, binding, values, weight)

    monkeypatch.setattr(OwnMasks, "mask", looked)
    return seen


def nodes_of(trial: Trial) -> list[Any]:
    return [node(party, scores=False) for party in trial.parties]


def play(trial: Trial, *nodes: Any) -> Any:
    """A round from its opening to its model."""
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    outcome = publish(trial)
    drive(*nodes)
    return outcome


def spent(trial: Trial) -> dict[int, int]:
    key = trial.job.dp.scope_key
    return {index: trial.consortium.client.spent(key, index) for index in range(MEMBERS)}


def test_rows_are_hidden_under_masks_too(rows: Trial) -> None:
    nodes, cost = nodes_of(rows), rows.job.dp.cost
    cast(rows, *nodes)
    for number in (1, 2):
        assert play(rows, *nodes).root.strip(b"\x00")
        assert rows.state.rounds[number].phase is Phase.FINALISED
        assert spent(rows) == dict.fromkeys(range(MEMBERS), number * cost)
    assert len(notes(rows.parties[1].member.home, "spent")) == 2


def noise(trial: Trial, nodes: list[Any], number: int) -> dict[int, np.ndarray]:
    """Each member's noise in a round, by the round keys that its home has."""
    job = nodes[0]._rounds.masks.judging.job(trial.state)
    law, facts, found = job.law(number), job.facts(number), {}
    assert isinstance(law, NoiseLaw)
    files = job.files(masks(trial).segment_of(number))
    for index, one in enumerate(nodes):
        own = one._rounds.masks.home.secrets_of(files[index], number)
        drawn = np.zeros(trial.job.layout.values, np.uint64)
        law.of(facts.name, index, own.key).apply(drawn, 0)
        found[index] = drawn.view(np.int64)
    return found


def test_members_are_hidden_by_noise_that_each_of_them_adds(whole: Trial, updates: Seen) -> None:
    nodes, job = nodes_of(whole), whole.job
    assert job.member_noise is not None
    cast(whole, *nodes)
    collect(whole, *nodes)
    propose_set(whole)
    drive(*nodes)
    drawn = noise(whole, nodes, 1)
    outcome = publish(whole)
    drive(*nodes)
    assert whole.state.rounds[1].phase is Phase.FINALISED
    assert whole.state.rounds[1].final.agreeing == MEMBERS
    assert all(judge_values(one, job.admission).verdict is Verdict.ADMITTED for one in updates.values())
    assert all(not (one % job.member_noise.grain).any() for one in updates.values())
    sums = np.concatenate([run for (run,) in outcome.inputs.sums(1)])
    assert np.array_equal(sums, sum(updates.values()).astype(np.int64) + sum(drawn.values()))
    assert all(one.any() for one in drawn.values())
    assert {update.weight for update in whole.state.rounds[1].updates.values()} == {1}
    assert spent(whole) == dict.fromkeys(range(MEMBERS), job.dp.cost)


class Quiet(OwnMasks):
    """Adds no noise."""

    def masks(self) -> Any:
        self._law, law = None, self._law
        try:
            return super().masks()
        finally:
            self._law = law


class Garbage(OwnMasks):
    """Puts values far beyond the job's bound under its masks."""

    def mask(self, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        return super().mask(layout, binding, np.full_like(values, (1 << 31) - 1), weight)


def test_an_opening_shows_who_added_no_noise_and_clears_who_did(whole: Trial) -> None:
    nodes = nodes_of(whole)
    nodes[3]._rounds.masks.masking_class = Garbage
    nodes[2]._rounds.masks.masking_class = Quiet
    cast(whole, *nodes)
    collect(whole, *nodes)
    propose_set(whole)
    drive(*nodes)
    assert not publish(whole).root.strip(b"\x00")
    drive(*nodes)
    assert whole.round.phase is Phase.ABANDONED
    assert sorted(said(whole).shown) == list(range(MEMBERS))
    whole.pass_time(1)
    for one in nodes:
        job = one._rounds.masks.judging.job(whole.state)
        assert sorted(job.convicted(whole.consortium.client.latest().number)) == [2, 3]
        opened: dict[int, Opened] = job.void(1).opened
        assert opened[0].decision.verdict is opened[1].decision.verdict is Verdict.ADMITTED


def test_an_audit_convicts_by_the_block_that_fixed_the_cast(found: Callable[..., Any]) -> None:
    """Member 4 sends garbage, member 3 no noise; the three others go on, and sign a head."""
    with Trial(found(5), propose=False) as trial:
        mask_on(trial, more=FIVE, heaviest=1)
        nodes = nodes_of(trial)
        nodes[4]._rounds.masks.masking_class = Garbage
        nodes[3]._rounds.masks.masking_class = Quiet
        cast(trial, *nodes)
        collect(trial, *nodes)
        propose_set(trial)
        drive(*nodes)
        publish(trial)
        drive(*nodes)
        assert trial.round.phase is Phase.ABANDONED
        trial.pass_time(1)
        collect(trial, *nodes[:3])
        propose_set(trial, without=[3, 4])
        drive(*nodes)
        publish(trial)
        drive(*nodes)
        assert trial.state.rounds[2].phase is Phase.FINALISED
        report = inspect(trial.parties[0].connection, AuditRequest(source=False))
        names = [trial.parties[index].member.name for index in (3, 4)]
        assert sorted(one.who for one in report.lies.list) == sorted(names)
        assert report.right.answer == "yes"
