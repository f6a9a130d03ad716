"""The search: it finds what the court convicts, and says what nobody can show."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.worlds import lies
from support.worlds.world import LIMITS, World

from ledger.court.judge import judge
from ledger.court.search import NoModelToShow, accused_of, find_point
from ledger.errors import Malformed, Unavailable
from ledger.events.court import Ground
from ledger.formats.artifact import Tensor
from ledger.formats.digest import NOTHING
from ledger.jobs.rules import Median, Rule, WeightedMean
from ledger.rounds.admission import Verdict

LARGEST = (1 << 31) - 1


def test_a_model_that_saturates_and_is_published_clipped_is_found() -> None:
    world = World(tensors=(Tensor("layer", (3,)),), initial=[LARGEST, 5, -LARGEST]).open_job().open_round(1)
    for member in range(4):
        world.submit(member, np.array([9, 9, 9], "<i4"))
    world.open_pending()
    root, cid = lies.model_file(world, np.array([LARGEST, 14, -LARGEST + 9], "<i4"))
    world.publish(1, root=root, cid=cid.digest)
    point = find_point(world.facts, world.aggregate, world.files.fetch)
    assert point is not None
    found = judge(world.state.model, world.name, accused_of(world.facts, world.aggregate), point)
    assert (point.ground, point.value, found.expected, found.actual) == (Ground.VALUE, 0, LARGEST + 9, LARGEST)


def test_terms_that_are_not_the_documents_are_told() -> None:
    world = lies.wrong_value()
    world.state.model = replace(world.state.model, max_value=7)
    with pytest.raises(Malformed, match="not those of its document"):
        find_point(world.facts, world.aggregate, world.files.fetch)


def test_an_update_that_nobody_has_leaves_it_open() -> None:
    world = lies.wrong_value()
    del world.files.files[world.facts.entries[2].cid]
    with pytest.raises(Unavailable):
        find_point(world.facts, world.aggregate, world.files.fetch)


def test_a_model_that_is_too_short_is_nobodys_leaf() -> None:
    world = lies.begun()
    values = lies.honest_values(world)
    data = world.layout.header(world.facts.binding) + values.tobytes()[:-8]
    world.publish(1, root=b"\x07" * 32, cid=world.files.put(data).digest)
    with pytest.raises(Unavailable, match="nobody can show a leaf"):
        find_point(world.facts, world.aggregate, world.files.fetch)


NO_MODEL = {"root": NOTHING, "cid": NOTHING}
REFUSED = bytes([Verdict.UNAVAILABLE])


def without_a_model(verdicts: bytes = bytes(4), **options: Any) -> World:
    """A round whose aggregator says that no model can be made."""
    world = World(**options).open_job().open_round(1)
    for member in range(4):
        world.submit(member)
    world.open_pending()
    world.publish(1, **NO_MODEL, verdicts=verdicts)
    return world


def test_no_model_where_there_should_be_one_is_told_with_what_to_do() -> None:
    world = without_a_model()
    with pytest.raises(NoModelToShow, match="by its own verdicts there is one") as caught:
        find_point(world.facts, world.aggregate, world.files.fetch)
    assert caught.value.facts["admitted"] == 4
    assert "fedledger audit" in str(caught.value.advice)


def test_no_model_of_too_few_updates_is_right() -> None:
    world = without_a_model(bytes(1) + 3 * REFUSED)
    assert find_point(world.facts, world.aggregate, world.files.fetch) is None
    world = without_a_model(4 * REFUSED)
    assert find_point(world.facts, world.aggregate, world.files.fetch) is None


@pytest.mark.parametrize("rule", [WeightedMean(), Median()])
def test_no_model_where_a_value_does_not_fit_is_right(rule: Rule) -> None:
    world = World(tensors=(Tensor("layer", (3,)),), initial=[LARGEST, 5, 1], rule=rule).open_job().open_round(1)
    for member in range(4):
        world.submit(member, np.array([9, 9, 9], "<i4"))
    world.open_pending()
    world.publish(1, **NO_MODEL)
    assert find_point(world.facts, world.aggregate, world.files.fetch) is None


@pytest.mark.parametrize("verdicts", [bytes(4), 2 * REFUSED + bytes(1) + REFUSED], ids=["enough", "too few"])
def test_beside_no_model_a_value_above_the_bound_is_found(verdicts: bytes) -> None:
    world = World().open_job().open_round(1)
    drawn = np.zeros(world.layout.values, "<i4")
    drawn[77] = -(LIMITS.max_value + 1)
    for member in range(4):
        world.submit(member, drawn if member == 2 else None)
    world.open_pending()
    world.publish(1, **NO_MODEL, verdicts=verdicts)
    point = find_point(world.facts, world.aggregate, world.files.fetch)
    assert point is not None
    found = judge(world.state.model, world.name, accused_of(world.facts, world.aggregate), point)
    assert (point.ground, point.member, point.value, found.actual) == (Ground.LIMIT, 2, 77, drawn[77])


def test_beside_no_model_a_weight_above_the_bound_is_found() -> None:
    world = World().open_job().open_round(1)
    for member in range(4):
        world.submit(member, weight=LIMITS.max_weight + 1 if member == 3 else 7)
    world.open_pending()
    world.publish(1, **NO_MODEL, verdicts=bytes(4))
    point = find_point(world.facts, world.aggregate, world.files.fetch)
    assert point is not None
    judge(world.state.model, world.name, accused_of(world.facts, world.aggregate), point)
    assert (point.ground, point.member) == (Ground.WEIGHT, 3)


def test_beside_no_model_bytes_that_nobody_has_leave_it_open() -> None:
    world = without_a_model()
    del world.files.files[world.facts.entries[2].cid]
    with pytest.raises(Unavailable):
        find_point(world.facts, world.aggregate, world.files.fetch)
