"""How often a role looks: what all others do in a round, each in a block of its own, is looked at together."""

from collections.abc import Collection, Hashable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.world import World

from ledger.history.state import JobState, Phase
from ledger.party.watch import LATE, SHORTEST_PAUSE, Watch


class Chain:
    """A connection over a world: each wait lets one thing happen, and sees a new head after it."""

    def __init__(self, world: World, happens: Iterator[Any], confirmations: int = 0) -> None:
        self.history, self.follower, self.is_behind = world.history, self, False
        self.network = SimpleNamespace(chain=SimpleNamespace(confirmations=confirmations))
        self.time, self.doubt = lambda: 0, None
        self.happens, self.refreshed, self.crowded = happens, 0, 0.0
        self.rests = list[float]()

    def wait(self, seconds: float, rest: float) -> bool:
        self.rests.append(rest)
        done = next(self.happens, "nothing")
        self.is_behind = done not in ("nothing", "nudge")
        return done != "nothing"

    def refresh(self) -> Any:
        self.refreshed += 1
        return self.history


class Role(Watch):
    """One that is only asked how it waits."""

    def chosen(self, history: Any) -> list[JobState]:
        return list(history.jobs.values())

    def waited(self) -> Any:
        self._wait(60.0)
        read, self._read = self._read, None
        return read


def role(chain: Chain, kind: type[Role] = Role, patient: Collection[int] = ()) -> Role:
    def seen(state: JobState) -> Hashable:
        return state.current and (state.current.number, state.current.phase, len(state.current.updates))

    worker = SimpleNamespace(seen=seen, awaits_news=lambda job: job in patient)
    said: Any = chain, worker, SimpleNamespace()
    return kind(*said)


def collecting() -> World:
    return World().open_job().open_round()


def test_commitments_of_others_are_read_and_looked_at_together() -> None:
    world = collecting()
    chain = Chain(world, (world.submit(index) for index in range(len(world.history.members) - 1)))
    assert role(chain).waited() is None, "until the time is over"
    assert chain.refreshed == len(world.round.commitments) > 1


def test_the_last_commitment_is_looked_at_at_once() -> None:
    world = collecting()
    commits = iter([*range(world.round.target)])
    chain = Chain(world, (world.submit(index) for index in commits))
    assert role(chain).waited() is world.history
    assert chain.refreshed == world.round.target


@pytest.mark.parametrize("nothing", ["a block without events", "another history"])
def test_what_is_not_one_of_many_is_looked_at(nothing: str) -> None:
    world = collecting()
    chain = Chain(world, iter(["block"]))
    if nothing == "another history":
        chain.refresh = lambda: collecting().history  # type: ignore[method-assign]
    assert role(chain).waited() is not None


def test_where_blocks_are_waited_for_each_is_looked_at() -> None:
    world = collecting()
    chain = Chain(world, (world.submit(index) for index in range(2)), confirmations=1)
    assert role(chain).waited() is world.history
    assert chain.refreshed == 1


def test_a_nudge_is_looked_at_and_the_chain_asked_then() -> None:
    world = collecting()
    chain = Chain(world, iter(["nudge"]))
    assert role(chain).waited() is None
    assert chain.refreshed == 0


