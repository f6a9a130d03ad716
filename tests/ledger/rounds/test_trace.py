"""A trace shows what each update counted, as far as the carried file can be had."""

import msgspec
import numpy as np
import pytest
from support.worlds.world import LIMITS, NAMES, World

from ledger.history.state import Aggregate
from ledger.jobs.rules import CentredClipping, GeometricMedian, Rule
from ledger.rounds.trace import Trace, trace


def traced(world: World, scalars: tuple[int, ...]) -> Trace:
    def read(aggregate: Aggregate) -> tuple[int, ...]:
        assert aggregate.carried == world.state.rounds[1].final.carried
        return scalars

    return trace(world.state, world.job, 1, lambda index: NAMES[index], scalars=read)


@pytest.mark.parametrize("rule", [GeometricMedian(), CentredClipping(radius=1 << 12)], ids=lambda r: type(r).__name__)
def test_factors_and_shares_stand_beside_the_verdicts(rule: Rule) -> None:
    limits = msgspec.structs.replace(LIMITS, max_norm=1 << 20, on_norm="clip")
    world = World(4, rule=rule, limits=limits).open_job().open_round()
    for member in range(4):
        reach = 1 << (18 if member == 3 else 12)
        values = np.random.default_rng(member).integers(-reach, reach, world.layout.values).astype("<i4")
        world.submit(member, values, weight=5000 if member == 1 else 5)
    outcome = world.outcome()
    assert outcome.verdicts == bytes([0, 6, 0, 0])
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    scalars = outcome.carried.scalars
    (found, _) = traced(world, scalars).models
    told = {one.party: (one.factor, one.share) for one in found.updates}
    expected = zip((NAMES[0], NAMES[2], NAMES[3]), zip(scalars[:3], scalars[3:], strict=True), strict=True)
    assert told == dict(expected) | {NAMES[1]: (None, None)}
    whole = 3 << 16 if isinstance(rule, CentredClipping) else sum(scalars[3:])
    assert {one.whole for one in found.updates if one.party != NAMES[1]} == {whole}
    for unread in ((), scalars[:-1]):
        (without, _) = traced(world, unread).models
        assert {(one.factor, one.share, one.whole) for one in without.updates} == {(None, None, None)}
