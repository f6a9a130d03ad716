"""A history is the one that members signed, or the server's: no altered event before a signed block goes unnoticed."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.chain import ADDRESSES, block_hash
from support.worlds.logged import logged
from support.worlds.signing import key
from support.worlds.world import World

from ledger.audit.signed_heads import SignedHistory, check_history, compare, two_heads
from ledger.history.fold import History, HistoryError


@dataclass
class Agreed:
    member: str
    index: int
    agrees: bool
    tx: bytes


@dataclass
class Published:
    """An aggregate, of which only what it says of the history matters here."""

    as_of: int
    anchor: bytes
    head: bytes
    attempt: int = 1
    index: int = 0
    attestations: list[Agreed] = field(default_factory=list)

    @property
    def aggregator(self) -> str:
        return key(self.index)

    @property
    def tx(self) -> bytes:
        return b"p%d" % self.as_of


@dataclass
class Ended:
    number: int
    aggregates: list[Published]
    job: int = 1
    members: int = 4
    finalised: bool = True

    @property
    def final(self) -> Published | None:
        return self.aggregates[-1] if self.finalised else None


def agreed(*members: int, agrees: bool = True) -> list[Agreed]:
    return [Agreed(key(index), index, agrees, b"a%d" % index) for index in members]


WORLD = World().open_job().honest_round().honest_round()
EVENTS = len(WORLD.events)
BLOCKS = (EVENTS // 2, EVENTS - 3)


def published(as_of: int, **changes: Any) -> Published:
    """What an honest aggregator says as of a block, with two members that agree."""
    said = {"as_of": as_of, "anchor": block_hash(as_of), "head": WORLD.history.head_at(as_of)}
    return Published(**said | {"attestations": agreed(1, 2) + agreed(3, agrees=False)} | changes)


def rounds() -> list[Ended]:
    return [Ended(number, [published(block)]) for number, block in enumerate(BLOCKS, 1)]


def judged(history: History = WORLD.history, signed: list[Ended] | None = None) -> SignedHistory:
    return check_history(history, signed or rounds(), block_hash)


def test_an_honest_history_is_signed_to_its_last_checkpoint() -> None:
    found = judged()
    assert found.difference is None
    assert found.checkpoint is not None
    assert str(found.checkpoint) == f"signed to block {BLOCKS[1]} by 3 of 4 members"
    assert (found.checkpoint.round, found.checkpoint.signers) == (2, (0, 1, 2))
    assert found.events_after == 3


def test_without_a_finalised_round_nothing_is_signed() -> None:
    found = judged(signed=[Ended(1, [published(3)], finalised=False)])
    assert (found.checkpoint, found.events_after, found.difference) == (None, EVENTS, None)


@given(st.data())
def test_an_event_altered_or_left_out_before_the_last_checkpoint_is_the_servers(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, EVENTS - 1))
    event, events = WORLD.events[place], list(WORLD.events)
    if data.draw(st.booleans()):
        del events[place]
    else:
        events[place] = logged(msgspec.structs.replace(event, tx=b"\xff" * 32), ADDRESSES)
    try:
        history = History(WORLD.foundation, events)
    except HistoryError:
        return
    difference = judged(history).difference
    assert (difference is not None) == (event.block <= BLOCKS[1])
    if difference is None:
        return
    assert difference.checkpoint.block == next(block for block in BLOCKS if event.block <= block)
    assert difference.told["expected"] != difference.told["actual"]


@pytest.mark.parametrize("shown", [b"\x05" * 32, None], ids=["a fork", "no such block"])
def test_another_block_at_a_checkpoint_is_the_servers(shown: bytes | None) -> None:
    first, second = BLOCKS
    found = check_history(WORLD.history, rounds(), lambda block: shown if block == second else block_hash(block))
    assert found.difference is not None
    assert found.difference.what == f"its block {second} is another"
    assert (found.checkpoint or pytest.fail("nothing holds")).block == first
    assert found.events_after == EVENTS - first


def test_a_false_head_that_no_majority_made_final_says_nothing_of_the_server() -> None:
    lie = published(5, head=bytes(32))
    assert compare(WORLD.history, lie, block_hash)[0]
    assert judged(signed=[*rounds(), Ended(3, [lie], finalised=False)]).difference is None


def test_a_member_that_signed_two_heads_for_one_block_is_named_with_both() -> None:
    lie = published(BLOCKS[0], head=b"\x07" * 32, attempt=2, index=3, attestations=agreed(1) + agreed(2, agrees=False))
    (found,) = two_heads([*rounds(), Ended(3, [lie], finalised=False)])
    assert (found.member, found.anchor) == (1, block_hash(BLOCKS[0]))
    assert (found.first.key, found.second.key) == (key(1), key(1))
    assert (found.first.round, found.second.round, found.second.attempt) == (1, 3, 2)
    assert (found.first.head, found.second.head) == (WORLD.history.head_at(BLOCKS[0]), b"\x07" * 32)


def test_two_heads_for_blocks_of_two_branches_convict_nobody() -> None:
    other = published(BLOCKS[0], head=b"\x07" * 32, anchor=b"\x08" * 32)
    assert two_heads([*rounds(), Ended(3, [other])]) == []
    assert two_heads([*rounds(), *rounds()]) == []


def test_two_heads_under_two_keys_convict_neither() -> None:
    """Whose keys they are is the log's word, and a member may say that another's key is its new one."""
    lie = published(BLOCKS[0], head=b"\x07" * 32, attempt=2, index=3)
    lie.attestations = [Agreed(key(1, 7), 1, True, b"a")]
    assert two_heads([*rounds(), Ended(3, [lie], finalised=False)]) == []
