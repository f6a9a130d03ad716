"""The audit of edges: a false sum that a job left to auditors; receipts that were kept, broken, or worth nothing."""

import msgspec
import numpy as np
import pytest
from support.worlds.edges import EdgesWorld, child_key
from support.worlds.world import NAMES

from ledger.audit.report import Check, Lie, Open, Report
from ledger.errors import Malformed, Refuted
from ledger.formats.edges.children import ChildRecord, Children, InclusionProof, parse_proof
from ledger.formats.edges.receipts import EdgeReceipt, parse
from ledger.history.state import Phase
from ledger.rounds.edges.proofs import Inclusion, ProofAnswer, judge_proof
from ledger.rounds.edges.receipts import Promise, answer, judge_receipt
from ledger.rounds.facts import read_binding


def world_of(check: str = "children") -> EdgesWorld:
    return EdgesWorld(terms_of_edges={"check": check}).open_job().open_round()  # type: ignore[return-value]


def finished(world: EdgesWorld) -> EdgesWorld:
    """The current round, to its end."""
    for member in (2, 3):
        world.submit(member)
    world.publish(2)
    for member in (1, 3):
        world.attest(member)
    return world


def children_of(world: EdgesWorld, edge: int = 0, many: int = 4) -> list[ChildRecord]:
    return [world.child(edge, number) for number in range(many)]


def lies(report: Report) -> tuple[Lie, ...]:
    return report.lies.list


def open_of(report: Report) -> list[Open]:
    return [one for one in report.open.list if one.check is Check.EDGES]


def receipt_audit(world: EdgesWorld, *receipts: EdgeReceipt) -> Report:
    return world.audit(receipts=receipts)


@pytest.mark.parametrize("check", ["sums", "children"])
def test_an_honest_round_of_edges_is_right(check: str) -> None:
    world = world_of(check)
    world.submit_sum(0, children_of(world))
    world.submit_sum(1, children_of(world, 1))
    report = finished(world).audit(children=True)
    assert (report.right.answer, report.lies.answer, open_of(report)) == ("yes", "none", [])
    assert report.passed[Check.EDGES] == (2 if check == "sums" else 0)


def test_a_false_sum_that_is_admitted_where_children_are_checked_is_refuted() -> None:
    world = world_of()
    children = children_of(world)
    values = world.added(children)
    values[9] += 1
    world.submit_false(0, children, values)
    world.submit(2)
    world.submit(3)
    honest = world.outcome()
    world.publish(2, verdicts=bytes(3))
    for member in (1, 3):
        world.attest(member)
    (lie,) = world.audit().lies.list[:1]
    assert honest.verdicts == bytes([13, 0, 0])
    assert (lie.who, lie.check) == (NAMES[2], Check.ADMISSION)
    assert "13 (an edge's sum" in (lie.expected or "")


def test_an_auditor_that_goes_down_finds_a_false_sum_and_no_model_false() -> None:
    world = world_of("sums")
    children = children_of(world)
    values = world.added(children)
    values[300] -= 2
    world.submit_false(0, children, values)
    report = finished(world).audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    report = world.audit(children=True)
    assert (report.right.answer, report.lies.answer) == ("yes", "standing")
    (lie,) = lies(report)
    assert (lie.who, lie.check, lie.evidence.statement) == (NAMES[0], Check.EDGES, "commitUpdate")
    assert "value 290 of tensor 'layer.weight'" in lie.why


def test_what_an_auditor_cannot_read_of_a_sum_is_open_and_nobodys_lie() -> None:
    world = world_of("sums")
    children = children_of(world)
    world.submit_sum(0, children)
    finished(world)
    world.files.files = {cid: data for cid, data in world.files.files.items() if cid.digest.hex() != children[2].cid}
    report = world.audit(children=True)
    (found,) = open_of(report)
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    assert NAMES[0] in (found.fault or "")


