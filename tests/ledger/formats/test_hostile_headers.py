"""Headers made to mislead, exhaust or crash a reader: each is refused in a bounded way, with the reason."""

import json
import sys
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.header import Binding, explain, parse

BINDING = Binding(kind="update", chain=1, contract="0x11", job=2, round=3, party="0x22", base=b"\x07" * 32).on(
    9, b"\x08" * 32
)
LAYOUT = Layout((Tensor("a", (2, 3)), Tensor("b", (4,))))
A: dict[str, Any] = {"dtype": "I32", "shape": [2, 3], "data_offsets": [0, 24]}
B: dict[str, Any] = {"dtype": "I32", "shape": [4], "data_offsets": [24, 40]}
METADATA = BINDING.metadata()


def header(text: str | bytes, length: int | None = None) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    room = LAYOUT.header_size - 8
    data = data if len(data) > room else data.ljust(room)
    return (len(data) if length is None else length).to_bytes(8, "little") + data


def table(**tensors: Any) -> bytes:
    return header(json.dumps({"__metadata__": METADATA, "a": A, "b": B} | tensors))


HOSTILE = {
    "length 0": (header("{}", 0), "length is impossible"),
    "length 1": (header("{}", 1), "length is impossible"),
    "length huge": (header("{}", (1 << 64) - 1), "length is impossible"),
    "length beyond the file": (header("{}", LAYOUT.header_size - 7), "length is impossible"),
    "longer than the layout's": (header("{" + " " * 5000 + "}"), "length is impossible"),
    "not JSON": (header("{,}"), "not JSON"),
    "not UTF-8": (header(b'{"\xff": 1}'), "not JSON"),
    "a list": (header("[]"), "not a table"),
    "a number": (header("1 "), "not a table"),
    "metadata a list": (header('{"__metadata__": []}'), "not a table"),
    "duplicate tensor": (header('{"a": {}, "a": {}}'), "used twice"),
    "duplicate field": (header('{"a": {"dtype": "I32", "dtype": "F32"}}'), "used twice"),
    "nested deeply": (header("[" * 800), "nested too deeply"),
    "nested deeply and closed": (header("[" * 9 + "]" * 9), "nested too deeply"),
    "nested deeply, metadata": (table(__metadata__=METADATA | {"x": [[[[[[[0]]]]]]]}), "nested too deeply"),
    "nested between brackets in strings": (header('{"]]]":[{"]]":[[{"]\\\\":[[["]",[1]]]]}]]}]}'), "nested too deeply"),
    "an integer of 21 digits": (table(a=A | {"shape": [10**20]}), "not JSON"),
    "entry a list": (table(a=[]), "not described"),
    "entry lacks shape": (table(a={"dtype": "I32", "data_offsets": [0, 24]}), "not described"),
    "entry says more": (table(a=A | {"x": 1}), "not described"),
    "float tensor": (table(a=A | {"dtype": "F32"}), "dtype"),
    "dtype a list": (table(a=A | {"dtype": ["I32"]}), "dtype"),
    "dtype a bell": (table(a=A | {"dtype": "\x07\x1b[2J\ud800"}), "dtype"),
    "NaN": (table(a=A | {"shape": [float("nan")]}), "impossible shape"),
    "infinite": (table(a=A | {"shape": [float("inf")]}), "impossible shape"),
    "float": (table(a=A | {"shape": [2.0, 3]}), "impossible shape"),
    "true": (table(a=A | {"shape": [True, 6]}), "impossible shape"),
    "text": (table(a=A | {"shape": "23"}), "impossible shape"),
    "no dimension": (table(a=A | {"shape": []}), "overlaps"),
    "zero": (table(a=A | {"shape": [0, 3]}), "impossible shape"),
    "negative": (table(a=A | {"shape": [-2, -3]}), "impossible shape"),
    "nine dimensions": (table(a=A | {"shape": [1] * 9}), "impossible shape"),
    "many dimensions": (table(a=A | {"shape": [1] * 100}), "impossible shape"),
    "10^9 values thrice": (table(a=A | {"shape": [10**9] * 3}), "impossible shape"),
    "2^62": (table(a=A | {"shape": [1 << 62]}), "impossible shape"),
    "10^400": (header('{"a": {"dtype": "I32", "shape": [1' + "0" * 400 + '], "data_offsets": [0, 4]}}'), "not JSON"),
    "overlap": (table(b=B | {"data_offsets": [20, 36]}), "overlaps"),
    "hole": (table(b=B | {"data_offsets": [28, 44]}), "overlaps"),
    "not from 0": (table(a=A | {"data_offsets": [4, 28]}), "overlaps"),
    "backwards": (table(a=A | {"data_offsets": [24, 0]}), "overlaps"),
    "negative offset": (table(a=A | {"data_offsets": [-24, 0]}), "overlaps"),
    "true offset": (table(a=A | {"data_offsets": [False, 24]}), "overlaps"),
    "three offsets": (table(a=A | {"data_offsets": [0, 24, 24]}), "overlaps"),
    "wrong length": (table(a=A | {"data_offsets": [0, 20]}), "overlaps"),
    "order": (table(a=A | {"data_offsets": [16, 40]}, b=B | {"data_offsets": [0, 16]}), "overlaps"),
}


