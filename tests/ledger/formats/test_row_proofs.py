"""Showing whether a row is among those trained on: what is there is shown, what is not is shown not to be there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import FedledgerError, Malformed, Refuted
from ledger.formats.header import Binding
from ledger.formats.row_proofs import RowProof, check, parse, prove
from ledger.formats.rows import Draw

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LEAVES = [bytes([n]) * 32 for n in range(40)]
OTHER = bytes([99]) * 32
DRAW = Draw(b"j" * 32, b"s" * 32, 30)
LISTS = st.lists(st.sampled_from(LEAVES), max_size=40)


def binding(leaves: list[bytes], draw: Draw = DRAW) -> Binding:
    tree = draw.tree(2, leaves)
    plain = Binding(kind="update", chain=7, contract=CONTRACT, job=1, round=2, party=CONTRACT, base=bytes(32))
    return plain.on(len(tree.trained), tree.root)


def proof(leaves: list[bytes], asked: list[bytes], draw: Draw = DRAW) -> RowProof:
    return prove(draw.tree(2, leaves), binding(leaves, draw), asked)


@given(leaves=LISTS, asked=st.lists(st.sampled_from([*LEAVES, OTHER]), max_size=6), share=st.sampled_from([0, 30, 90]))
def test_a_proof_says_where_each_row_is(leaves: list[bytes], asked: list[bytes], share: int) -> None:
    draw = DRAW._replace(share=share)
    expected = [
        (leaf, "absent" if leaf not in leaves else "held out" if draw.holds_out(leaf) else "trained on")
        for leaf in asked
    ]
    shown = parse(proof(leaves, asked, draw).encode())
    assert check(shown, binding(leaves, draw)) == expected


@given(leaves=st.lists(st.sampled_from(LEAVES), min_size=1, max_size=40), data=st.data())
def test_no_other_rows_proof_shows_another_answer(leaves: list[bytes], data: st.DataObject) -> None:
    """Neighbours of one row, or leaves from elsewhere in the tree, decide nothing about another."""
    asked, borrowed = (data.draw(st.sampled_from([*LEAVES, OTHER])) for _ in range(2))
    rows = {row.leaf: row for row in proof(leaves, [asked, borrowed]).rows}
    lender = rows[borrowed.hex()]
    false = msgspec.structs.replace(
        rows[asked.hex()], trained=data.draw(st.sampled_from([lender.trained, lender.held_out, ()]))
    )
    honest = proof(leaves, [asked])
    try:
        (answer,) = check(msgspec.structs.replace(honest, rows=(false,)), binding(leaves))
    except FedledgerError:
        return
    assert answer in check(honest, binding(leaves))


def test_a_proof_that_a_row_is_there_tells_nothing_that_can_be_tried_on_another() -> None:
    shown = proof(LEAVES, [next(leaf for leaf in LEAVES if not DRAW.holds_out(leaf))])
    (row,) = shown.rows
    assert (len(row.trained), row.held_out) == (1, ())
    others = {DRAW.keys(2).tag(leaf).hex() for leaf in LEAVES if leaf.hex() != row.leaf}
    assert not others & set(shown.encode().decode().split('"'))


CHANGES: dict[str, tuple[Any, str]] = {
    "another chain": ({"chain": 8}, "another chain"),
    "another contract": ({"ledger": "0x" + "1" * 40}, "another contract"),
    "another job": ({"job": 2}, "another job"),
    "another round": ({"round": 3}, "another round"),
    "another party": ({"party": "0x" + "1" * 40}, "another party"),
    "another key": ({"key": "11" * 32}, "the proof's key"),
}


@pytest.mark.parametrize(("changes", "why"), CHANGES.values(), ids=CHANGES)
def test_a_proof_of_another_update_is_refuted(changes: dict[str, Any], why: str) -> None:
    changed = msgspec.structs.replace(proof(LEAVES, [OTHER]), **changes)
    with pytest.raises(Refuted, match=why):
        check(changed, binding(LEAVES))


def test_a_tree_over_fewer_rows_is_not_the_one_that_was_committed_to() -> None:
    row = next(leaf for leaf in LEAVES if not DRAW.holds_out(leaf))
    fewer = [leaf for leaf in LEAVES if leaf != row]
    with pytest.raises(Refuted, match="not of the rows"):
        check(proof(fewer, [row]), binding(LEAVES))


def test_a_count_in_the_header_that_is_not_the_trees_is_refuted() -> None:
    right = binding(LEAVES)
    with pytest.raises(Refuted, match="another number of rows"):
        check(proof(LEAVES, [OTHER]), right.on(right.rows + 1, right.data))


def leaf_changed(field: str, value: Any) -> RowProof:
    shown = proof(LEAVES, [OTHER])
    (row,) = shown.rows
    first = msgspec.structs.replace(row.trained[0], **{field: value})
    changed = msgspec.structs.replace(row, trained=(first, *row.trained[1:]))
    return msgspec.structs.replace(shown, rows=(changed,))


@pytest.mark.parametrize("field", ["tag", "blind"])
def test_a_leaf_that_is_not_in_the_tree_is_refuted(field: str) -> None:
    with pytest.raises(Refuted, match="not in the tree"):
        check(leaf_changed(field, "00" * 32), binding(LEAVES))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", "0" * 63),
        ("tag", "AA" * 32),
        ("tag", "zz" * 32),
        ("path", ()),
        ("path", ("00" * 32,) * 65),
        ("path", ("00",)),
        ("place", -1),
        ("place", 1 << 40),
    ],
)
def test_a_leaf_in_another_form_is_refused(field: str, value: Any) -> None:
    with pytest.raises(Malformed):
        check(leaf_changed(field, value), binding(LEAVES))


@pytest.mark.parametrize("kept", [slice(0, 1), slice(1, 2), slice(0, 0)], ids=["below", "above", "none"])
def test_one_neighbour_shows_no_absence(kept: slice) -> None:
    rows = [OTHER, *(bytes([n, 1]) * 16 for n in range(50))]
    shown = next(one for one in (proof(LEAVES, [row]) for row in rows) if len(one.rows[0].trained) == 2)
    row = msgspec.structs.replace(shown.rows[0], trained=shown.rows[0].trained[kept])
    with pytest.raises(Malformed, match="neither the row nor the two"):
        check(msgspec.structs.replace(shown, rows=(row,)), binding(LEAVES))


@pytest.mark.parametrize("change", [{"trained": -1}, {"held_out": 1 << 40}, {"key": "x"}])
def test_an_opening_in_another_form_is_refused(change: dict[str, Any]) -> None:
    shown = proof(LEAVES, [OTHER])
    opening = msgspec.structs.replace(shown.opening, **change)
    with pytest.raises(Malformed):
        check(msgspec.structs.replace(shown, opening=opening), binding(LEAVES))


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 99, b" " * ((1 << 24) + 1)], ids=["empty", "{}", "deep", "large"])
def test_what_is_not_a_proof_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)
