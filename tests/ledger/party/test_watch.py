"""How often a role looks: what all others do in a round, each in a block of its own, is looked at together."""

from collections.abc import Hashable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.world import World

from ledger.history.state import JobState
from ledger.party.watch import SHORTEST_PAUSE, Watch


class Chain:
    """A connection over a world: each wait lets one thing happen, and sees a new head after it."""

    def __init__(self, world: World, happens: Iterator[Any], confirmations: int = 0) -> None:
        self.history, self.follower, self.is_behind = world.history, self, False
        self.network = SimpleNamespace(chain=SimpleNamespace(confirmations=confirmations))
        self.happens, self.refreshed, self.crowded = happens, 0, 0.0

    def wait(self, seconds: float) -> bool:
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


def role(chain: Chain) -> Role:
    def seen(state: JobState) -> Hashable:
        return state.current and (state.current.number, state.current.phase, len(state.current.updates))

    said: Any = chain, SimpleNamespace(seen=seen), SimpleNamespace()
    return Role(*said)


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
