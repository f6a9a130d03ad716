"""What corrects a party's training, worked out from the ledger: in step with what its rounds counted."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from support.worlds.world import LIMITS, World

from ledger.formats.cid import RAW, Cid
from ledger.jobs.server import Dyn, Scaffold, Server
from ledger.rounds.carried import decode
from ledger.rounds.facts import RoundFacts
from ledger.rounds.rules.clipping import clipped, factor_of
from participant.node.drift import Drifts

CUT = msgspec.structs.replace(LIMITS, max_norm=1 << 18, on_norm="clip")


def drift(world: World, member: int, drifts: Any = None) -> np.ndarray:
    """What corrects a member's training of the round after the last."""
    world.open_round()
    facts = RoundFacts.of(world.place, world.state, world.job, world.round)
    found = (drifts or Drifts(SimpleNamespace(fetch=world.files.fetch))).of(facts, member)  # type: ignore[arg-type]
    assert found is not None
    return found


def control(world: World, number: int) -> np.ndarray:
    """The server's stream beside a round's model."""
    final = world.state.rounds[number].final
    assert final is not None
    (stream,) = decode(world.files.files[Cid(RAW, final.carried)]).streams
    return np.frombuffer(world.files.files[stream.file(world.layout.size)][world.layout.header_size :], "<i4")


@pytest.mark.parametrize("server", [Dyn(alpha="0.1"), Scaffold(rate="1")], ids=lambda server: server.name)
def test_an_update_that_was_cut_counts_as_the_round_counted_it(server: Server) -> None:
    world = World(server=server, limits=CUT).open_job().open_round()
    long = world.submit(0).values
    world.submit(1, np.ones(world.layout.values, "<i4"))
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    went = clipped(long, factor_of(int(long.astype(object) @ long), CUT.max_norm))
    assert abs(went).max() < abs(long).max()
    towards = control(world, 1) if server.name == "scaffold" else 0
    assert (drift(world, 0) == towards - went).all()


def test_means_of_what_parties_have_is_what_the_server_has() -> None:
    """FedDyn's invariant, with updates that are cut, a party that misses a round, and a round that comes to nothing."""
    world = World(3, server=Dyn(alpha="0.1"), limits=CUT).open_job()
    world.honest_round([0, 1, 2])
    world.open_round().advance()
    world.honest_round([0, 2])
    drifts = [drift(world, 0)]
    facts = RoundFacts.of(world.place, world.state, world.job, world.round)
    drifts += [Drifts(SimpleNamespace(fetch=world.files.fetch)).of(facts, member) for member in (1, 2)]  # type: ignore
    mean = -sum(one.astype(np.int64) for one in drifts) / 3
    assert abs(control(world, 3) - mean).max() <= 2
