"""When a round's updates are fixed for good, and whether a job's times leave room for the blocks waited for."""

import pytest
from msgspec.structs import replace
from support.worlds.world import TERMS, World

from ledger.events.masks import Masking
from ledger.history.state import Commitment, Scoring
from ledger.rounds.depth import DeepBlock, short_times

DEADLINE = 1000


@pytest.fixture
def world() -> World:
    made = World(members=3).open_job()
    made.open_round()
    return made


def test_a_full_round_is_fixed_once_its_last_commitment_is_deep_enough(world: World) -> None:
    for member in range(3):
        world.submit(member)
    last = world.round.committed_in
    assert not DeepBlock(last - 1, bytes(32), DEADLINE).fixes(world.round)
    assert DeepBlock(last, bytes(32), DEADLINE).fixes(world.round)


def test_another_is_fixed_by_a_deep_block_after_its_deadline_alone(world: World) -> None:
    world.submit(0)
    assert not DeepBlock(1 << 30, bytes(32), DEADLINE).fixes(world.round), "the deadline's own second is in time"
    assert DeepBlock(1, bytes(32), DEADLINE + 1).fixes(world.round)
    assert not DeepBlock().fixes(world.round)


def test_scores_are_fixed_by_the_same_rule() -> None:
    scoring = Scoring(1, 1, "0xA", bytes(32), 2, 1, 3, 2, DEADLINE, DEADLINE + 100, b"", committed_in=7)
    scoring.commitments.update({member: Commitment("0xA", member, bytes(32), b"") for member in range(2)})
    assert not DeepBlock(9, bytes(32), DEADLINE).fixes_scores(scoring)
    assert DeepBlock(1, bytes(32), DEADLINE + 1).fixes_scores(scoring)
    scoring.commitments[2] = Commitment("0xA", 2, bytes(32), b"")
    assert not DeepBlock(6, bytes(32), DEADLINE).fixes_scores(scoring)
    assert DeepBlock(7, bytes(32), DEADLINE).fixes_scores(scoring)


def test_a_scored_jobs_times_leave_room_too() -> None:
    terms = replace(TERMS, score_seconds=16, reveal_seconds=100, scorers=2)
    assert short_times(terms, None, 2, 8)[0] == ["score_seconds"]


@pytest.mark.parametrize(
    ("confirmations", "seconds", "impossible", "tight"),
    [
        (0, 1000, [], []),
        (2, 0, [], []),
        (2, 2, [], []),
        (2, 3, [], ["open_seconds"]),
        (2, 8, ["open_seconds"], ["aggregate_seconds", "attest_seconds"]),
    ],
)
def test_a_jobs_times_leave_room(confirmations: int, seconds: int, impossible: list[str], tight: list[str]) -> None:
    assert short_times(replace(TERMS, open_seconds=16), None, confirmations, seconds) == (impossible, tight)


def test_a_masked_jobs_own_times_hold_the_blocks_that_members_wait_for() -> None:
    masking = Masking(16, 3, 0, set_up_seconds=64, set_seconds=16, unmask_seconds=63, share_seconds=1)
    assert short_times(TERMS, masking, 2, 8)[0] == ["set_seconds"]
    assert "unmask_seconds" in short_times(TERMS, masking, 2, 8)[1]
    assert "set_up_seconds" not in short_times(TERMS, masking, 2, 8)[1]
