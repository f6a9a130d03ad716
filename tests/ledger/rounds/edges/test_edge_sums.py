"""Edges' sums in a round: the model is that of all children at once, bit for bit, whatever the tree."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kept import Kept
from support.worlds.edges import EdgesWorld
from support.worlds.world import LIMITS, World

from ledger.errors import Malformed
from ledger.formats.artifact import Tensor
from ledger.formats.cid import CHUNK
from ledger.formats.edges.children import Children
from ledger.rounds.admission import Verdict
from ledger.rounds.edges.children import NotAdmitted
from ledger.rounds.outcome import bytes_to_read
from ledger.rounds.rules.arithmetic import Mean
from ledger.rounds.rules.weighted_mean import weighted_sum

WHOLE = msgspec.structs.replace(LIMITS, max_value=(1 << 31) - 1, max_norm=(1 << 31) * 10, max_weight=(1 << 24) - 1)
MOST, LEAST = (1 << 31) - 1, -(1 << 31)


def flat(world: EdgesWorld, updates: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """The model of all updates at once, by Python's integers of any size."""
    total = sum(
        (values.astype(object) * weight for values, weight in updates), start=np.zeros(len(world.initial), object)
    )
    whole = sum(weight for _, weight in updates)
    signs = np.where(total < 0, -1, 1)
    return np.array((world.initial + signs * ((2 * abs(total) + whole) // (2 * whole))).tolist())


@st.composite
def trees(draw: st.DrawFn) -> list[list[tuple[list[int], int]]]:
    """Up to six edges or plain members, each with up to six updates of three values: weights that fit the cap together,
    full int32 values, extremes often.
    """
    value = st.one_of(st.sampled_from([MOST, LEAST, 0, -1]), st.integers(LEAST, MOST))
    made = []
    for _ in range(draw(st.integers(1, 6))):
        many = draw(st.integers(1, 6))
        heavy = draw(st.booleans())
        weights = draw(st.lists(st.integers(1, ((1 << 24) - 1) // many), min_size=many, max_size=many))
        if heavy:
            weights[0] = (1 << 24) - 1 - sum(weights[1:])
        made.append([(draw(st.lists(value, min_size=3, max_size=3)), weight) for weight in weights])
    return made


@settings(max_examples=1000)
@given(trees())
def test_a_tree_of_sums_is_the_flat_sum_bit_for_bit(tree: list[list[tuple[list[int], int]]]) -> None:
    updates = [(np.array(values, "<i4"), weight) for edge in tree for values, weight in edge]
    weights, values = [weight for _, weight in updates], [one for one, _ in updates]
    exact = [sum(weight * int(one[k]) for one, weight in updates) for k in range(3)]
    assert all(abs(total) < 1 << 63 for total in exact)
    at_edges = [weighted_sum([w for _, w in edge], [np.array(v, "<i4") for v, _ in edge].__getitem__) for edge in tree]
    whole = [sum(weight for _, weight in edge) for edge in tree]
    assert all(weight <= (1 << 24) - 1 for weight in whole)
    assert (
        weighted_sum(whole, at_edges.__getitem__).tolist()
        == exact
        == weighted_sum(weights, values.__getitem__).tolist()
    )
    mixed = [
        one if number % 2 else np.array(edge[0][0], "<i4")
        for number, (one, edge) in enumerate(zip(at_edges, tree, strict=True))
    ]
    each = [weight if number % 2 else edge[0][1] for number, (weight, edge) in enumerate(zip(whole, tree, strict=True))]
    parts = [edge if number % 2 else edge[:1] for number, edge in enumerate(tree)]
    leaves = [(np.array(v, "<i4"), w) for edge in parts for v, w in edge]
    straight = Mean(weighted_sum([w for _, w in leaves], [v for v, _ in leaves].__getitem__), sum(w for _, w in leaves))
    assert Mean(weighted_sum(each, mixed.__getitem__), sum(each)).divided().tolist() == straight.divided().tolist()


@pytest.mark.parametrize("values", [1, 127, 128, 129, 610, CHUNK // 8, CHUNK // 4 + 3])
@pytest.mark.parametrize("threads", [1, 3])
def test_edges_and_plain_members_make_the_model_of_all_at_once(values: int, threads: int) -> None:
    world = EdgesWorld(tensors=(Tensor("w", (values,)),)).open_job().open_round()
    updates = []
    for edge in (0, 1):
        children = [world.child(edge, number, weight=10 + number) for number in range(4)]
        world.submit_sum(edge, children)
        updates += [(world.values_of(one), one.weight) for one in children]
    for member in (2, 3):
        updates.append((world.submit(member, weight=7).values, 7))
    outcome = world.outcome(threads=threads, keep=(kept := Kept()))
    assert outcome.verdicts == bytes(4)
    made = np.frombuffer(kept.data[world.layout.header_size :], "<i4")
    assert made.tolist() == flat(world, updates).tolist()


def test_a_round_of_full_values_and_weights_is_that_of_python() -> None:
    limits = msgspec.structs.replace(WHOLE, max_norm=(1 << 31) * 200)
    world = EdgesWorld(limits=limits, tensors=(Tensor("w", (300,)),), initial=[0] * 300).open_job().open_round()
    updates = []
    for edge, value in ((0, MOST), (1, -MOST)):
        children = [world.child(edge, k, np.full(300, value, "<i4"), weight=5592405) for k in range(3)]
        assert world.submit_sum(edge, children).weight == (1 << 24) - 1
        updates += [(world.values_of(one), one.weight) for one in children]
    last = np.full(300, MOST, "<i4")
    world.submit(2, last, weight=(1 << 24) - 1)
    outcome = world.outcome(keep=(kept := Kept()))
    assert outcome.verdicts == bytes(3)
    made = np.frombuffer(kept.data[world.layout.header_size :], "<i4")
    assert made.tolist() == flat(world, [*updates, (last, (1 << 24) - 1)]).tolist()


def test_an_edges_sum_is_pythons() -> None:
    world = EdgesWorld().open_job().open_round()
    children = [world.child(0, k, weight=100 + k) for k in range(5)]
    made, data = world.sum(0, children)
    assert np.frombuffer(data[world.layout.wide.header_size :], "<i8").tolist() == world.added(children).tolist()
    assert (made.weight, len(data)) == (510, world.job.size_of(0))


def test_order_of_children_does_not_show() -> None:
    world = EdgesWorld().open_job().open_round()
    children = [world.child(0, k) for k in range(5)]
    straight, turned = world.sum(0, children), world.sum(0, children[::-1])
    assert straight == turned


def test_sizes_and_progress_count_sums() -> None:
    world = EdgesWorld().open_job().open_round()
    world.submit_sum(0)
    world.submit(2)
    job, heard = world.job, list[int]()
    assert (job.size_of(0), job.size_of(2)) == (job.layout.wide.size, job.layout.size)
    assert (job.kind_of(0), job.kind_of(2)) == ("sum", "update")
    world.outcome(progress=heard.append)
    assert sum(heard) == bytes_to_read(world.facts) == job.size_of(0) + job.size_of(2)


def test_no_sum_is_made_of_a_child_that_is_not_admitted() -> None:
    world = EdgesWorld().open_job().open_round()
    loud = np.zeros(610, "<i4")
    loud[5] = LIMITS.max_value + 1
    children = [world.child(0, 0), world.child(0, 1, loud)]
    with pytest.raises(NotAdmitted, match="RANGE") as caught:
        world.sum(0, children)
    assert caught.value.decision.verdict is Verdict.RANGE
    assert caught.value.child == children[1]


def test_no_sum_is_made_that_is_too_heavy() -> None:
    world = EdgesWorld().open_job().open_round()
    with pytest.raises(Malformed, match="too heavy"):
        world.sum(0, [world.child(0, k, weight=400) for k in range(3)])


def test_a_plain_world_has_no_edges() -> None:
    world = World().open_job().open_round()
    assert world.job.hierarchy is None
    assert not world.job.is_edge(0)
    assert b"hierarchy" not in world.job.encode()


def test_a_list_in_any_order_is_one_list() -> None:
    world = EdgesWorld().open_job().open_round()
    children = [world.child(0, k) for k in range(3)]
    assert Children.of(children).digest == Children.of(children[::-1]).digest
