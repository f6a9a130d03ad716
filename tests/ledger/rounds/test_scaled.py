"""A round whose updates have scalars: each chunk of its model is made alone, given these, and nothing else shows."""

from typing import Any

import msgspec
import numpy as np
import pytest
from support.kept import Kept
from support.two_passes import expected
from support.worlds.world import LIMITS, World

from ledger.errors import Unavailable
from ledger.formats.artifact import Tensor
from ledger.formats.cid import CHUNK, of_file
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, WeightedMean
from ledger.jobs.server import Momentum
from ledger.rounds.facts import Standpoint
from ledger.rounds.rules.distances import WHOLE

RULES: list[Rule] = [MultiKrum(f=1), GeometricMedian(), CentredClipping(radius=40_000)]
CLIPPING: list[Rule] = [WeightedMean(), Median(), *RULES]
POINT = Standpoint(7, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32)
MEMBERS = 6
NORM = 20_000


def name(rule: Rule) -> str:
    return type(rule).__name__


def filled(rule: Rule, values: int = 610, order: tuple[int, ...] = (), rounds: int = 1, **limits: Any) -> World:
    """A world in its latest round, with an update of each member, submitted in the order given; the last one is far."""
    said = msgspec.structs.replace(LIMITS, min_updates=5, **limits)
    world = World(MEMBERS, rule=rule, limits=said, tensors=(Tensor("w", (values,)),)).open_job()
    for number in range(1, rounds + 1):
        world.open_round()
        for member in order or range(MEMBERS):
            reach = 1 << (15 if member == MEMBERS - 1 else 10)
            change = np.random.default_rng(100 * number + member).integers(-reach, reach, values) + 50 * member
            world.submit(member, change.astype("<i4"), weight=10 + member)
        if number < rounds:
            world.publish(0)
            for member in range(1, MEMBERS // 2 + 1):
                world.attest(member)
    return world


@pytest.mark.parametrize("rule", RULES, ids=name)
@pytest.mark.parametrize("rounds", [1, 3])
def test_it_is_the_round_of_the_specification(rule: Rule, rounds: int) -> None:
    """Update after update in plain integers, also where there is a step to start from."""
    world = filled(rule, rounds=rounds)
    outcome = world.outcome(keep=(kept := Kept()))
    found = expected(world.facts, world.files.fetch, range(MEMBERS))
    assert (outcome.verdicts, outcome.root, outcome.sums, kept.data, outcome.carried.scalars) == (
        *(found.verdicts, found.root, found.sums, found.file, found.scalars),
    )
    assert len(outcome.carried.scalars) == MEMBERS
    assert outcome.carried.scalars[-1] < min(outcome.carried.scalars[:-1]) or isinstance(rule, MultiKrum)


def test_the_last_step_is_the_centre() -> None:
    """The same updates in a first round, which has none, and in a later one."""
    rule = CentredClipping(radius=100)
    assert filled(rule).outcome().carried.scalars != filled(rule, rounds=2).outcome().carried.scalars


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_threads_and_order_do_not_matter(rule: Rule) -> None:
    straight = filled(rule, values=CHUNK // 2)
    shuffled = filled(rule, values=CHUNK // 2, order=(4, 2, 5, 0, 1, 3))
    outcomes = [straight.outcome(), *(shuffled.outcome(threads=threads) for threads in range(1, 5))]
    assert len({(one.claimed(POINT), one.sums, one.carried.scalars) for one in outcomes}) == 1
    assert len({one.claim(POINT) for one in outcomes}) == 2, "a claim says in which order updates were opened"


@pytest.mark.parametrize("limits", [{}, {"max_norm": NORM, "on_norm": "clip"}], ids=["whole", "clipped"])
@pytest.mark.parametrize("rule", CLIPPING, ids=name)
def test_each_chunk_is_made_alone(rule: Rule, limits: dict[str, Any]) -> None:
    world = filled(rule, values=2000, rounds=2, **limits)
    outcome = world.outcome(keep=(kept := Kept()))
    assert outcome.inputs is not None
    whole = np.frombuffer(kept.data[world.layout.header_size :], "<i4")
    for start, stop in ((0, 256), (256, 512), (1999, 2000), (0, 2000)):
        assert (outcome.inputs.model(start, stop) == whole[start:stop]).all()
    assert outcome.inputs.leaves(2) == outcome.inputs.leaves(1)


@pytest.mark.parametrize("rule", CLIPPING, ids=name)
def test_an_update_beyond_the_norm_is_cut_to_it(rule: Rule) -> None:
    """Its verdict is that of the others, and its factor stands in front of the shares."""
    refusing = filled(rule, max_norm=NORM).outcome()
    assert refusing.verdicts == bytes([0, 0, 0, 0, 0, 8])
    world = filled(rule, max_norm=NORM, on_norm="clip")
    outcome = world.outcome()
    assert outcome.verdicts == bytes(MEMBERS)
    factors = outcome.carried.scalars[:MEMBERS]
    assert factors[:-1] == (WHOLE,) * (MEMBERS - 1)
    assert 0 < factors[-1] < WHOLE
    assert outcome.inputs is not None
    cut = outcome.inputs.update(MEMBERS - 1, 0, world.layout.values).astype(object)
    assert (NORM - 50) ** 2 < sum(cut**2) <= NORM**2, "cut values are off by less than one each"
    assert outcome.root == expected(world.facts, world.files.fetch, range(MEMBERS)).root != refusing.root


@pytest.mark.parametrize("rule", [GeometricMedian(), MultiKrum(f=1)], ids=name)
def test_a_server_optimiser_takes_the_mean_by_shares(rule: Rule) -> None:
    """The claim names its streams and the shares in one file; the sums are those of the round without one."""
    plain = filled(rule)
    plain.job = msgspec.structs.replace(plain.job, server=Momentum(rate="1", beta="0.9"))
    outcome = plain.outcome(keep=(kept := Kept()))
    without = filled(rule).outcome()
    assert (outcome.sums, outcome.carried.scalars) == (without.sums, without.carried.scalars)
    assert [stream.name for stream in outcome.carried.streams] == ["m"]
    assert outcome.inputs is not None
    whole = np.frombuffer(kept.data[plain.layout.header_size :], "<i4")
    assert (outcome.inputs.model(256, 610) == whole[256:]).all()


def test_bytes_of_the_step_that_are_missing_leave_no_outcome() -> None:
    """The model before the base is read, by this rule alone; what cannot be had is no verdict."""
    world = filled(CentredClipping(radius=100), rounds=3)
    before = world.state.rounds[1].final
    assert before is not None
    del world.files.files[of_file(before.cid, world.layout.size)]
    with pytest.raises(Unavailable):
        world.outcome()
    other = filled(GeometricMedian(), rounds=3)
    earlier = other.state.rounds[1].final
    assert earlier is not None
    del other.files.files[of_file(earlier.cid, other.layout.size)]
    assert not other.outcome().why


def test_a_round_without_a_model_has_no_scalars() -> None:
    world = filled(GeometricMedian())
    assert world.outcome(without=(0, 1)).carried.scalars == ()
    high = World(5, rule=GeometricMedian(), initial=[(1 << 31) - 1] * 610).open_job().open_round()
    for member in range(5):
        high.submit(member, np.full(610, 3, "<i4"))
    outcome = high.outcome()
    assert "int32" in outcome.why
    assert outcome.carried.scalars == ()
