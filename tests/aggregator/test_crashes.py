"""kill -9 at every point where something takes effect, with the effect lost and kept; then the same again, resumed."""

import signal

import pytest
from support.consortia.aggregators import drive, service
from support.crashing import aggregator

from ledger.history.state import Phase

POINTS = [
    "before replicate",
    "after replicate",
    "before put",
    "midway store",
    "after put",
    "before persist",
    "after persist",
    "before transmit",
    "after transmit",
    "after receipt",
]


@pytest.fixture
def ready(trial):
    """A round of member 0, whose updates are open and vouched for; member 0's aggregator is another process."""
    t = trial(members=3, rounds=1)
    drive(service(t.parties[0]))
    t.submit()
    t.vouch(1, 2)
    return t


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_resumed(ready, point) -> None:
    member = ready.consortium.members[0]
    key = bytes(member.signer._account.key)
    assert aggregator.run(member.home.folder, key, point) == -signal.SIGKILL
    assert aggregator.run(member.home.folder, key) == 0
    aggregates = ready.parties[1].connection.refresh().jobs[ready.number].rounds[1].aggregates
    assert len(aggregates) == 1, "published once, no matter what died in between"
    expected, claim = ready.parties[1].recomputed()
    assert (aggregates[0].root, aggregates[0].claim) == (expected.root, claim)
    assert set(expected.verdicts) == {0}
    held = ready.parties[0].connection.store
    assert held.pins()[f"model/{ready.number}/1"].digest == expected.cid, "the resumed one holds the model, too"
    assert held.pins()[f"receipts/{ready.number}/1/1"].digest == aggregates[0].receipts
    ready.attest(1)
    assert ready.round.phase is Phase.FINALISED


def test_killed_again_and_again(ready) -> None:
    member = ready.consortium.members[0]
    key = bytes(member.signer._account.key)
    for point in POINTS[1:-1]:
        aggregator.run(member.home.folder, key, point)
    aggregator.run(member.home.folder, key)
    assert len(ready.round.aggregates) == 1


@pytest.mark.parametrize("point", ["after persist", "after transmit"])
def test_killed_while_opening_a_round(trial, point) -> None:
    t = trial(members=3, rounds=2)
    member = t.consortium.members[0]
    key = bytes(member.signer._account.key)
    assert aggregator.run(member.home.folder, key, point) == -signal.SIGKILL
    assert aggregator.run(member.home.folder, key) == 0
    assert (t.round.number, t.round.phase) == (1, Phase.COLLECTING)


@pytest.mark.parametrize("point", ["before persist", "after persist", "after transmit", "after receipt"])
def test_killed_while_opening_updates(trial, point) -> None:
    t = trial(members=3, rounds=1)
    member = t.consortium.members[0]
    drive(service(t.parties[0]))
    t.commit()
    key = bytes(member.signer._account.key)
    assert aggregator.run(member.home.folder, key, point) == -signal.SIGKILL
    assert aggregator.run(member.home.folder, key) == 0
    assert sorted(t.round.updates) == [0, 1, 2]
    assert len({update.opening for update in t.round.updates.values()}) == 1, "opened at once, and once"
