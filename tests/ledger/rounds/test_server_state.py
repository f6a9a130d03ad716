"""A round with a server optimiser, end to end over a working store: model and state for everyone the same, chunk by
chunk, from the model that the round builds on.
"""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from support.vectors import script
from support.worlds.masked import MaskedWorld
from support.worlds.world import LIMITS, World

from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK, RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.jobs.rules import Median
from ledger.jobs.server import Adagrad, Adam, Dyn, Momentum, Scaffold, Server, Yogi
from ledger.rounds.carried import decode
from ledger.rounds.optimisers import Turnout
from ledger.rounds.outcome import Outcome, conclude
from ledger.rounds.rules import mean_of
from ledger.rounds.server_state import Step, layout_of

MAKE = script("make_optimisers")
ADAM = Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")
SERVERS: list[Server] = [
    Momentum(rate="1", beta="0.9"),
    ADAM,
    Yogi(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001"),
    Adagrad(rate="0.1", tau="0.001"),
    Dyn(alpha="0.1"),
    Scaffold(rate="0.5"),
]
TENSORS = (
    Tensor("a.count", (1,), 0, "I64"),
    Tensor("b.weight", (20, 30), 24),
    Tensor("c.weight", (7,), 24),
    Tensor("d.scale", (5,), 8),
)
names = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)


def stream(world: World, number: int, name: str) -> np.ndarray:
    """A stream's values beside the model of a round; zeros beside the initial one."""
    if not number:
        return np.zeros(world.layout.values, np.int64)
    final = world.state.rounds[number].final
    assert final is not None
    carried = decode(world.files.files[Cid(RAW, final.carried)])
    one = next(one for one in carried.streams if one.name == name)
    layout = layout_of(world.layout, name)
    body = world.files.files[one.file(layout.size)][layout.header_size :]
    assert root_of(body) == one.root
    return np.frombuffer(body, "<i8" if layout.width == 8 else "<i4").astype(np.int64)


def values(world: World, number: int) -> np.ndarray:
    """A round's model."""
    if not number:
        return world.initial.astype(np.int64)
    final = world.state.rounds[number].final
    assert final is not None
    return read(world, of_file(final.cid, world.layout.size)).astype(np.int64)


def read(world: World, cid: Cid) -> np.ndarray:
    return np.frombuffer(world.files.files[cid][world.layout.header_size :], "<i4")


@names
def test_model_and_state_are_what_plain_integers_make(server: Server) -> None:
    world = World(server=server, tensors=TENSORS).open_job()
    bits = [tensor.fraction_bits for tensor in TENSORS for _ in range(tensor.values)]
    before = 0
    for _ in range(3):
        world.honest_round()
        number, round_ = world.round.number, world.round
        opened = round_.sorted_updates()
        updates = [read(world, of_file(update.cid, world.layout.size)) for update in opened]
        mean = mean_of(world.job.aggregation, [one.weight for one in opened], updates.__getitem__)
        turnout = (len(updates), round_.participants)
        states = [stream(world, before, name) for name in server.streams]
        for place, d in enumerate(mean.divided().tolist()):
            old = [int(one[place]) for one in states]
            said = msgspec.to_builtins(server)
            change, new = (d, old) if place == 0 else MAKE.step(said, d, old, turnout, bits[place])
            assert values(world, number)[place] - values(world, before)[place] == change
            assert [int(stream(world, number, name)[place]) for name in server.streams] == new
        before = number
    assert world.audit().right.answer == "yes"


