"""Nodes of a job with noise on a real chain: they spend what a round costs, commit, and stop where it is used up."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes, patiently, train_on

from ledger.errors import Rejected
from ledger.party.masking.proposing import propose
from ledger.party.pins import job_pin
from ledger.rounds.admission import Verdict
from participant.node.worker import NodeWorker

pytestmark = pytest.mark.node
MEMBERS = 3
DP = """
[dp]
level = "example"
clip = 1
sampling = 0.5
steps = 2
epsilon = 8
delta = 1e-5
scope = "rows-2026"
"""


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """A job of three rounds, whose budget lasts for two; proposed as the command does, approved by a majority."""
    with ExitStack() as stack:
        made = stack.enter_context(Trial(found(MEMBERS), propose=False))
        train_on(made, rounds=3, settings="", scoring=DP, propose=False)
        said = msgspec.structs.replace(made.job.dp, budget=2 * made.job.dp.cost)
        made.job = msgspec.structs.replace(made.job, dp=said)
        first = made.parties[0]
        first.connection.put([made.job.encode()], job_pin(made.job.digest))
        made.number = propose(first.connection, first.sender, made.job).number
        for index in range(1, MEMBERS // 2 + 1):
            made.consortium.send(index, "ledger", "approveJob", made.number, made.job.digest)
        made.look()
        yield made


def open_round(trial: Trial) -> None:
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    trial.look()


def spent(trial: Trial) -> dict[int, int]:
    """What members spent, as the contract and the fold have it."""
    key, client = trial.job.dp.scope_key, trial.consortium.client
    kept = {index: total for index in range(MEMBERS) if (total := client.spent(key, index))}
    history = trial.parties[0].connection.refresh()
    assert {(key, index): total for index, total in kept.items()} == history.scopes.totals
    return kept


def test_a_job_spends_its_budget_and_no_more(trial: Trial) -> None:
    cost = trial.job.dp.cost
    assert trial.consortium.client.spending(trial.number) == trial.job.dp.spending
    nodes, one = [node(party, scores=False) for party in trial.parties], aggregators.service(trial.parties[0])
    drive(*nodes, one, looks=60)
    rounds = trial.state.rounds
    assert [sorted(rounds[number].updates) for number in (1, 2)] == [[0, 1, 2]] * 2
    assert all(rounds[number].final and not any(rounds[number].final.verdicts) for number in (1, 2))
    assert spent(trial) == dict.fromkeys(range(MEMBERS), 2 * cost)
    if trial.state.current.number == 2:
        open_round(trial)
    drive(*nodes)
    assert not trial.state.current.commitments
    assert spent(trial) == dict.fromkeys(range(MEMBERS), 2 * cost)
    home = trial.parties[1].member.home
    assert [note["total"] for note in notes(home, "spent")] == [cost, 2 * cost]
    with pytest.raises(Rejected, match="used up"):
        trial.parties[1].sender.send("budgets", "spend", trial.number, trial.state.current.number)


def test_killed_between_spending_and_committing_it_spends_once(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    open_round(trial)
    with monkeypatch.context() as patch:
        spend = NodeWorker._spend

        def killed(self: NodeWorker, step: Any, facts: Any) -> bool:
            spend(self, step, facts)
            raise KeyboardInterrupt

        patch.setattr(NodeWorker, "_spend", killed)
        with pytest.raises(KeyboardInterrupt):
            patiently(node(trial.parties[1], scores=False))
    assert spent(trial) == {1: trial.job.dp.cost}
    assert not trial.round.commitments
    drive(node(trial.parties[1], scores=False))
    assert sorted(trial.round.commitments) == [1]
    assert spent(trial) == {1: trial.job.dp.cost}


def test_who_does_not_spend_is_refused_by_everyone(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node(party, scores=False) for party in trial.parties]
    spend = NodeWorker._spend
    thrifty = trial.parties[2].sender.address
    monkeypatch.setattr(NodeWorker, "_spend", lambda self, *said: self.key == thrifty or spend(self, *said))
    open_round(trial)
    drive(*nodes, aggregators.service(trial.parties[0]), looks=30)
    first = trial.state.rounds[1]
    assert first.final is not None
    assert list(first.final.verdicts) == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.BUDGET]
    assert first.final.agreeing == MEMBERS
    assert 2 not in trial.parties[0].connection.refresh().scopes.totals
