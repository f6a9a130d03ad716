"""The draw of what is held out, and the root over what was trained on."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import script

from ledger.formats.digest import sha256
from ledger.formats.rows import Draw, tag_of

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
LEAF = st.binary(min_size=32, max_size=32)
LEAVES = st.lists(LEAF, max_size=30) | st.lists(st.sampled_from([bytes([n]) * 32 for n in range(4)]), max_size=30)
DRAWS = st.builds(Draw, job=LEAF, salt=LEAF, share=st.integers(0, 90))


def test_the_vectors_are_what_their_script_writes() -> None:
    assert script("make_rows").text() == (FOLDER / "rows.json").read_text(encoding="utf-8")


def test_the_vectors() -> None:
    for case in json.loads((FOLDER / "rows.json").read_text(encoding="utf-8"))["cases"]:
        said = case["draw"]
        draw = Draw(bytes.fromhex(said["job"]), bytes.fromhex(said["salt"]), said["share"])
        leaves = [sha256(b"leaf %d" % number) for number in case["leaves"]]
        assert list(draw.places(leaves).held_out) == case["held_out"]
        assert draw.tree(case["round"], leaves).root.hex() == case["root"]


@given(draw=DRAWS, leaves=LEAVES, more=LEAVES)
def test_further_rows_move_no_other(draw: Draw, leaves: list[bytes], more: list[bytes]) -> None:
    before, after = draw.places(leaves), draw.places(leaves + more)
    for side, grown in zip(before, after, strict=True):
        assert grown[: len(side)] == side
        assert all(place >= len(leaves) for place in grown[len(side) :])


@given(draw=DRAWS, leaves=LEAVES)
def test_every_row_is_on_one_side_and_equal_rows_on_the_same(draw: Draw, leaves: list[bytes]) -> None:
    trained, held_out = draw.places(leaves)
    assert sorted(trained + held_out) == list(range(len(leaves)))
    assert not {leaves[place] for place in trained} & {leaves[place] for place in held_out}


def test_the_share_is_that_of_many_rows_and_salt_and_job_change_who_is_in_it() -> None:
    leaves = [n.to_bytes(32, "big") for n in range(4000)]
    draw = Draw(b"j" * 32, b"s" * 32, 20)
    sides = [
        set(each.places(leaves).held_out)
        for each in (draw, draw._replace(salt=b"t" * 32), draw._replace(job=b"k" * 32))
    ]
    assert all(700 < len(side) < 900 for side in sides)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert 80 < len(sides[one] & sides[other]) < 250


@given(draw=DRAWS, leaf=LEAF, share=st.integers(0, 90))
def test_a_larger_share_holds_out_all_that_a_smaller_one_does(draw: Draw, leaf: bytes, share: int) -> None:
    low, high = sorted((draw.share, share))
    assert not draw._replace(share=low).holds_out(leaf) or draw._replace(share=high).holds_out(leaf)
    assert not draw._replace(share=0).holds_out(leaf)


@given(draw=DRAWS, leaves=LEAVES, order=st.randoms())
def test_the_root_is_over_the_rows_in_any_order(draw: Draw, leaves: list[bytes], order: object) -> None:
    shuffled = list(leaves)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    tree = draw.tree(3, leaves)
    assert draw.tree(3, shuffled).root == tree.root
    assert (len(tree.trained), len(tree.held_out)) == tuple(map(len, draw.places(leaves)))
    if leaves:
        assert draw.tree(3, leaves[1:]).root != tree.root
        assert draw.tree(3, [*leaves, leaves[0]]).root != tree.root
        assert draw.tree(4, leaves).root != tree.root
        assert draw._replace(salt=bytes(31) + b"x").tree(3, leaves).root != tree.root


@given(draw=DRAWS, rounds=st.lists(st.integers(1, (1 << 24) - 1), min_size=2, max_size=2, unique=True))
def test_a_rounds_key_is_its_own(draw: Draw, rounds: list[int]) -> None:
    one, other = (draw.keys(number) for number in rounds)
    assert len({*one, *other}) == 4
    assert draw.salt not in {*one, *other}


@given(draw=DRAWS, leaves=st.lists(LEAF, min_size=1, max_size=20))
def test_a_side_is_by_ascending_tags_with_every_repetition(draw: Draw, leaves: list[bytes]) -> None:
    tree = draw._replace(share=0).tree(1, leaves + leaves[:1])
    assert tree.trained.tags == sorted(tree.trained.tags)
    assert Counter(tree.trained.tags) == Counter(tag_of(tree.keys.key, leaf) for leaf in leaves + leaves[:1])


@pytest.mark.parametrize("part", ["key", "trained", "trained_root", "held_out", "held_out_root"])
def test_each_part_of_the_opening_is_in_the_root(part: str) -> None:
    opening = Draw(b"j" * 32, b"s" * 32, 50).tree(1, [bytes([n]) * 32 for n in range(9)]).opening
    value = getattr(opening, part)
    changed = opening._replace(**{part: value + 1 if isinstance(value, int) else bytes(32)})
    assert changed.root != opening.root
