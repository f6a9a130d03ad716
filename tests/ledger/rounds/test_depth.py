"""When a round's updates are fixed for good, and whether a job's times leave room for the blocks waited for."""

import pytest
from msgspec.structs import replace
from support.worlds.world import TERMS, World

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
    assert short_times(replace(TERMS, open_seconds=16), confirmations, seconds) == (impossible, tight)