def test_how_many_a_round_lacks_is_known_while_members_commit_and_attest() -> None:
    world, lacked = World(5).open_job().open_round(), list[int]()
    for index in range(5):
        lacked.append(world.round.lacks)
        world.submit(index)
    assert (lacked, world.round.phase, world.round.lacks) == ([5, 4, 3, 2, 1], Phase.OPENING, 0)
    world.open_pending()
    assert (world.round.phase, world.round.lacks) == (Phase.AGGREGATING, 0)
    world.publish(0)
    while world.round.phase is Phase.ATTESTING:
        assert world.round.lacks == world.round.majority - world.aggregate.agreeing > 0
        world.attest(world.aggregate.agreeing)
    assert (world.round.phase, world.round.lacks) == (Phase.FINALISED, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock of whole seconds: it is one later at each look at it."""
    now = SimpleNamespace(seconds=0.0)

    def monotonic() -> float:
        now.seconds += 1
        return float(now.seconds)

    monkeypatch.setattr("ledger.party.watch.time", SimpleNamespace(monotonic=monotonic))
    return now


class Acting(Role):
    """It takes a step in each look, and reads the chain in it."""

    acts = True

    def attend(self, history: Any, state: JobState, now: int) -> bool:
        next(self._connection.happens, None)
        return self.acts


@pytest.mark.parametrize(
    ("crowded", "patient", "at_once"), [(0.2, {1}, False), (0.2, set[int](), True), (0.0, {1}, True)]
)
def test_after_a_step_that_others_are_waited_for_after_many_look_once_these_have_acted(
    crowded: float, patient: set[int], at_once: bool
) -> None:
    chain = Chain(collecting(), iter(()))
    chain.crowded = crowded
    watch = role(chain, Acting, patient)
    assert watch.look() is at_once
    watch.acts = False
    assert not watch.look()


@pytest.mark.parametrize(("committed", "waited"), [(0, 1), (3, 0)], ids=["one of many", "the last"])
def test_what_a_step_has_read_is_looked_at_at_once_where_something_follows_on_it(committed: int, waited: int) -> None:
    """Nothing new would come to wake it: the last member has committed while it was at the step."""
    world = collecting()
    assert len(world.history.members) == 4
    for index in range(committed):
        world.submit(index)
    chain = Chain(world, (world.submit(index) for index in [committed]))
    chain.crowded = 0.2
    watch = role(chain, Acting, {1})
    assert not watch.look()
    watch._wait(0.0)
    assert len(chain.rests) == waited


def rests_of(world: World, happens: Iterator[Any], crowded: float = 0.2) -> list[float]:
    chain = Chain(world, happens)
    chain.crowded = crowded
    role(chain)._wait(10**6)
    return chain.rests


def test_among_many_half_of_the_time_is_waited_that_those_who_lack_are_expected_to_take(clock: Any) -> None:
    world = World(9).open_job().open_round()
    assert world.round.lacks == world.round.target == 9
    unknown, one, two, three = rests_of(world, (world.submit(index) for index in range(3)), crowded=60.0)
    assert unknown == 0, "nobody has committed yet"
    assert one > two > three > 0, "each second as many, and fewer lack"
    assert world.round.lacks == 6


def test_those_who_lack_may_be_faster_than_expected(clock: Any) -> None:
    world = World(9).open_job().open_round()
    unknown, *known = rests_of(world, (world.submit(index) for index in range(3)), crowded=0.1)
    assert (unknown, set(known)) == (0, {LATE * 0.1})


def test_among_few_the_chain_is_not_left_alone(clock: Any) -> None:
    world = World(9).open_job().open_round()
    assert set(rests_of(world, (world.submit(index) for index in range(3)), crowded=0.0)) == {0.0}


@pytest.mark.parametrize("crowded", [0.0, 0.2])
def test_what_is_due_at_every_moment_is_looked_at_together_among_many(
    crowded: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, waits = Chain(collecting(), iter(())), list[float]()
    chain.crowded = crowded
    watch = role(chain)
    monkeypatch.setattr(watch, "due_in", lambda: [0.001, 30.0])
    monkeypatch.setattr(watch, "look", lambda: False)
    monkeypatch.setattr(watch, "_wait", waits.append)
    monkeypatch.setattr(Role, "done", property(lambda self: bool(waits)))
    watch.run()
    assert waits == [max(crowded, SHORTEST_PAUSE)]


@pytest.mark.parametrize(("crowded", "longest"), [(0.0, 2.0), (0.8, 2.0), (2.4, 2.4)])
def test_where_nothing_is_due_one_looks_as_often_as_was_asked_or_as_news_is_gathered(
    crowded: float, longest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, waits = Chain(collecting(), iter(())), list[float]()
    chain.crowded = crowded
    watch = role(chain)
    monkeypatch.setattr(watch, "due_in", list)
    monkeypatch.setattr(watch, "look", lambda: False)
    monkeypatch.setattr(watch, "_wait", waits.append)
    monkeypatch.setattr(Role, "done", property(lambda self: bool(waits)))
    watch.run()
    assert waits == [longest]
