"""What a member makes sure of before it agrees with a cast or set, masks, or shows: blocks as deep as its consortium
asks for, on a real chain that takes blocks back.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from msgspec.structs import replace

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.masked import mask_on, propose_set, said, segment, send
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node

from ledger.config import save

pytestmark = pytest.mark.node
CONFIRMATIONS = 2
EVERYONE = 0b1111


@pytest.fixture
def trial(found: Callable[..., Any], fresh_anvil: Any) -> Iterator[Trial]:
    with ExitStack() as stack:
        consortium = found(4, url=fresh_anvil.url)
        chain = replace(consortium.network.chain, confirmations=CONFIRMATIONS)
        for member in consortium.members:
            save(member.home.network_file, replace(consortium.network, chain=chain))
        yield mask_on(stack.enter_context(Trial(consortium, propose=False)))


def seal(trial: Trial, blocks: int, *nodes: Any) -> None:
    for _ in range(blocks):
        trial.consortium.client.rpc.call("evm_mine")
        drive(*nodes)


def test_nothing_is_agreed_masked_or_shown_before_what_it_rests_on_is_deep(trial: Trial) -> None:
    nodes = [node(party, scores=False) for party in trial.parties]
    drive(*nodes)
    send(trial, "openSegment", 1)
    drive(*nodes)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, EVERYONE)
    drive(*nodes)
    assert sorted(segment(trial).proposals[-1].agreeing) == [0]
    seal(trial, CONFIRMATIONS, *nodes)
    assert segment(trial).cast == frozenset(range(4))
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    assert not trial.round.commitments
    seal(trial, CONFIRMATIONS, *nodes)
    assert len(trial.round.commitments) == 4
    seal(trial, CONFIRMATIONS, *nodes)
    trial.open_updates()
    seal(trial, CONFIRMATIONS, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert sorted(said(trial).proposals[-1].agreeing) == [0]
    seal(trial, CONFIRMATIONS, *nodes)
    assert said(trial).set == frozenset(range(4))
    assert not said(trial).answers
    trial.consortium.client.rpc.call("anvil_reorg", 1, [])
    drive(*nodes)
    assert not said(trial).answers, "the set was fixed in the block that the chain took back"
    seal(trial, CONFIRMATIONS + 1, *nodes)
    assert sorted(said(trial).answers) == list(range(4))
