"""What a node makes sure of before it shows an update: on a real chain that takes blocks back, and whose blocks' makers
set the time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import SECONDS, Trial
from support.consortia.trainers import COMMITTED, EVERYTHING, drive, node, notes, train_on

from ledger.config import save
from ledger.history.state import Phase

pytestmark = pytest.mark.node
HOUR = 3600


@pytest.fixture
def trial(found: Callable[..., Any], fresh_anvil: Any) -> Iterator[Callable[..., Trial]]:
    """Makes trials of three members on a chain of their own, with so many confirmations."""
    with ExitStack() as stack:

        def make(confirmations: int, scoring: str = "") -> Trial:
            consortium = found(3, *([EVERYTHING] if scoring else []), url=fresh_anvil.url)
            chain = replace(consortium.network.chain, confirmations=confirmations)
            for member in consortium.members:
                save(member.home.network_file, replace(consortium.network, chain=chain))
            t = train_on(stack.enter_context(Trial(consortium, propose=False)), rounds=1, scoring=scoring)
            t.parties[0].sender.send("ledger", "openRound", t.number)
            return t

        yield make


def call(t: Trial, method: str, *arguments: Any) -> Any:
    return t.consortium.client.rpc.call(method, *arguments)


def shown(t: Trial) -> list[int]:
    """The parties whose openings left their homes."""
    keys = [party.sender.address for party in t.parties]
    names = [party.facts.name for party in t.parties]
    openings = [
        (party, kept) for party, name in zip(t.parties, names, strict=True) for kept in party.openings.find(name)
    ]
    own = [keys.index(kept.party) for party, kept in openings if party.openings.is_shown(party.facts.name, kept)]
    return sorted(set(own))


def seal(t: Trial, blocks: int, *nodes: Any) -> None:
    for _ in range(blocks):
        call(t, "evm_mine")
        drive(*nodes)


@pytest.mark.parametrize("confirmations", [0, 2])
def test_the_last_commitments_block_is_taken_back(trial: Callable[[int], Trial], confirmations: int) -> None:
    """Without confirmations its member has seen the others' updates by then, and may commit to another one."""
    t = trial(confirmations)
    last, *others = [node(party) for party in t.parties]
    drive(*others)
    drive(last)
    drive(*others)
    assert t.round.phase is Phase.OPENING
    assert shown(t) == ([] if confirmations else [0, 1, 2])
    call(t, "anvil_reorg", 1, [])
    assert 0 not in t.round.commitments
    if not confirmations:
        return
    drive(*others)
    assert not shown(t)
    drive(last, *others)
    seal(t, 1, last, *others)
    assert not shown(t)
    seal(t, 1, last, *others)
    assert shown(t) == [0, 1, 2]


def test_an_aggregate_is_made_from_a_deep_block(trial: Callable[[int], Trial]) -> None:
    t = trial(2)
    nodes = [node(party) for party in t.parties]
    service = aggregators.service(t.parties[0])
    drive(*nodes)
    seal(t, 2, *nodes, service)
    assert sorted(t.round.updates) == [0, 1, 2]
    seal(t, 1, *nodes, service)
    assert not t.round.aggregates, "the openings are not deep enough"
    seal(t, 2, *nodes, service)
    (aggregate,) = t.round.aggregates
    assert aggregate.block - aggregate.as_of > 2
    assert t.round.phase is Phase.FINALISED


def test_an_aggregate_as_of_a_shallow_block_is_attested_later(trial: Callable[[int], Trial]) -> None:
    t = trial(2)
    nodes = [node(party) for party in t.parties]
    drive(*nodes)
    seal(t, 2, *nodes)
    t.open_updates()
    drive(*nodes)
    t.parties[0].publish()
    drive(*nodes)
    assert not t.round.aggregates[0].attestations
    seal(t, 2, *nodes)
    assert t.round.phase is Phase.FINALISED


def test_a_block_an_hour_ahead_shows_nothing_before_it_is_deep(trial: Callable[[int], Trial]) -> None:
    t = trial(2)
    nodes = [node(party) for party in t.parties[1:]]
    drive(*nodes)
    t.until(t.round.deadline + HOUR // 10)
    drive(*nodes)
    assert not shown(t)
    seal(t, 2, *nodes)
    assert shown(t) == [1, 2]


def test_a_pending_block_ahead_shows_nothing(trial: Callable[[int], Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the own clock, while the chain stands still: a block is asked for, and decides."""
    t = trial(0)
    nodes = [node(party) for party in t.parties[1:]]
    drive(*nodes)
    call(t, "evm_increaseTime", SECONDS + 100)
    drive(*nodes)
    assert not shown(t)
    assert t.phase is Phase.COLLECTING, "nor do phases go by it"
    passed = SECONDS + 10
    for party in t.parties:
        monkeypatch.setattr(party.connection._clock, "_monotonic", lambda: time.monotonic() + passed)
    drive(*nodes)
    assert t.phase is Phase.OPENING
    assert not shown(t)
    height = call(t, "eth_blockNumber")
    passed = SECONDS + SECONDS // 4 + 20
    drive(*nodes)
    assert call(t, "eth_blockNumber") != height
    assert notes(t.parties[1].member.home, "nudged") or notes(t.parties[2].member.home, "nudged")
    assert shown(t) == [1, 2]


def test_time_that_runs_back_over_a_reorganisation(trial: Callable[[int], Trial]) -> None:
    """A block after the deadline that was taken back: the round still collects, and takes what comes."""
    t = trial(2)
    last, *others = [node(party) for party in t.parties]
    drive(*others)
    before = call(t, "evm_snapshot")
    t.until(t.round.deadline + 10)
    drive(*others)
    assert t.phase is Phase.OPENING
    assert call(t, "evm_revert", before)
    now = t.parties[0].connection.client.latest().time
    call(t, "evm_setTime", now)
    seal(t, 1, *others)
    assert t.phase is Phase.COLLECTING
    assert not shown(t)
    drive(last, *others)
    assert sorted(t.round.commitments) == [0, 1, 2]
    seal(t, 2, last, *others)
    assert shown(t) == [0, 1, 2]


def test_scores_are_committed_to_and_shown_once_what_they_rest_on_is_deep(trial: Callable[..., Trial]) -> None:
    """A reorganisation would bring another seed, or let a scorer that has seen the others' scores commit again."""
    t = trial(2, COMMITTED)
    nodes = [node(party) for party in t.parties]
    service = aggregators.service(t.parties[0])
    while 1 not in t.state.scorings or t.state.scorings[1].outcome is None:
        seal(t, 1, *nodes, service)
        t.pass_time(2)
    scoring = t.state.scorings[1]
    assert sorted(scoring.reveals) == [0, 1, 2]

    def blocks(made: dict[int, Any]) -> list[int]:
        receipts = [call(t, "eth_getTransactionReceipt", "0x" + one.tx.hex()) for one in made.values()]
        return [int(receipt["blockNumber"], 16) for receipt in receipts]

    assert min(blocks(scoring.commitments)) > scoring.block + 2
    assert min(blocks(scoring.reveals)) > scoring.committed_in + 2
