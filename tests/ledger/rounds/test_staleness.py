"""Buffered rounds: whose updates a buffer has, what each weighs by the age of its base, and STALE."""

from dataclasses import replace
from math import isqrt, sqrt
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kept import Kept
from support.worlds.world import LIMITS, TERMS, World, artifact

from ledger.events.rounds import Form
from ledger.formats.digest import NOTHING
from ledger.formats.integers import ratio
from ledger.formats.merkle import root_of
from ledger.history.fold import HistoryError
from ledger.history.state import Phase
from ledger.jobs.schedule import Buffered, Schedule
from ledger.jobs.server import Momentum
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import base_of
from ledger.rounds.outcome import recompute
from ledger.rounds.scaled import by_member
from ledger.rounds.staleness import ONE, Ages, factor, faded

SQRT = Buffered(max_staleness=2, staleness="sqrt")


def buffered(members: int = 4, buffer: int = 2, schedule: Schedule = SQRT, **options: Any) -> World:
    terms = msgspec.structs.replace(TERMS, buffer=buffer, rounds=20)
    return World(members, schedule=schedule, terms=terms, **options).open_job()


def base_root(world: World, number: int) -> bytes:
    """The tensor root of the model of a round; 0 is the initial one."""
    return base_of(world.state, world.job, number + 1).root


def submit(world: World, member: int, base: int, **options: Any) -> np.ndarray:
    """An update that says it builds on the model of round `base`."""
    binding = msgspec.structs.replace(world.binding(member), base=base_root(world, base))
    return world.submit(member, binding=binding, **options).values


