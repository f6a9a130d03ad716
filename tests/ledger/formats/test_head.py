"""The head is an RFC 6962 root over founding and events, at every size, and says what each of them is."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import script

from ledger.errors import Malformed
from ledger.formats import merkle
from ledger.formats.digest import sha256
from ledger.formats.head import FoundingRecord, HeadTree, LogRecord, head, leaf

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
SIZES = range(71)
LEAVES = [sha256(b"leaf %d" % place) for place in SIZES]


def test_the_vectors_are_what_their_script_writes() -> None:
    assert script("make_head").text() == (FOLDER / "head.json").read_text(encoding="utf-8")


def test_the_vectors() -> None:
    whole = json.loads((FOLDER / "head.json").read_text(encoding="utf-8"))
    said = whole["founding"]
    fields = {name: said[name] for name in FoundingRecord._fields}
    founding = FoundingRecord(**fields | {"hash": bytes.fromhex(said["hash"])})
    assert founding.leaf.hex() == said["leaf"]
    leaves = [leaf(record(event)) for event in whole["events"]]
    assert [one.hex() for one in leaves] == [event["leaf"] for event in whole["events"]]
    tree = HeadTree(founding.leaf, leaves)
    for case in whole["heads"]:
        assert tree.root(case["events"]).hex() == case["root"]
        assert tree.head(case["events"]).hex() == case["head"]


def record(said: dict[str, Any]) -> LogRecord:
    tx, contract, data = (bytes.fromhex(said[name]) for name in ("tx", "contract", "data"))
    return LogRecord(said["block"], tx, contract, [bytes.fromhex(topic) for topic in said["topics"]], data)


@pytest.mark.parametrize("events", range(70))
def test_a_root_at_any_size_is_the_rfcs(events: int) -> None:
    whole, expected = HeadTree(LEAVES[0], LEAVES[1:]), merkle.root(LEAVES[: events + 1])
    assert whole.root(events) == expected
    assert HeadTree(LEAVES[0], LEAVES[1 : events + 1]).root(events) == expected
    assert whole.head(events) == head(events, expected)


@given(st.integers(0, 70), st.integers(0, 70), st.integers(0, 70))
def test_a_tree_that_was_cut_grows_on_as_if_it_had_never_been_longer(first: int, kept: int, more: int) -> None:
    kept = min(first, kept)
    tree = HeadTree(LEAVES[0], LEAVES[1 : first + 1])
    tree.cut(kept)
    other = [sha256(b"other %d" % place) for place in range(more)]
    for one in other:
        tree.add(one)
    assert tree.events == kept + more
    leaves = LEAVES[: kept + 1] + other
    assert [tree.root(n) for n in range(kept + more + 1)] == [merkle.root(leaves[: n + 1]) for n in range(len(leaves))]


def test_a_size_that_it_does_not_hold_is_refused() -> None:
    tree = HeadTree(LEAVES[0], LEAVES[1:4])
    for events in (-1, 4):
        with pytest.raises(Malformed, match="so many events"):
            tree.root(events)


RECORD = LogRecord(5, b"t" * 32, b"c" * 20, [b"a" * 32, b"b" * 32], b"data" * 16)


@pytest.mark.parametrize(
    "change",
    [
        {"block": 6},
        {"tx": b"u" * 32},
        {"contract": b"d" * 20},
        {"topics": [b"a" * 32]},
        {"topics": [b"b" * 32, b"a" * 32]},
        {"topics": [b"a" * 32, b"b" * 32, b"data" * 8]},
        {"topics": [b"a" * 32], "data": b"b" * 32 + b"data" * 16},
        {"data": b"data" * 15},
        {"data": b""},
    ],
)
def test_every_part_of_a_log_is_in_its_leaf(change: dict[str, Any]) -> None:
    assert leaf(RECORD._replace(**change)) != leaf(RECORD)


@pytest.mark.parametrize(
    "change", [{"tx": b"t" * 31}, {"contract": b"c" * 32}, {"topics": [b"a" * 33]}, {"topics": [b"a" * 32] * 5}]
)
def test_a_log_with_parts_of_another_size_has_no_leaf(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        leaf(RECORD._replace(**change))
