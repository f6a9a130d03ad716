"""A round of compressed updates is the round of the values that they stand for; each lie about them has its verdict."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from support.kept import Kept
from support.seals import fresh, seal_all
from support.worlds.masked_job import MASKED, THREE
from support.worlds.sealed_updates import SealedWorld
from support.worlds.world import LIMITS, Files, World, altered, artifact, body, culprit, open_matters

from ledger.audit import damaged_copies
from ledger.audit.report import Check
from ledger.errors import Malformed, Unavailable
from ledger.formats import artifact as artifacts
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.compressed.packing import SHIFTS, Bits, Packing
from ledger.formats.copies import BadCopy
from ledger.formats.merkle import root_of
from ledger.jobs.compression import Compression
from ledger.jobs.document import parse
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.privacy import READERS, SealedTo
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.jobs.server import Adam
from ledger.rounds.admission import UpdateReading, Verdict
from ledger.rounds.trace import trace
from ledger.scores.coalition import Coalitions
from ledger.scores.genuine import Void, judge_genuine
from ledger.seals.leaves import salted_root

MEMBERS = 5
TENSORS = (Tensor("a", (7,)), Tensor("b", (61, 47)), Tensor("c", (1,)), Tensor("d", (333,)))
BITS: list[Bits] = [8, 4]
RULES: list[Rule] = [
    WeightedMean(),
    Median(),
    TrimmedMean(trim=1),
    MultiKrum(f=1),
    GeometricMedian(),
    CentredClipping(radius=1 << 19),
]


@pytest.fixture(params=[1 << 20, 2048])
def bands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes of a band of a model: all of one, or many."""
    monkeypatch.setattr(artifacts, "CHUNK", request.param)
    return int(request.param)


def compressed(bits: Bits = 8, **options: Any) -> World:
    options = {"members": MEMBERS, "tensors": TENSORS, "files": Files(777)} | options
    world = World(compression=Compression(bits=bits, error_feedback=False), **options)
    return world.open_job().open_round()


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("on_norm", ["refuse", "clip"])
def test_it_makes_the_model_of_the_same_values(rule: Rule, bits: Bits, on_norm: str) -> None:
    limits = msgspec.structs.replace(
        LIMITS, min_updates=5, on_norm=on_norm, max_norm=1 << 20 if on_norm == "clip" else 1 << 28
    )
    small = compressed(bits, rule=rule, limits=limits)
    plain = World(MEMBERS, tensors=TENSORS, rule=rule, limits=limits).open_job().open_round()
    for member in range(MEMBERS):
        values = small.drawn()
        small.submit(member, values, weight=10 + member)
        plain.submit(member, values, weight=10 + member)
    one = small.outcome(keep=(kept := Kept()), threads=2)
    other = plain.outcome(keep=(whole := Kept()))
    assert set(one.verdicts) == {Verdict.ADMITTED}
    assert (one.root, one.sums, kept.data, one.carried) == (other.root, other.sums, whole.data, other.carried)
    again = small.outcome()
    assert again.root == one.root
    assert one.inputs is not None
    assert (one.inputs.model(255, 700) == np.frombuffer(whole.data[plain.layout.header_size :], "<i4")[255:700]).all()


def changed(world: World, place: int, value: int) -> dict[str, Any]:
    """An update with one other byte in its body; the place of the first tensor's first value is 0."""
    packing = packing_of(world)
    data = bytearray(body(packing, world.drawn()))
    data[packing.starts[1] + place] = value
    return sent(world, bytes(data))


def sent(world: World, data: bytes) -> dict[str, Any]:
    """An update with this body, under its root."""
    return {"data": packing_of(world).header(world.binding(0)) + data, "root": root_of(data)}


def packing_of(world: World) -> Packing:
    assert world.job.packing is not None
    return world.job.packing


def second_encoding(world: World) -> dict[str, Any]:
    """The first tensor's values, all even, as their halves with a shift of 1."""
    packing, values = packing_of(world), world.drawn()
    values[:7] = [2, 4, 6, -2, -4, -6, 0]
    honest, data = body(packing, values), bytearray(body(packing, values))
    values[:7] //= 2
    data[: packing.starts[2]] = body(packing, values)[: packing.starts[2]]
    data[0] = 1
    assert honest[0] == 0
    data[1 : packing.shifts] = honest[1 : packing.shifts]
    return sent(world, bytes(data))


def beyond(world: World) -> dict[str, Any]:
    """One value of twice the bound."""
    values = world.drawn()
    values[7 : 7 + 61 * 47] = 0
    values[100] = 2 * LIMITS.max_value
    return {"values": values}


def other_width(world: World) -> dict[str, Any]:
    other = Packing(world.layout, 4 if packing_of(world).bits == 8 else 8)
    return {"data": artifact(other, world.binding(0), world.drawn() * 0)}


def with_root(world: World, *, own: bool) -> dict[str, Any]:
    values = world.drawn()
    return {"values": values, "root": root_of(values) if own else bytes(32)}