@names
@pytest.mark.parametrize("size", [1, 257, (CHUNK - 1024) // 4 + 1, CHUNK])
def test_a_chunk_follows_from_its_chunks_alone(server: Server, size: int) -> None:
    world = World(server=server, tensors=(Tensor("w", (size,)),)).open_job()
    world.honest_round()
    world.honest_round()
    outcome = world.outcome()
    inputs = outcome.inputs
    assert inputs is not None
    assert isinstance(inputs.step, Step)
    places = sorted({0, size // 2, max(size - 300, 0), size})
    for start, end in pairwise(places):
        stop = min(end, start + 500)
        model, after = inputs.made(start, stop)
        assert (model == values(world, 2)[start:stop]).all()
        for name, part in zip(server.streams, after, strict=True):
            assert (part == stream(world, 2, name)[start:stop]).all()


@names
def test_threads_and_the_second_way_make_the_same(server: Server) -> None:
    world = World(server=server, tensors=(Tensor("w", (CHUNK // 2 + 3,)),)).open_job()
    world.honest_round()
    world.open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    outcomes = [world.outcome(threads=threads) for threads in (1, 2, 5)]
    outcomes.append(conclude(world.facts, outcomes[0].judged, world.files.fetch))
    assert {(one.root, one.cid, one.carried) for one in outcomes} == {
        (outcomes[0].root, outcomes[0].cid, outcomes[0].carried)
    }


def test_a_bad_update_leaves_no_trace_in_the_state() -> None:
    """The pass is made as if all were admitted; what it began to keep is gone."""
    worlds = [World(server=ADAM).open_job().honest_round().open_round() for _ in range(2)]
    for world in worlds:
        for member in range(3):
            world.submit(member)
    worlds[0].submit(3, np.full(worlds[0].layout.values, LIMITS.max_value + 1, "<i4"))
    made = [_kept(world.open_pending()) for world in worlds]
    assert made[0][0].carried == made[1][0].carried
    assert made[0][1] == made[1][1]


def _kept(world: World) -> tuple[Outcome, dict[str, bytes]]:
    kept: dict[str, bytes] = {}

    def keep(name: str, pieces: Any) -> Cid:
        kept[name] = b""
        data = b"".join(bytes(piece) for piece in pieces)
        kept[name] = data
        return world.files.put(data)

    return world.outcome(keep_state=keep), kept


def test_the_state_is_that_of_the_model_that_a_round_builds_on() -> None:
    """A round that came to nothing moves no state."""
    straight, broken = (World(server=ADAM).open_job().honest_round() for _ in range(2))
    broken.open_round().advance()
    assert broken.round.phase is Phase.ABANDONED
    for world in (straight, broken):
        world.open_round()
        for member in range(4):
            world.submit(member, np.arange(world.layout.values, dtype="<i4"))
        world.open_pending()
    assert stream(straight, 1, "v").any()
    first, second = straight.outcome(), broken.outcome()
    assert first.root == second.root
    assert [one.root for one in first.carried.streams] == [one.root for one in second.carried.streams]


@pytest.mark.parametrize("what", ["the carried file", "a stream"])
def test_no_outcome_from_missing_state(what: str) -> None:
    world = World(server=ADAM).open_job().honest_round().open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    assert world.outcome().root != NOTHING
    final = world.state.rounds[1].final
    assert final is not None
    carried = Cid(RAW, final.carried)
    lost = decode(world.files.files[carried]).streams[1].file(world.layout.wide.size) if what == "a stream" else carried
    del world.files.files[lost]
    with pytest.raises(Unavailable):
        world.outcome()


def test_a_short_state_makes_no_model() -> None:
    world = World(server=ADAM).open_job().honest_round()
    final = world.state.rounds[1].final
    assert final is not None
    streams = decode(world.files.files[Cid(RAW, final.carried)]).streams
    step = Step(ADAM, world.layout, Turnout(4, 4), streams, lambda *_: iter([b"short"]))
    with pytest.raises(Malformed, match="the file of stream m is truncated"):
        step.state(0, 10)


class Many(tuple[Tensor, ...]):
    """Tensors of which nobody looks at all for each band: there may be 100,000."""

    def __iter__(self) -> Any:
        raise AssertionError("all tensors were gone through")


def test_a_band_is_worked_on_without_a_look_at_all_tensors() -> None:
    tensors = tuple(Tensor(f"t{number}", (7,), 30 - number) for number in range(9))
    layout = Layout(tensors)
    layout.tensors = Many(tensors)
    step = Step(ADAM, layout, Turnout(4, 4), (), lambda *_: iter([]))
    mean = np.arange(1000, 1000 + layout.values)
    whole, _ = step.apply(0, mean, step.state(0, layout.values))
    for start in range(0, layout.values, 5):
        stop = min(start + 5, layout.values)
        part, _ = step.apply(start, mean[start:stop], step.state(start, stop))
        assert (part == whole[start:stop]).all()


def test_a_median_has_moments_too() -> None:
    world = World(server=ADAM, rule=Median()).open_job().honest_round()
    world.honest_round()
    assert world.audit().right.answer == "yes"
    assert stream(world, 2, "v").any()


def test_a_masked_round_has_the_state_of_the_open_one() -> None:
    """Two rounds: the second goes on from the first one's state."""
    world = MaskedWorld(3, server=ADAM, tensors=TENSORS)
    twin = World(3, server=ADAM, tensors=TENSORS, limits=world.job.admission, initial=world.initial.tolist())
    world.open_job().cast()
    twin.open_job()
    for number in (1, 2):
        world.honest_round()
        twin.open_round()
        for member in range(3):
            weight, made = world.updates[number, member]
            twin.submit(member, made, weight=weight)
        twin.publish(0)
        twin.attest(1)
        assert (values(world, number) == values(twin, number)).all()
        assert all((stream(world, number, name) == stream(twin, number, name)).all() for name in "mv")
    assert world.audit().right.answer == "yes"
