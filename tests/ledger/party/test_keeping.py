"""What a member keeps and signs for, by rank, and when it stands in for others."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from support.worlds.world import World

from ledger.formats.replication import Replication
from ledger.party.upkeep.keeping import Keeping, stands_in
from ledger.rounds.assignment import kept_by
from ledger.rounds.receipts import patience

ASKED = Replication(copies=2, all_up_to=0)
ME = 0


class Signed:
    """What members signed, as far as this one heard."""

    def __init__(self) -> None:
        self.tallies: dict[int, int] = {}
        self.own: frozenset[int] = frozenset()

    def tally(self, roll: Any) -> Any:
        return Counter(self.tallies)

    def signed(self, facts: Any) -> frozenset[int]:
        return self.own


def keeping(world: World, asked: Replication = ASKED) -> tuple[Keeping, Signed]:
    signed = Signed()
    connection: Any = SimpleNamespace(
        history=world.history, network=SimpleNamespace(replication=asked), place=world.place
    )
    return Keeping(connection, signed, world.keys[ME]), signed  # type: ignore[arg-type]


def opened() -> World:
    world = World(4).open_job().open_round()
    for member in range(4):
        world.submit(member)
    return world.open_pending()


def test_a_small_consortium_leaves_nothing_to_others() -> None:
    world = opened()
    mine, _ = keeping(world, Replication())
    assert set(mine.kept(world.facts)) == {0, 1, 2, 3}
    assert mine.left_to_others(world.state, world.round, world.round.deadline) == frozenset()


def test_a_member_keeps_its_own_what_is_its_by_rank_and_what_it_signed_for() -> None:
    world = opened()
    mine, signed = keeping(world)
    ranked = kept_by(ME, world.round, ASKED)
    assert ME in ranked < {0, 1, 2, 3}
    assert set(mine.kept(world.facts)) == ranked
    other = min({0, 1, 2, 3} - ranked)
    signed.own = frozenset({other})
    assert set(mine.kept(world.facts)) == ranked | {other}


def test_where_others_have_not_signed_everyone_stands_in() -> None:
    world = opened()
    mine, signed = keeping(world)
    left = frozenset(range(4)) - kept_by(ME, world.round, ASKED)
    now = world.round.deadline - 2 * world.state.terms.aggregate_seconds
    late = stands_in(world.state, world.round, now)
    assert now < late < now + patience(world.state.terms.aggregate_seconds)
    assert mine.left_to_others(world.state, world.round, now) == left
    certified = min(left)
    signed.tallies = {certified: world.facts.roll.needed}
    assert mine.left_to_others(world.state, world.round, late) == {certified}, "the others need this member's signature"


def test_while_updates_are_opened_nobody_stands_in() -> None:
    world = World(4).open_job().open_round()
    for member in range(4):
        world.submit(member)
    mine, _ = keeping(world)
    assert stands_in(world.state, world.round, 0) > 0
    assert mine.left_to_others(world.state, world.round, 0) == frozenset(), "nothing is open"