LIES: dict[str, tuple[Verdict, Any]] = {
    "second encoding": (Verdict.HEADER, second_encoding),
    "overflow": (Verdict.HEADER, lambda w: changed(w, -4, packing_of(w).largest_shift + 1)),
    "lowest": (Verdict.HEADER, lambda w: changed(w, 0, 128 if packing_of(w).bits == 8 else 8)),
    "padding": (Verdict.HEADER, lambda w: changed(w, 3, 0x71 if packing_of(w).bits == 4 else 128)),
    "a byte less": (Verdict.HEADER, lambda w: sent(w, body(packing_of(w), w.drawn())[:-1])),
    "a byte more": (Verdict.HEADER, lambda w: sent(w, body(packing_of(w), w.drawn()) + b"\0")),
    "no body": (Verdict.HEADER, lambda w: sent(w, b"")),
    "as if not compressed": (Verdict.HEADER, lambda w: {"data": artifact(w.layout, w.binding(0), w.drawn())}),
    "another width": (Verdict.HEADER, other_width),
    "another root": (Verdict.ROOT, lambda w: with_root(w, own=False)),
    "the root of its integers": (Verdict.ROOT, lambda w: with_root(w, own=True)),
    "beyond the bound": (Verdict.RANGE, beyond),
}


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("verdict", "lie"), LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("rule", [WeightedMean(), GeometricMedian()], ids=lambda rule: type(rule).__name__)
def test_each_lie_has_its_verdict_and_stops_nobody(bits: Bits, verdict: Verdict, lie: Any, rule: Rule) -> None:
    world = compressed(bits, rule=rule)
    world.submit(0, **lie(world))
    for member in range(1, MEMBERS):
        world.submit(member)
    outcome = world.outcome()
    assert outcome.judged[0].decision.verdict is verdict, outcome.judged[0].decision.message
    assert set(outcome.verdicts[1:]) == {Verdict.ADMITTED}
    assert outcome.root != bytes(32)


def test_a_norm_is_that_of_the_values() -> None:
    values = compressed().drawn()
    squares = int((values.astype(object) ** 2).sum())
    norm = int(squares**0.5) + 1
    for bound, verdict in ((norm + 1, Verdict.ADMITTED), (norm - 2, Verdict.NORM)):
        world = compressed(limits=msgspec.structs.replace(LIMITS, max_norm=bound))
        world.submit(0, values)
        assert world.outcome().judged[0].decision.verdict is verdict


@pytest.mark.parametrize("bits", BITS)
def test_an_honest_round_is_verified(bits: Bits) -> None:
    world = compressed(bits)
    play(world)
    report = world.audit()
    assert (report.lies.list, open_matters(report)) == ((), [])
    assert trace(world.state, world.job, 1, str).compression == Compression(bits=bits, error_feedback=False).words


