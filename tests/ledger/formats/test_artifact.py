"""Artifacts: written by one rule, read by others' libraries, and read by us only if they are the one asked for."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats import header
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK
from ledger.formats.header import Binding
from ledger.formats.merkle import LEAF

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
BINDING = Binding(kind="update", chain=1, contract=CONTRACT, job=2, round=3, party=CONTRACT, base=b"\x07" * 32).on(
    9, b"\x08" * 32
)
LAYOUT = Layout((Tensor("a", (5, 60)), Tensor("b", (7,)), Tensor("~", (1, 1, 2))))

signs = "".join(sign for sign in map(chr, range(0x21, 0x7F)) if sign not in '"\\')
names = st.text(signs, min_size=1, max_size=12).filter(lambda name: name != "__metadata__")
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=8).map(tuple).filter(lambda s: np.prod(s) < 3000)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    table = draw(st.dictionaries(names, shapes, min_size=1, max_size=6))
    return Layout(tuple(Tensor(name, table[name]) for name in sorted(table)))


def values_of(layout: Layout, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(1 << 31), 1 << 31, layout.values).astype("<i4")


def file_of(layout: Layout, binding: Binding = BINDING) -> bytes:
    return layout.header(binding) + values_of(layout).tobytes()


def read(layout: Layout, pieces: Iterator[bytes], binding: Binding = BINDING) -> bytes:
    return b"".join(layout.body(pieces, binding))


@given(layouts())
def test_the_safetensors_library_reads_what_we_write(layout: Layout) -> None:
    read_back = safetensors.numpy.load(file_of(layout))
    stream = np.concatenate([read_back[tensor.name].ravel() for tensor in layout.tensors])
    assert [read_back[t.name].shape for t in layout.tensors] == [t.shape for t in layout.tensors]
    assert stream.dtype == np.int32
    assert (stream == values_of(layout)).all()


@given(layouts(), st.integers(1, 3000))
def test_a_file_in_pieces_of_any_size_reads_back(layout: Layout, size: int) -> None:
    data = file_of(layout)
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    got = list(layout.body(pieces, BINDING))
    assert b"".join(got) == values_of(layout).tobytes()
    assert all(len(piece) % LEAF == 0 for piece in got[:-1])
    assert all(got)


def test_empty_pieces_and_a_piece_larger_than_a_chunk() -> None:
    layout = Layout((Tensor("a", (3 * CHUNK // 4,)),))
    data = file_of(layout)
    got = list(layout.body(iter([b"", data[:100], b"", data[100:], b""]), BINDING))
    assert b"".join(got) == values_of(layout).tobytes()
    assert max(len(piece) for piece in got) <= CHUNK


@given(layouts())
def test_the_header_is_the_same_size_for_every_binding_and_whole_leaves(layout: Layout) -> None:
    longest = Binding(
        kind="initial", chain=(1 << 64) - 1, contract=CONTRACT, job=(1 << 32) - 1, round=(1 << 32) - 1,
        party=CONTRACT, base=bytes(32), rows=(1 << 32) - 1, data=bytes(32),
    )  # fmt: skip
    sizes = {len(layout.header(b)) for b in (longest, BINDING, Binding(kind="initial"))}
    assert sizes == {layout.header_size}
    assert layout.header_size % LEAF == 0
    assert layout.size == len(file_of(layout))


def test_a_binding_without_room_is_refused() -> None:
    with pytest.raises(Malformed, match="binding is too long"):
        LAYOUT.header(Binding(kind="model", contract="0x" + "0" * 3000))


@given(layouts())
def test_every_value_has_its_place(layout: Layout) -> None:
    seen = [layout.locate(value) for value in range(layout.values)]
    assert seen == [(t.name, place) for t in layout.tensors for place in range(t.values)]


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ((), "at least one"),
        ((Tensor("b", (1,)), Tensor("a", (1,))), "ascending"),
        ((Tensor("a", (1,)), Tensor("a", (1,))), "ascending"),
        ((Tensor("", (1,)),), "name must be 1 to 200 characters"),
        ((Tensor("a\n", (1,)),), "not allowed"),
        ((Tensor("a b", (1,)),), "not allowed"),
        ((Tensor("ü", (1,)),), "not allowed"),
        ((Tensor('"', (1,)),), "not allowed"),
        ((Tensor("\ud800", (1,)),), "not allowed"),
        ((Tensor("a" * 201, (1,)),), "name must be 1 to 200 characters"),
        ((Tensor("__metadata__", (1,)),), "name is not allowed"),
        ((Tensor("a", ()),), "impossible shape"),
        ((Tensor("a", (1,) * 9),), "impossible shape"),
        ((Tensor("a", (0,)),), "impossible shape"),
        ((Tensor("a", (-1,)),), "impossible shape"),
        ((Tensor("a", (1 << 32,)),), "impossible shape"),
        ((Tensor("a", (1 << 31, 2)),), "too large"),
        ((Tensor("a", (1 << 30,)), Tensor("b", (1 << 30,)), Tensor("c", (1,))), "too large"),
        ((Tensor("a", (1,), fraction_bits=31),), "fraction_bits"),
        ((Tensor("a", (1,), fraction_bits=-1),), "fraction_bits"),
        ((Tensor("a", (1,), 24, "I64"),), "no fraction bits"),
        ((Tensor("a", (2, 0), 0),), "impossible shape"),
    ],
)
def test_tables_that_no_model_has(tensors: tuple[Tensor, ...], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        Layout(tensors)


@pytest.mark.parametrize("count", [1, 255, 256, 257, (CHUNK - LEAF) // 4, (CHUNK - LEAF) // 4 + 1, CHUNK // 2 - 256])
def test_bands_are_the_blocks_of_the_file(count: int) -> None:
    layout = Layout((Tensor("a", (count,)),))
    bands = list(layout.bands())
    assert bands[0][0] == 0
    assert bands[-1][1] == count
    assert all(stop == start for (_, stop), (start, _) in pairwise(bands))
    assert all((layout.header_size + 4 * stop) % CHUNK == 0 for _, stop in bands[:-1])
    assert all(0 < 4 * (stop - start) <= CHUNK for start, stop in bands)


def test_a_header_longer_than_a_block() -> None:
    layout = Layout(tuple(Tensor(f"{'layer' * 38}{i:06d}", (1,)) for i in range(5000)))
    assert layout.header_size > CHUNK
    assert read(layout, iter([file_of(layout)])) == values_of(layout).tobytes()
    assert list(layout.bands()) == [(0, 5000)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[:-4], "truncated"),
        (lambda data: data[:-3], "truncated"),
        (lambda data: data[: LAYOUT.header_size], "truncated"),
        (lambda data: data[: LAYOUT.header_size - 1], "impossible"),
        (lambda data: data[:7], "shorter than a header"),
        (lambda data: b"", "shorter than a header"),
        (lambda data: data + b"\0", "longer"),
        (lambda data: data + b"\0\0\0\0", "longer"),
        (lambda data: data + bytes(5000), "longer"),
    ],
)
def test_truncated_and_oversized_artifacts(change: object, why: str) -> None:
    data = change(file_of(LAYOUT))  # type: ignore[operator]
    for size in (1, 999, 1024, 1 << 20):
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        with pytest.raises(Malformed, match=why):
            read(LAYOUT, pieces)


def test_an_endless_artifact_is_left_after_its_first_excess() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield file_of(LAYOUT)
        while True:
            taken += 1
            yield bytes(LEAF)

    with pytest.raises(Malformed, match="longer"):
        read(LAYOUT, endless())
    assert taken <= 2


def test_metadata_says_only_what_is_bound() -> None:
    assert Binding(kind="initial").metadata() == {"format": header.FORMAT, "kind": "initial"}
    assert BINDING.metadata()["base"] == "07" * 32


LONGEST = {"chain": (1 << 63) - 1, "job": (1 << 32) - 1, "round": (1 << 24) - 1}
OPEN_MASKED = Binding(kind="masked", contract=CONTRACT, party=CONTRACT, base=b"\x07" * 32, **LONGEST)
OPEN = Binding(kind="update", chain=1, contract=CONTRACT, job=2, round=3, party=CONTRACT, base=b"\x07" * 32)


@given(layouts(), st.integers(1, (1 << 32) - 1), st.binary(min_size=32, max_size=32))
def test_what_only_its_party_knows_is_read_from_an_updates_header(layout: Layout, rows: int, data: bytes) -> None:
    whole = OPEN.on(rows, data)
    assert layout.bound(layout.header(whole), OPEN) == whole
    assert layout.bound(layout.header(whole), whole) == whole
    assert layout.bound(layout.header(whole), OPEN.on(rows % 7 + 1, bytes(32))) in (None, whole)


@given(layouts(), st.binary(min_size=32, max_size=32))
def test_an_updates_header_may_name_a_platform_document(layout: Layout, platform: bytes) -> None:
    """The header is as long as one without: the file of every update has one size."""
    for binding in (OPEN, OPEN_MASKED):
        whole, size = binding.on(7, b"\x0a" * 32, platform), layout.header_size
        head = layout.header(whole)
        assert (len(head), layout.bound(head, binding)) == (size, whole)
        assert layout.bound(head, binding.on(7, b"\x0a" * 32)) is None
        for digit in (b"G", b"A"):
            at = head.index(b'"platform":"') + 12
            assert layout.bound(head[:at] + digit + head[at + 1 :], binding) is None
            changed = head[:at] + digit + head[at + 1 :]
            assert binding is OPEN_MASKED or "platform" in str(header.explain(changed, binding, layout.entries()))


@given(layouts(), st.data())
def test_a_header_with_any_other_byte_is_not_the_right_one(layout: Layout, data: st.DataObject) -> None:
    """But for digits of the root and of the number, which make it another update's."""
    platform = data.draw(st.sampled_from([b"", b"\x0b" * 32]))
    right = layout.header(OPEN.on(77, b"\x0a" * 32, platform))
    at, value = data.draw(st.integers(0, len(right) - 1)), data.draw(st.integers(0, 255))
    changed = right[:at] + bytes([value]) + right[at + 1 :]
    found = layout.bound(changed, OPEN)
    assert found is None or layout.header(found) == changed


def test_an_update_without_its_rows_has_no_header() -> None:
    with pytest.raises(Malformed, match="what it was trained on"):
        LAYOUT.header(OPEN)


def test_tensors_named_like_the_binding_mislead_nobody() -> None:
    layout = Layout(tuple(Tensor(name, (1,)) for name in ("__metadata", "data", "data:", "rows", "rows:")))
    whole = OPEN.on(5, bytes(32))
    assert layout.bound(layout.header(whole), OPEN) == whole
