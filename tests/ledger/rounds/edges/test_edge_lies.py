"""One test for each way in which an edge, or a child of one, can cheat: refused with its verdict, by everyone."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
import pytest
from support.worlds.chain import CHAIN, CONTRACT
from support.worlds.edges import EdgesWorld, child_key
from support.worlds.signing import sign_digest
from support.worlds.world import LIMITS, artifact

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.formats.edges.children import ChildRecord, Children
from ledger.formats.edges.signed import ChildUpdate, digest_of
from ledger.formats.merkle import root_of
from ledger.rounds.admission import Verdict
from ledger.rounds.edges.children import child_binding
from ledger.rounds.edges.lists import Rosters

Lie = Callable[[EdgesWorld, list[ChildRecord]], object]


def world_of(**options: object) -> EdgesWorld:
    return EdgesWorld(**options).open_job().open_round()  # type: ignore[arg-type]


def honest(world: EdgesWorld, edge: int = 0, many: int = 3) -> list[ChildRecord]:
    return [world.child(edge, number, weight=10 + number) for number in range(many)]


def told(world: EdgesWorld) -> tuple[Verdict, str]:
    """The verdict on edge 0's sum; every other update of the round is admitted."""
    for member in (2, 3):
        world.submit(member)
    first, *others = world.outcome().judged
    assert [one.decision.verdict for one in others] == [Verdict.ADMITTED] * len(others)
    return first.decision.verdict, first.decision.message


def listed(world: EdgesWorld, children: Sequence[ChildRecord], **lies: object) -> None:
    """Edge 0's sum of what it lists, whatever that is worth."""
    world.submit_false(0, children, world.added(children), **lies)


def resigned(child: ChildRecord, signer: str, **said: object) -> ChildRecord:
    update = ChildUpdate(1, 1, 0, child.weight, bytes.fromhex(child.root), bytes.fromhex(child.cid))._replace(**said)  # type: ignore[arg-type]
    return msgspec.structs.replace(child, signature=sign_digest(signer, digest_of(CHAIN, CONTRACT, update)).hex())


def one_unit_more(world: EdgesWorld, children: list[ChildRecord]) -> None:
    values = world.added(children)
    values[300] += 1
    world.submit_false(0, children, values)


def a_child_left_out_of_the_sum(world: EdgesWorld, children: list[ChildRecord]) -> None:
    world.submit_false(0, children, world.added(children[:2]))


def a_list_nobody_signed(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [children[0], resigned(children[1], world.keys[0])])


def of_another_round(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [children[0], resigned(children[1], children[1].party, round=2)])


def of_another_job(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [children[0], resigned(children[1], children[1].party, job=2)])


def copied_from_another_edge(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [children[0], resigned(children[1], children[1].party, edge=1)])


def a_weight_that_the_child_did_not_sign(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [children[0], msgspec.structs.replace(children[1], weight=99)])


def a_stranger(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [*children, world.child(0, 77)])


def the_other_edges_child(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [*children, resigned(world.child(1, 1), child_key(1, 1))])


def too_few(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, children[:1])


def a_weight_that_is_not_the_lists(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, children, weight=34)


def another_count(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, children, header={"count": 2})


def another_root_of_the_list(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, children, header={"children_root": bytes(32)})


def no_list_at_all(world: EdgesWorld, children: list[ChildRecord]) -> None:
    data = b'{"children":[],"fedledger":"children/1"}'
    world.files.put(data)
    listed(world, children, header={"children": Cid.parse(str(world.files.put(data))).digest})


def a_list_that_is_no_document(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, children, header={"children": world.files.put(b"not JSON").digest})


def a_child_twice(world: EdgesWorld, children: list[ChildRecord]) -> None:
    one, other = (child.encode() for child in children[:2])
    data = b'{"children":[' + b",".join([one, one, other]) + b'],"fedledger":"children/1"}'
    listed(world, children, header={"children": world.files.put(data).digest, "count": 3})


def children_out_of_order(world: EdgesWorld, children: list[ChildRecord]) -> None:
    records = [one.encode() for one in Children.of(children).children][::-1]
    data = b'{"children":[' + b",".join(records) + b'],"fedledger":"children/1"}'
    listed(world, children, header={"children": world.files.put(data).digest})


