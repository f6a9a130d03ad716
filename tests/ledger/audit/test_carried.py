"""A lie in what a round carries beside its model is refuted under its aggregator's name: stream, chunk and value."""

from typing import Any

import numpy as np
import pytest
from support.worlds.world import NAMES, World

from ledger.audit.report import Check, Report
from ledger.formats.artifact import Tensor
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.jobs.server import Adam, Momentum
from ledger.rounds.carried import Carried, StateStream
from ledger.rounds.outcome import Outcome
from ledger.rounds.server_state import binding_of, layout_of

ADAM = Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")
TENSORS = (Tensor("bias", (10,)), Tensor("weight", (40, 20)))
LIAR = 1


def begun(server: Any = ADAM) -> tuple[World, Outcome]:
    """A second round before it is aggregated, and its honest outcome, stored."""
    world = World(server=server, tensors=TENSORS).open_job().honest_round().open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    kept: list[bytes] = []

    def keep(pieces: Any) -> Cid:
        kept.append(b"".join(bytes(piece) for piece in pieces))
        return world.files.put(kept[-1])

    return world, world.outcome(keep=keep, keep_state=world.files.keep_state)


def lied(world: World, outcome: Outcome, carried: Carried | bytes) -> Report:
    """The round after the liar claims that it carries this, with honest members."""
    data = carried if isinstance(carried, bytes) else carried.encode()
    digest = world.files.put(data).digest
    return published(world, outcome, digest)


def published(world: World, outcome: Outcome, digest: bytes) -> Report:
    world.publish(LIAR, outcome, carried=digest)
    for member in (0, 2):
        world.attest(member)
    assert world.aggregate.outcome is Phase.REFUTED
    return world.audit()


def changed(world: World, outcome: Outcome, name: str, place: int, by: int = 1) -> Carried:
    """What is carried, but for one unit in one value of a stream, whose false file is stored with its true root."""
    layout, streams = layout_of(world.layout, name), list(outcome.carried.streams)
    at = next(number for number, one in enumerate(streams) if one.name == name)
    file = world.files.files[streams[at].file(layout.size)]
    values = np.frombuffer(file[layout.header_size :], "<i8" if layout.width == 8 else "<i4").copy()
    values[place] += by
    cid = world.files.put(file[: layout.header_size] + values.tobytes())
    streams[at] = StateStream(name, root_of(values.tobytes()), cid.digest)
    return Carried(tuple(streams))


@pytest.mark.parametrize(
    ("name", "place", "tensor", "value", "chunk"),
    [
        ("m", 0, "bias", 0, 0),
        ("m", 809, "weight", 799, 3),
        ("v", 0, "bias", 0, 0),
        ("v", 128, "weight", 118, 1),
        ("v", 809, "weight", 799, 6),
    ],
)
@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_in_the_state_is_refuted(name: str, place: int, tensor: str, value: int, chunk: int, by: int) -> None:
    world, outcome = begun()
    report = lied(world, outcome, changed(world, outcome, name, place, by))
    assert report.lies.answer == "caught"
    (lie,) = report.lies.list
    assert (lie.who, lie.check, lie.stream) == (NAMES[LIAR], Check.AGGREGATE, name)
    assert (lie.tensor, lie.value, lie.chunk) == (tensor, value, chunk)
    assert int(lie.actual or "0") == int(lie.expected or "0") + by
    assert f"stream {name!r} of the state does not recompute: it differs in 1 of" in lie.why


def test_a_lie_that_a_majority_took_stands() -> None:
    world, outcome = begun(Momentum(rate="1", beta="0.9"))
    digest = world.files.put(changed(world, outcome, "m", 5).encode()).digest
    world.publish(LIAR, outcome, carried=digest)
    for member in (0, 2):
        world.attest(member, world.aggregate.claim, bytes(32))
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("no", "standing")
    assert {lie.stream for lie in report.lies.list if lie.check is Check.AGGREGATE} == {"m"}


@pytest.mark.parametrize("false", [-1, -(1 << 63), (1 << 45) + 1, 1 << 55, (1 << 63) - 1])
def test_second_moments_that_no_round_makes_lead_everyone_to_the_same(false: int) -> None:
    """A majority signed for them: the next round is made as if they were the nearest that a round makes."""
    made = []
    for value in (false, min(max(false, 0), 1 << 45)):
        world, outcome = begun()
        layout, (m, v) = world.layout.wide, outcome.carried.streams
        body = np.full(layout.values, value, "<i8").tobytes()
        cid = world.files.put(world.files.files[v.file(layout.size)][: layout.header_size] + body)
        carried = Carried((m, StateStream("v", root_of(body), cid.digest)))
        world.publish(LIAR, outcome, carried=world.files.put(carried.encode()).digest)
        for member in (0, 2):
            world.attest(member, world.aggregate.claim, bytes(32))
        world.honest_round()
        made.append([world.aggregate.root, *(one.root for one in world.outcome().carried.streams)])
        assert {lie.round for lie in world.audit().lies.list if lie.check is Check.AGGREGATE} == {2}
    assert made[0] == made[1]


LIES: dict[str, Any] = {
    "names no carried file": lambda world, outcome: NOTHING,
    "could not be had": lambda world, outcome: bytes([7]) * 32,
    "is not one": lambda world, outcome: world.files.put(b"{}").digest,
    "has other streams": lambda world, outcome: stored(world, outcome.carried.streams[:1]),
    "not that of its file": lambda world, outcome: stored(world, with_(outcome, cid=bytes(32))),
    "does not have the root": lambda world, outcome: stored(world, with_(outcome, root=bytes(32))),
    "another number of scalars": lambda world, outcome: stored(world, outcome.carried.streams, (1,)),
}


def stored(world: World, streams: tuple[StateStream, ...], scalars: tuple[int, ...] = ()) -> bytes:
    return world.files.put(Carried(streams, scalars).encode()).digest


def with_(outcome: Outcome, **part: bytes) -> tuple[StateStream, ...]:
    first, *rest = outcome.carried.streams
    said = {"root": first.root, "cid": first.cid} | part
    return (StateStream(first.name, **said), *rest)


@pytest.mark.parametrize("why", LIES)
def test_another_carried_file_is_refuted(why: str) -> None:
    world, outcome = begun()
    (lie,) = published(world, outcome, LIES[why](world, outcome)).lies.list
    assert (lie.who, lie.check) == (NAMES[LIAR], Check.AGGREGATE)
    assert why in lie.why


def test_a_round_that_carries_nothing_names_nothing() -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    outcome = world.open_pending().outcome(keep=lambda pieces: world.files.put(b"".join(map(bytes, pieces))))
    (lie,) = published(world, outcome, bytes([7]) * 32).lies.list
    assert "names a carried file, but its round carries nothing" in lie.why


def test_a_file_of_state_that_is_another_rounds_is_refuted() -> None:
    world, outcome = begun()
    first, *rest = outcome.carried.streams
    file = world.files.files[first.file(world.layout.size)]
    binding = binding_of(world.facts.binding, "h")
    cid = world.files.put(world.layout.header(binding) + file[world.layout.header_size :])
    false = StateStream(first.name, bytes(32), cid.digest)
    (lie,) = lied(world, outcome, Carried((false, *rest))).lies.list
    assert "is not a state of this round: the artifact has another stream" in lie.why


def test_lost_state_leaves_later_rounds_unknown_and_blames_nobody() -> None:
    world = World(server=ADAM, tensors=TENSORS).open_job().honest_round()
    world.honest_round()
    final = world.state.rounds[1].final
    assert final is not None
    del world.files.files[Cid(RAW, final.carried)]
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