def test_a_kept_receipt_holds_and_its_child_shows_that_it_is_in() -> None:
    world = world_of()
    children = children_of(world)
    receipt = world.receipt(0, children[1])
    made = world.submit_sum(0, children)
    finished(world)
    report = receipt_audit(world, receipt)
    assert (report.lies.answer, report.passed[Check.EDGES]) == ("none", 1)
    found = judge_receipt(parse(receipt.encode()), world.facts, world.files.fetch)
    assert found.kept is Promise.KEPT
    assert found.proof is not None
    entry = world.facts.entries[0]
    said = read_binding(world.job, entry, world.files.fetch)
    parse_proof(found.proof.encode()).check(said.count, said.children_root)
    assert len(found.proof.path) == 2
    assert made.binding.count == 4


def test_a_receipt_convicts_an_edge_that_left_the_child_out() -> None:
    world = world_of()
    children = children_of(world)
    receipt = world.receipt(0, children[1])
    world.submit_sum(0, [children[0], *children[2:]])
    report = receipt_audit(finished(world), receipt)
    (lie,) = lies(report)
    assert (lie.who, lie.check, lie.state) == (NAMES[0], Check.EDGES, "standing")
    assert lie.evidence.statement == "commitUpdate"
    assert lie.expected == receipt.encode().decode()
    assert report.right.answer == "yes"


def test_a_receipt_convicts_an_edge_that_counted_another_update() -> None:
    world = world_of()
    children = children_of(world)
    promised, other = children[1], world.child(0, 1, np.ones(610, "<i4"))
    receipt = world.receipt(0, promised)
    world.submit_sum(0, [children[0], other, *children[2:]])
    (lie,) = lies(receipt_audit(finished(world), receipt))
    assert (lie.who, lie.actual) == (NAMES[0], other.encode().decode())


def test_a_child_that_signed_its_update_twice_is_the_same_child() -> None:
    world = world_of()
    children = children_of(world)
    again = msgspec.structs.replace(children[1], signature="11" * 65)
    assert answer(again, Children.of(children)).kept is Promise.KEPT


@pytest.mark.parametrize("signer", [child_key(0, 1), child_key(1, 1)])
def test_a_receipt_that_the_edge_did_not_sign_convicts_nobody(signer: str) -> None:
    world = world_of()
    children = children_of(world)
    receipt = world.receipt(0, children[1], signer)
    world.submit_sum(0, [children[0], *children[2:]])
    report = receipt_audit(finished(world), receipt)
    assert report.lies.answer == "none"
    assert "shows nothing of anybody" in open_of(report)[0].why
    with pytest.raises(Refuted):
        judge_receipt(receipt, world.facts, world.files.fetch)


def test_an_edge_that_brought_nothing_broke_no_word() -> None:
    world = world_of()
    receipt = world.receipt(0, children_of(world)[1])
    report = receipt_audit(finished(world), receipt)
    assert report.lies.answer == "none"
    assert "opened no sum" in open_of(report)[0].why


def test_a_list_that_cannot_be_had_leaves_a_receipt_open() -> None:
    world = world_of()
    children = children_of(world)
    receipt = world.receipt(0, children[1])
    made = world.submit_sum(0, [children[0], *children[2:]])
    finished(world)
    del world.files.files[made.children.cid]
    report = receipt_audit(world, receipt)
    assert report.lies.answer == "none"
    assert "could not be held" in open_of(report)[0].why


@pytest.mark.parametrize("said", [{"round": 7}, {"job": 9}])
def test_a_receipt_of_what_the_ledger_does_not_have_is_open(said: dict[str, int]) -> None:
    world = world_of()
    children = children_of(world)
    receipt = msgspec.structs.replace(world.receipt(0, children[1]), **said)
    world.submit_sum(0, children)
    report = receipt_audit(finished(world), receipt)
    assert (report.lies.answer, len(open_of(report))) == ("none", 1)


def test_a_receipt_with_anything_changed_is_refused_when_read() -> None:
    world = world_of()
    receipt = world.receipt(0, children_of(world)[1])
    for said in ({"weight": 11}, {"round": 2}, {"edge": 1}, {"party": child_key(0, 2)}, {"root": "00" * 32}):
        with pytest.raises(Malformed):
            parse(msgspec.structs.replace(receipt, **said).encode())
    with pytest.raises(Malformed, match=r"one form|no key"):
        parse(msgspec.structs.replace(receipt, receipt="00" * 65).encode())
    with pytest.raises(Malformed):
        parse(msgspec.structs.replace(receipt, receipt="zz").encode())
    with pytest.raises(Malformed, match="too large"):
        parse(b" " * 5000)