@pytest.mark.parametrize(("data", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_header_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        parse(data, LAYOUT.header_size)
    error = explain(data, BINDING, LAYOUT.entries())
    assert type(error) is Malformed
    for text in (str(caught.value), str(error)):
        assert len(text) < 1000
        assert text.isascii()
        assert all(line.isprintable() for line in text.split("\n"))
    with pytest.raises(Malformed):
        list(LAYOUT.body(iter([data]), BINDING))


@pytest.mark.parametrize("name", METADATA)
@pytest.mark.parametrize("value", [None, "other", "\x1b[31m\ud800" * 8, 7, ["x"] * 30])
def test_a_binding_that_differs_is_named(name: str, value: object) -> None:
    error = explain(table(__metadata__=METADATA | {name: value}), BINDING, LAYOUT.entries())
    assert error.message == f"the artifact has another {name}"
    assert error.facts["expected"] == METADATA[name]
    assert str(error).encode().isascii()


def test_a_binding_that_is_lacking_is_named() -> None:
    error = explain(header(json.dumps({"a": A, "b": B})), BINDING, LAYOUT.entries())
    assert (error.message, error.facts["actual"]) == ("the artifact has another format", None)


def test_another_round_is_reported_before_another_base() -> None:
    changed = METADATA | {"round": "2", "base": "08" * 32}
    error = explain(table(__metadata__=changed), BINDING, LAYOUT.entries())
    assert error.message == "the artifact has another round"


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"a": A}, "lacks tensor 'b'"),
        ({"a": A, "b": B, "c": {"dtype": "I32", "shape": [1], "data_offsets": [40, 44]}}, "has a tensor c that"),
        ({"a": A | {"shape": [3, 2]}, "b": B}, "tensor 'a' differs"),
        ({"a": A, "b": {"dtype": "I32", "shape": [5], "data_offsets": [24, 44]}}, "tensor 'b' differs"),
        ({"z\x1b" * 30: A}, "lacks tensor 'a'"),
    ],
)
def test_other_tensors_are_named(tensors: dict[str, Any], why: str) -> None:
    error = explain(header(json.dumps({"__metadata__": METADATA} | tensors)), BINDING, LAYOUT.entries())
    assert type(error) is Malformed
    assert why in str(error)
    assert str(error).isascii()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"__metadata__": METADATA, "a": A, "b": B}),
        json.dumps({"__metadata__": METADATA | {"note": "x"}, "a": A, "b": B}, separators=(",", ":")),
        json.dumps({"a": A, "b": B, "__metadata__": METADATA}, separators=(",", ":")),
    ],
    ids=["spaces", "more metadata", "order"],
)
def test_another_encoding_of_the_right_header_is_refused(text: str) -> None:
    error = explain(header(text), BINDING, LAYOUT.entries())
    assert type(error) is Malformed
    assert "canonical" in str(error)


def test_the_right_header_parses_to_what_it_says() -> None:
    found = parse(LAYOUT.header(BINDING), LAYOUT.header_size)
    assert found == {"__metadata__": METADATA, "a": A, "b": B}


def test_hostile_headers_take_little_memory() -> None:
    data = table(a=A | {"shape": [1 << 30], "data_offsets": [0, 1 << 32]})
    tracemalloc.start()
    for _ in range(3):
        explain(data, BINDING, LAYOUT.entries())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize("kind", ["brackets", "escapes", "quotes", "numbers"])
def test_no_header_takes_long_or_overflows_under_any_recursion_limit(kind: str) -> None:
    """Libraries that a node loads raise Python's recursion limit to 100,000: verdicts and stacks must not feel it."""
    large = Layout(tuple(Tensor(f"tensor.{number:06}", (1,)) for number in range(8_000)))
    room = large.header_size - 8
    text = {"brackets": "[", "escapes": '\\"', "quotes": '"', "numbers": "1"}[kind] * room
    data = room.to_bytes(8, "little") + ('"' + text)[:room].encode() if kind == "escapes" else b""
    data = data or room.to_bytes(8, "little") + text[:room].encode()
    limit, began = sys.getrecursionlimit(), time.thread_time()
    sys.setrecursionlimit(200_000)
    try:
        with pytest.raises(Malformed):
            parse(data, large.header_size)
    finally:
        sys.setrecursionlimit(limit)
    assert time.thread_time() - began < 2


JUNK = st.sampled_from(
    [b"NaN", b"-Infinity", b"1E400", b'"\\ud800"', b"[]", b"{}", b"null", b"\xff", b"9" * 19, b'"', b","]
)


@given(st.data())
def test_whatever_stands_there_is_explained_and_never_a_crash(data: st.DataObject) -> None:
    """One verdict for all of them: so a reason is all that a parser may come to."""
    right = LAYOUT.header(BINDING)
    changed = bytearray(right)
    for _ in range(data.draw(st.integers(1, 3))):
        at, junk = data.draw(st.integers(0, len(right.rstrip()))), data.draw(JUNK | st.binary(min_size=1, max_size=9))
        changed[at : at + len(junk)] = junk
    error = explain(bytes(changed), BINDING, LAYOUT.entries())
    assert type(error) is Malformed
    assert str(error).isascii()
    assert len(str(error)) < 1000


def test_brackets_in_strings_do_not_count() -> None:
    named = Layout((Tensor("[" * 40, (2,)),))
    assert parse(named.header(BINDING), named.header_size)


@pytest.mark.parametrize("name", ["rows", "data"])
@pytest.mark.parametrize("value", [None, "", "0", "-1", "0" * 63 + "G", "\x1b[31m" * 20, 7, ["x"] * 30])
def test_rows_in_another_form_are_named(name: str, value: object) -> None:
    known = Binding(kind="update", chain=1, contract="0x11", job=2, round=3, party="0x22", base=b"\x07" * 32)
    error = explain(table(__metadata__=METADATA | {name: value}), known, LAYOUT.entries())
    assert error.message == f"the artifact's {name} is not in its form"
    assert str(error).isascii()
