"""A round's facts are put together again only where they would say something else."""

from support.worlds.world import World

from ledger.rounds.facts import RoundFacts


def facts_of(world: World) -> RoundFacts:
    return RoundFacts.of(world.place, world.state, world.job, world.round)


def test_facts_are_those_of_a_round_until_an_update_is_opened() -> None:
    world = World().open_job().open_round()
    for index in range(world.round.target):
        world.submit(index)
    closed = facts_of(world)
    assert closed.are_of(world.state, world.job, world.round, None)
    assert closed.roll is closed.roll
    world.open_pending()
    assert not closed.are_of(world.state, world.job, world.round, None)
    opened = facts_of(world)
    assert opened.are_of(world.state, world.job, world.round, None)
    assert opened.roll.opened.keys() == world.round.updates.keys() != closed.roll.opened.keys()


def test_facts_are_of_no_other_history_of_the_same_round() -> None:
    one, other = (World().open_job().open_round() for _ in range(2))
    facts = facts_of(one)
    assert not facts.are_of(other.state, one.job, one.round, None)
    assert not facts.are_of(one.state, one.job, other.round, None)
    assert not facts.are_of(one.state, other.job, one.round, None)