def finish(world: World) -> World:
    world.publish(0)
    for member in range(1, len(world.keys) // 2 + 1):
        world.attest(member)
    assert world.round.phase is Phase.FINALISED
    return world


def advance(world: World, rounds: int) -> World:
    """So many rounds of updates of members 0 and 1 on the newest model."""
    for _ in range(rounds):
        world.open_round()
        for member in range(2):
            submit(world, member, world.state.latest)
        finish(world)
    return world


def values_of(world: World, root: bytes) -> np.ndarray:
    for data in world.files.files.values():
        if len(data) == world.layout.size:
            values = np.frombuffer(data, "<i4", offset=world.layout.header_size)

            if root_of(values) == root:
                return values
    raise AssertionError("no such model")


@given(st.integers(0, (1 << 20) - 1))
def test_the_factor_is_the_whole_part_of_the_root(age: int) -> None:
    assert factor(age) == isqrt((1 << 20) // (1 + age))
    assert factor(age) ** 2 * (1 + age) <= 1 << 20 < (factor(age) + 1) ** 2 * (1 + age)
    assert 1 <= factor(age) <= ONE
    assert abs(factor(age) - 1024 / sqrt(1 + age)) < 1 + 1e-6


def test_the_bounds_are_those_of_past_scores() -> None:
    weights, divisor = faded([16_383] * 255, [0] * 255)
    assert divisor < 1 << 32
    assert sum(weights) * (1 << 31) < 1 << 63


def test_a_buffer_ends_collecting_and_who_comes_later_is_refused() -> None:
    world = buffered().open_round()
    submit(world, 3, 0)
    assert world.round.phase is Phase.COLLECTING
    submit(world, 1, 0)
    assert world.round.phase is Phase.OPENING
    assert world.round.full
    with pytest.raises(HistoryError, match="is Opening"):
        submit(world, 0, 0)


@pytest.mark.parametrize("least", [1, 2])
def test_a_member_that_opens_nothing_costs_the_model_below_the_least(least: int) -> None:
    world = buffered(limits=msgspec.structs.replace(LIMITS, min_updates=least)).open_round()
    submit(world, 3, 0)
    world.pending.clear()
    submit(world, 0, 0)
    outcome = world.outcome()
    assert (outcome.root == NOTHING) is (least == 2)
    assert list(world.round.updates) == [0]


def test_a_buffer_larger_than_the_consortium_waits_for_everyone() -> None:
    world = buffered(3, buffer=9).open_round()
    assert world.round.target == 3


@given(
    ages=st.lists(st.integers(0, 2), min_size=2, max_size=2),
    weights=st.lists(st.integers(1, 1000), min_size=2, max_size=2),
    threads=st.integers(1, 3),
)
@settings(max_examples=40)
def test_the_mean_is_that_of_the_page(ages: list[int], weights: list[int], threads: int) -> None:
    world = advance(buffered(), 2)
    world.open_round()
    sent = [submit(world, one, 2 - age, weight=weights[one]) for one, age in enumerate(ages)]
    outcome = world.outcome(threads=threads)
    assert outcome.verdicts == bytes(len(ages))
    assert outcome.carried.scalars == tuple(ages)
    base = values_of(world, base_root(world, 2)).astype(object)
    whole = ONE * sum(weights)
    change = sum(weights[one] * factor(age) * sent[one].astype(object) for one, age in enumerate(ages))
    expected = np.array([int(b) + ratio(int(c), whole) for b, c in zip(base, change, strict=True)], "<i4")

    assert outcome.root == root_of(expected)


@pytest.mark.parametrize("staleness", ["sqrt", "none"])
@pytest.mark.parametrize("server", [None, Momentum(rate="1", beta="0.9")])
def test_everyone_on_the_newest_model_is_fedavg_bit_for_bit(staleness: Any, server: Any) -> None:
    options = {"server": server} if server else {}
    plain = World(4, **options).open_job()
    other = buffered(4, buffer=4, schedule=Buffered(max_staleness=3, staleness=staleness), **options)
    for _ in range(3):
        roots = []
        for world in (plain, other):
            world.open_round()
            for member in range(4):
                world.submit(
                    member,
                    np.random.default_rng(member).integers(-(1 << 16), 1 << 16, world.layout.values).astype("<i4"),
                    weight=7 + member,
                )
            roots.append(world.outcome().root)
            finish(world)
        assert roots[0] == roots[1] != NOTHING


def test_too_old_a_base_is_stale_and_a_foreign_one_no_header() -> None:
    world = advance(buffered(4, buffer=4, limits=msgspec.structs.replace(LIMITS, min_updates=1)), 0)
    for _ in range(4):
        world.open_round()
        for member in range(4):
            submit(world, member, world.state.latest)
        finish(world)
    world.open_round()
    submit(world, 0, 2)
    submit(world, 1, 1)
    foreign = msgspec.structs.replace(world.binding(2), base=b"\x05" * 32)
    world.submit(2, binding=foreign)
    cut = artifact(world.layout, msgspec.structs.replace(world.binding(3), base=base_root(world, 0)), world.initial)
    world.submit(3, data=cut[:-4])
    outcome = world.outcome()
    assert outcome.verdicts == bytes([0, Verdict.STALE, Verdict.HEADER, Verdict.STALE])
    assert outcome.carried.scalars == (2,)
    assert "too old a model" in outcome.judged[1].decision.message
    assert "none of the job's models" in outcome.judged[2].decision.message
    assert outcome.judged[1].decision.staleness == 3
    finish(world)
    assert world.audit().lies.list == ()


def test_no_base_in_the_header_is_no_header() -> None:
    world = buffered().open_round()
    binding = world.binding(0)
    data = artifact(world.layout, binding, world.initial)
    world.submit(0, data=data.replace(b'"base":"', b'"bose":"'))
    world.submit(1, data=data.replace(binding.base.hex().encode(), binding.base.hex().upper().encode()))
    assert world.outcome().verdicts == bytes([Verdict.HEADER, Verdict.HEADER])


def test_clipped_updates_carry_factor_and_staleness() -> None:
    limits = msgspec.structs.replace(LIMITS, max_norm=1 << 19, on_norm="clip")
    world = advance(buffered(limits=limits), 1)
    world.open_round()
    submit(world, 2, 0)
    submit(world, 3, 1)
    outcome = world.outcome()
    assert outcome.carried.scalars[2:] == (1, 0)
    assert all(0 < one < 1 << 16 for one in outcome.carried.scalars[:2])
    said = by_member(world.job, [2, 3], outcome.carried.scalars)
    assert [said[2].staleness, said[3].staleness] == [1, 0]


def test_of_models_with_one_root_the_last_counts() -> None:
    world = buffered()
    zero = np.zeros(world.layout.values, "<i4")
    for _ in range(2):
        world.open_round()
        for member in range(2):
            submit(world, member, world.state.latest, values=zero)
        finish(world)
    ages = Ages(world.state, world.job.initial_root, 3, 2)
    assert ages.of(world.job.initial_root) == 0
    assert ages.of(b"\x01" * 32) is None


def test_a_wrong_weight_of_staleness_is_refuted() -> None:
    """An aggregator that weighs a stale update as if it were fresh: its model is another one."""
    world = advance(buffered(), 2)
    world.open_round()
    submit(world, 2, 0)
    submit(world, 3, 2)
    honest, job = world.outcome(), world.job
    fresh = msgspec.structs.replace(job, schedule=Buffered(max_staleness=2, staleness="none"))
    lie = recompute(replace(world.facts, job=fresh), world.files.fetch, {2, 3}, keep=(made := Kept()))
    for data in (made.data, lie.carried.encode()):
        world.files.put(data)
    assert lie.root != honest.root
    world.publish(0, root=lie.root, cid=lie.cid, carried=lie.carried.digest)
    _, claim = world.recomputed()
    world.say(1, Form.OTHER, claim, world.aggregate.receipts)
    assert [one.who for one in world.audit().lies.list] == ["north"]


def test_a_wrong_age_in_the_carried_file_is_refuted() -> None:
    world = advance(buffered(), 1)
    world.open_round()
    submit(world, 2, 0)
    submit(world, 3, 1)
    honest = world.outcome(keep=(made := Kept()))
    told = replace(honest.carried, scalars=(0, 0))
    for data in (made.data, told.encode()):
        world.files.put(data)
    world.publish(0, carried=told.digest)
    world.attest(1, world.aggregate.claim)
    assert {one.who for one in world.audit().lies.list} == {"north", "east"}


def test_replay_makes_every_buffer_again() -> None:
    world = advance(buffered(), 3)
    world.open_round()
    submit(world, 2, 1)
    submit(world, 3, 3)
    finish(world)
    assert world.audit().lies.list == ()