def proved(world: EdgesWorld, children: list[ChildRecord]) -> InclusionProof:
    """The second child's proof, read again from its bytes."""
    return parse_proof(Children.of(children).prove(children[1].party).encode())


def said_of(world: EdgesWorld, proof: InclusionProof) -> ProofAnswer:
    return judge_proof(proof, world.facts, world.files.fetch)


def test_a_childs_proof_shows_its_update_in_the_edges_sum() -> None:
    world = world_of()
    children, others = children_of(world), children_of(world, 1)
    world.submit_sum(0, children)
    world.submit_sum(1, others)
    for member in (2, 3):
        world.submit(member)
    assert said_of(world, proved(world, children))[::2] == (Inclusion.SHOWN, 0)
    assert said_of(world, proved(world, children)).admitted is None
    other = said_of(world, proved(world, others))
    assert (other.said, other.edge) == (Inclusion.SHOWN, 1)
    world.publish(2)
    for member in (1, 3):
        world.attest(member)
    assert said_of(world, proved(world, children)).admitted is True


def test_a_proof_of_what_is_in_no_sum_is_refuted() -> None:
    world = world_of()
    children = children_of(world)
    world.submit_sum(0, children)
    proof = proved(world, children)
    heavier = msgspec.structs.replace(proof.child, weight=proof.child.weight + 1)
    for false in (
        msgspec.structs.replace(proof, place=proof.place ^ 1),
        msgspec.structs.replace(proof, child=heavier),
        msgspec.structs.replace(proof, path=proof.path[:-1]),
        proved(world, [children[0], world.child(0, 1, np.ones(610, "<i4")), *children[2:]]),
    ):
        assert said_of(world, false).said is Inclusion.REFUTED


def test_a_record_that_its_child_did_not_sign_shows_nothing() -> None:
    """An edge that invents a record under a child's address has it in its list, and no signature of the child's."""
    world = world_of()
    children = children_of(world)
    forged = [children[0], msgspec.structs.replace(children[1], signature=children[0].signature), *children[2:]]
    world.submit_false(0, forged, world.added(forged))
    assert said_of(world, proved(world, forged)).said is Inclusion.REFUTED


def test_a_proof_that_cannot_be_held_against_a_sum_is_open() -> None:
    world = world_of()
    children = children_of(world)
    assert said_of(world, proved(world, children)).said is Inclusion.OPEN
    made = world.submit_sum(0, children)
    world.files.files.pop(made.cid)
    found = said_of(world, proved(world, children))
    assert found.said is Inclusion.OPEN
    assert "header cannot be had" in found.why


def test_a_proof_is_open_while_an_edge_may_open_its_sum() -> None:
    world = world_of()
    children = children_of(world, 1)
    world.submit_sum(0, children_of(world))
    first, world.pending = world.pending, []
    world.submit_sum(1, children)
    world.submit(2)
    world.submit(3)
    rest, world.pending = world.pending, []
    world.open_updates(first)
    assert world.round.phase is Phase.OPENING
    found = said_of(world, proved(world, children))
    assert (found.said, "may open one yet" in found.why) == (Inclusion.OPEN, True)
    world.open_updates(rest)
    assert said_of(world, proved(world, children))[::2] == (Inclusion.SHOWN, 1)


def test_a_proof_that_breaks_its_form_is_refused_when_read() -> None:
    """Also before any sum is open; what is not an address is not printed."""
    world = world_of()
    proof = proved(world, children_of(world))
    words = msgspec.structs.replace(proof.child, party="0xDEF: the update is in the sum of edge 0; \u202e")
    for false in (msgspec.structs.replace(proof, path=("zz",)), msgspec.structs.replace(proof, child=words)):
        with pytest.raises(Malformed, match=r"path|not an address"):
            parse_proof(false.encode())
        with pytest.raises(Malformed, match=r"path|not an address"):
            said_of(world, false)


def test_a_proof_with_a_way_up_that_is_none_is_named() -> None:
    world = world_of()
    children = children_of(world)
    world.submit_sum(0, children)
    with pytest.raises(Malformed, match="path"):
        said_of(world, msgspec.structs.replace(proved(world, children), path=("zz",)))