@pytest.mark.parametrize("bits", BITS)
def test_a_lying_aggregate_is_refuted_at_its_value(bits: Bits) -> None:
    world = compressed(bits)
    for member in range(MEMBERS):
        world.submit(member)
    world.outcome(keep=(kept := Kept()))
    head = world.layout.header_size
    wrong = altered(np.frombuffer(kept.data[head:], "<i4"), 2000)
    world.publish(1, root=root_of(wrong), cid=world.files.put(kept.data[:head] + wrong.tobytes()).digest)
    lie = next(one for one in world.audit().lies.list if one.check is Check.AGGREGATE)
    assert culprit(lie) == f"east ({world.keys[1]})"
    assert (lie.tensor, lie.chunk, lie.value) == ("b", 2000 // 256, 2000 - 7)


def play(world: World) -> None:
    """Submit, publish, attest."""
    for member in range(MEMBERS):
        world.submit(member)
    world.publish(0)
    for member in range(1, MEMBERS // 2 + 1):
        world.attest(member)


@pytest.mark.parametrize("bits", BITS)
def test_scores_take_the_values(bits: Bits) -> None:
    world = compressed(bits)
    drawn = [world.drawn() for _ in range(MEMBERS)]
    drawn[3] = drawn[1]
    drawn[4][:] = 0
    for member in range(MEMBERS):
        world.submit(member, drawn[member], weight=10 + member)
    outcome = world.outcome()
    world.publish(0)
    for member in range(1, MEMBERS // 2 + 1):
        world.attest(member)
    voids = judge_genuine(world.state, world.job, world.state.rounds[1], world.files.fetch)
    assert [voids[member] for member in range(MEMBERS)] == [Void.NONE, Void.NONE, Void.NONE, Void.COPY, Void.ZERO]
    assert outcome.inputs is not None
    for held in (1 << 30, 0):
        coalitions = Coalitions.of(outcome.inputs, max_held=held)
        assert root_of(coalitions.model(range(MEMBERS))) == outcome.root
        mean = (drawn[2].astype(object) * 2 + 1) // 2
        assert (coalitions.model([2]) == world.initial + mean.astype(np.int64)).all()


@pytest.mark.parametrize("bits", BITS)
def test_sealed_ones_are_opened_first(bits: Bits) -> None:
    compression = Compression(bits=bits, error_feedback=False)
    world = SealedWorld(compression=compression)
    plain = World(4, tensors=world.job.tensors, compression=compression).open_job().open_round()
    packing = world.job.packing
    assert packing is not None
    for member in range(4):
        values = plain.drawn()
        plain.submit(member, values, weight=10 + member)
        key = fresh(world.update_name(member))
        data = seal_all(artifact(packing, world.binding(member), values), key)
        world.bring(member, key, data, salted_root([body(packing, values)], key))
    assert world.facts.update_size == len(world.files.files[world.facts.entries[0].cid])
    one, other = world.outcome(), plain.outcome()
    assert set(one.verdicts) == {Verdict.ADMITTED}
    assert (one.root, one.cid, one.sums) == (other.root, other.cid, other.sums)


def test_it_goes_with_a_server_optimiser() -> None:
    server = Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")
    small = compressed(server=server)
    plain = World(MEMBERS, tensors=TENSORS, server=server).open_job().open_round()
    for member in range(MEMBERS):
        values = small.drawn()
        small.submit(member, values)
        plain.submit(member, values)
    assert small.outcome().carried == plain.outcome().carried


def test_it_goes_with_seals_and_not_with_masks() -> None:
    job = compressed().job
    assert parse(msgspec.structs.replace(job, privacy=SealedTo(readers=READERS[0])).encode()).packing is not None
    masked = msgspec.structs.replace(job, privacy=MASKED, admission=THREE)
    assert parse(msgspec.structs.replace(masked, compression=None).encode()).masked is not None
    with pytest.raises(Malformed, match="a masked value has 64 bits"):
        parse(masked.encode())


@pytest.mark.parametrize("bits", BITS)
def test_a_damaged_copy_is_told_by_its_tensor(bits: Bits) -> None:
    world = compressed(bits)
    play(world)
    packing, file = packing_of(world), world.facts.entries[0].cid
    for byte, expected in (
        (2, (SHIFTS, None, 2)),
        (packing.place(1001), ("b", 1000 // 256, 994 // packing.share * packing.share)),
    ):
        offset = packing.header_size + byte
        copy = BadCopy("gateway of east", file, file, offset, offset + 100, True)
        (found,) = damaged_copies(world.history, {1: world.job}, [copy], lambda party: party)
        assert (found.tensor, found.value) == (expected[0], expected[2])
        assert found.chunk == (None if expected[1] is None else 1001 // 256)


def test_it_does_not_go_with_edges() -> None:
    edges = Hierarchy(edges={"0": "ab" * 32}, min_children=1, max_children=9, check="sums")
    job = msgspec.structs.replace(compressed().job, hierarchy=edges)
    assert parse(msgspec.structs.replace(job, compression=None).encode()).hierarchy == edges
    with pytest.raises(Malformed, match="compression does not go with hierarchy") as caught:
        parse(job.encode())
    assert "leave compression out" in caught.value.advice


class Ending(Files):
    """Files whose bytes cannot be had from an offset on."""

    ends: tuple[Cid, int] | None = None

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        for piece in super().fetch(cid, start, stop):
            start += len(piece)
            if self.ends is not None and self.ends[0] == cid and start > self.ends[1]:
                raise Unavailable("gone", cid=cid)
            yield piece


@pytest.mark.usefixtures("bands")
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("at", [0, 1030, 2000])
@pytest.mark.parametrize("rule", [WeightedMean(), GeometricMedian()], ids=lambda rule: type(rule).__name__)
def test_bytes_that_cannot_be_had_are_no_verdict(bits: Bits, at: int, rule: Rule) -> None:
    files = Ending(300)
    world = compressed(bits, files=files, rule=rule)
    cids = [world.submit(member).cid for member in range(MEMBERS)]
    files.ends = (cids[2], at)
    with pytest.raises(Unavailable, match="gone"):
        world.outcome()


def test_memory_does_not_grow_with_the_model() -> None:
    """Eight million values of an update are judged in no more than a few bands."""
    model = Layout((Tensor("w", (1 << 23,)),))
    packing = Packing(model, 4)
    quanta = np.random.default_rng(1).integers(0, 256, 1 << 22, np.uint8)
    quanta[(quanta & 15 == 8) | (quanta >> 4 == 8)] = 7
    body_ = bytes([9]) + quanta.tobytes()
    bound = compressed(4).binding(0)
    file, root = memoryview(packing.header(bound) + body_), root_of(body_)
    limits = msgspec.structs.replace(LIMITS, max_norm=1 << 40)

    def pieces(start: int) -> Iterator[memoryview]:
        return (file[at : at + (1 << 20)] for at in range(start, len(file), 1 << 20))

    tracemalloc.start()
    try:
        assert UpdateReading(model, bound, root, limits, pieces, packing=packing).judge().verdict is Verdict.ADMITTED
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