def a_child_beyond_the_range(world: EdgesWorld, children: list[ChildRecord]) -> None:
    loud = np.zeros(610, "<i4")
    loud[7] = LIMITS.max_value + 1
    listed(world, [*children, world.child(0, 4, loud)])


def a_child_beyond_the_norm(world: EdgesWorld, children: list[ChildRecord]) -> None:
    long = np.full(610, 1 << 19, "<i4")
    limits = world.job.admission
    assert int((long.astype(object) ** 2).sum()) > limits.max_norm**2
    listed(world, [*children, world.child(0, 4, long)])


def a_child_with_another_root(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(world, [*children, world.child(0, 4, root=bytes(32))])


def a_childs_file_of_another_party(world: EdgesWorld, children: list[ChildRecord]) -> None:
    listed(
        world, [*children, world.child(0, 4, cid=bytes.fromhex(children[0].cid), root=bytes.fromhex(children[0].root))]
    )


LIES: list[tuple[Lie, str]] = [
    (one_unit_more, "value 290 of tensor 'layer.weight'"),
    (a_child_left_out_of_the_sum, "its children's updates make"),
    (a_list_nobody_signed, "signature is another's"),
    (of_another_round, "signature is another's"),
    (of_another_job, "signature is another's"),
    (copied_from_another_edge, "signature is another's"),
    (a_weight_that_the_child_did_not_sign, "signature is another's"),
    (a_stranger, "no child of this edge"),
    (the_other_edges_child, "no child of this edge"),
    (too_few, "another number of children"),
    (a_weight_that_is_not_the_lists, "weights add up to another number"),
    (another_count, "another number of children than the header"),
    (another_root_of_the_list, "another root"),
    (no_list_at_all, "at least one child"),
    (a_list_that_is_no_document, "the list of children"),
    (a_child_twice, "twice"),
    (children_out_of_order, "out of order"),
    (a_child_beyond_the_range, "RANGE"),
    (a_child_beyond_the_norm, "NORM"),
    (a_child_with_another_root, "ROOT"),
    (a_childs_file_of_another_party, "HEADER"),
]


@pytest.mark.parametrize(("lie", "why"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_a_false_sum_is_edge(lie: Lie, why: str) -> None:
    limits = msgspec.structs.replace(LIMITS, max_norm=1 << 23)
    world = world_of(limits=limits)
    lie(world, honest(world))
    verdict, message = told(world)
    assert verdict is Verdict.EDGE
    assert why in message


@pytest.mark.parametrize(
    "lie", [one_unit_more, a_child_beyond_the_range, a_child_with_another_root, a_childs_file_of_another_party]
)
def test_a_job_that_checks_sums_does_not_read_children(lie: Lie) -> None:
    world = world_of(terms_of_edges={"check": "sums"})
    children = honest(world)
    lie(world, children)
    for one in children:
        world.files.files = {cid: data for cid, data in world.files.files.items() if cid.digest.hex() != one.cid}
    assert told(world) == (Verdict.ADMITTED, "")


@pytest.mark.parametrize("lie", [a_stranger, a_list_nobody_signed, a_child_twice, too_few])
def test_a_job_that_checks_sums_reads_lists(lie: Lie) -> None:
    world = world_of(terms_of_edges={"check": "sums"})
    lie(world, honest(world))
    assert told(world)[0] is Verdict.EDGE


@pytest.mark.parametrize("check", ["sums", "children"])
def test_a_sum_that_no_admissible_updates_make_is_range(check: str) -> None:
    world = world_of(terms_of_edges={"check": check})
    children = honest(world)
    values = world.added(children)
    values[5] = sum(one.weight for one in children) * LIMITS.max_value + 1
    world.submit_false(0, children, values)
    assert told(world)[0] is Verdict.RANGE


@pytest.mark.parametrize("check", ["sums", "children"])
def test_a_sum_that_is_longer_than_admissible_updates_make_is_norm(check: str) -> None:
    world = world_of(terms_of_edges={"check": check}, limits=msgspec.structs.replace(LIMITS, max_norm=1 << 20))
    quiet = [world.child(0, k, np.zeros(610, "<i4")) for k in range(3)]
    world.submit_false(0, quiet, np.full(610, 30 << 17, object))
    assert told(world)[0] is Verdict.NORM


def test_a_sum_with_a_false_root_is_root() -> None:
    world = world_of()
    world.submit_sum(0, honest(world), root=bytes(32))
    assert told(world)[0] is Verdict.ROOT


def test_a_sum_that_weighs_too_much_is_weight() -> None:
    world = world_of()
    world.submit_sum(0, honest(world), weight=LIMITS.max_weight + 1)
    assert told(world)[0] is Verdict.WEIGHT


def test_a_sum_without_a_list_in_its_header_is_header() -> None:
    world = world_of()
    made, data = world.sum(0, honest(world))
    broken = data.replace(b'"count":"3"', b'"count":"x"')
    world.submit(0, np.zeros(0), data=broken, root=made.root, weight=made.weight)
    assert told(world)[0] is Verdict.HEADER


def test_an_edge_that_brings_an_update_of_its_own_is_header() -> None:
    world = world_of()
    values = np.zeros(610, "<i4")
    plain = child_binding(world.edge_binding(0), world.keys[0]).on(10, bytes(32))
    world.submit(0, values, data=artifact(world.layout, plain, values))
    assert told(world)[0] is Verdict.HEADER


def test_a_member_that_is_no_edge_and_brings_a_sum_is_header() -> None:
    world = world_of(edges=1)
    children = [world.child(1, number) for number in range(3)]
    list_ = Children.of(children)
    binding = world.edge_binding(1).over(3, list_.digest, list_.root)
    values = world.added(children).astype("<i8")
    data = world.layout.wide.header(binding) + values.tobytes()
    world.submit(1, np.zeros(0), data=data, root=root_of(values), weight=30)
    world.submit(0, np.zeros(0), data=b"", root=bytes(32))
    world.submit(2)
    world.submit(3)
    assert world.outcome().judged[1].decision.verdict is Verdict.HEADER


def test_a_key_in_two_lists_is_the_lower_edges_child() -> None:
    both = child_key(0, 0)
    lists = {0: [child_key(0, k) for k in range(3)], 1: [both, *(child_key(1, k) for k in range(3))]}
    world = world_of(lists=lists)
    world.submit_sum(0, honest(world))
    doubled = [world.child(1, 1), resigned(world.child(0, 0), both, edge=1)]
    world.submit_false(1, doubled, world.added(doubled))
    world.submit(2)
    assert [one.decision.verdict for one in world.outcome().judged] == [
        Verdict.ADMITTED,
        Verdict.EDGE,
        Verdict.ADMITTED,
    ]


def test_a_member_list_that_is_no_list_is_of_nobody() -> None:
    world = world_of()
    children = honest(world)
    roster = world.job.hierarchy.list_cid(0)  # type: ignore[union-attr]
    world.files.files[roster] = b"[]"
    world.files.fetch = lambda cid, start, stop: iter([world.files.files[cid][start:stop]])  # type: ignore[method-assign]
    listed(world, children)
    world.submit(2)
    verdicts = [one.decision.verdict for one in world.outcome().judged]
    assert verdicts == [Verdict.EDGE, Verdict.ADMITTED]


def test_what_cannot_be_had_is_no_verdict() -> None:
    for gone in ("list", "child", "members"):
        world = world_of()
        children = honest(world)
        made = world.submit_sum(0, children)
        world.submit(2)
        cids = {
            "list": made.children.cid,
            "child": next(c for c in world.files.files if c.digest.hex() == children[1].cid),
            "members": Cid(RAW, world.lists[0].digest),
        }
        del world.files.files[cids[gone]]
        with pytest.raises(Unavailable):
            world.outcome()


def test_a_round_without_its_false_sum_is_made_of_the_others() -> None:
    world = world_of()
    one_unit_more(world, honest(world))
    world.submit(2)
    world.submit(3)
    outcome = world.outcome(threads=2)
    assert outcome.verdicts == bytes([13, 0, 0])
    other = world_of(seed=1)
    assert outcome.root != bytes(32)
    assert other.job == world.job


def test_an_edge_whose_list_is_no_file_convicts_no_other_edge() -> None:
    """A block that is longer than blocks are: whose list it is, it is one of nobody."""
    world = EdgesWorld(edges=2).open_job().open_round()
    first = world.lists[0].cid

    def fetch(cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        if cid == first:
            raise Malformed("file is longer than allowed", cid=cid)
        return world.files.fetch(cid, start, stop)

    rosters = Rosters(world.job.hierarchy, fetch)
    assert rosters.children_of(0) == frozenset()
    assert rosters.children_of(1) == world.lists[1].known
