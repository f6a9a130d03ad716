"""Native and pure functions have the same results, whatever the lengths, the alignment and the values."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import kernel
from ledger.kernel import pure
from ledger.kernel.table import Kernel, pure_kernel

DATA = random.Random(45).randbytes(5_000_000)
PURE = pure_kernel("as the model")
BORDERS = [0, 1, 2, 54, 55, 56, 57, 62, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1022, 1023, 1024, 1025]
EXTREMES = [-(1 << 31), -(1 << 31) + 1, -1, 0, 1, (1 << 31) - 1]

lengths = st.one_of(st.sampled_from(BORDERS), st.integers(0, 5000))
sizes = st.one_of(st.sampled_from(BORDERS[1:]), st.integers(1, 3000))
places = st.integers(0, 100)


def buffer(start: int, length: int, kind: int) -> pure.Buffer:
    """The same bytes as whatever holds bytes, read-only or not, at an odd address or not."""
    data = DATA[start : start + length]
    wide = memoryview(DATA)[start : start + length]
    return [data, bytearray(data), wide, np.frombuffer(wide, np.uint8), np.frombuffer(bytearray(data), "i1")][kind]


buffers = st.builds(buffer, places, lengths, st.integers(0, 4))


@given(data=buffers, size=sizes)
def test_leaf_hashes(native: Kernel, data: pure.Buffer, size: int) -> None:
    hashes = native.leaf_hashes(data, size)
    assert hashes == PURE.leaf_hashes(data, size)
    assert len(hashes) == 32 * -(-len(data) // size)


@pytest.mark.parametrize("size", [1, 55, 63, 64, 118, 119, 1023, 1024, 1040, 4096])
@pytest.mark.parametrize("pieces", [15, 16, 17, 33])
def test_many_leaves_in_a_row(native: Kernel, size: int, pieces: int) -> None:
    """As many as go side by side, one more and one less, at an odd address and to the last byte of the memory."""
    for start, left in product((0, 1, 63), (0, 1, size - 1)):
        data = memoryview(bytearray(start) + DATA[: size * pieces + left])[start:]
        assert native.leaf_hashes(data, size) == PURE.leaf_hashes(data, size)
        assert native.digests_and_leaves([data] * 2, size, [0, 3]) == PURE.digests_and_leaves([data] * 2, size, [0, 3])


@pytest.mark.parametrize("first", [0, 63, 511, 512, 513, 70_000, 1_000_000])
@pytest.mark.parametrize("second", [0, 512, 33_000, 1 << 20])
@pytest.mark.parametrize(("size", "skip"), [(1024, 0), (1024, 1024), (65, 7), (8191, 0), (600_000, 1)])
def test_pieces_beside_two_blocks(native: Kernel, first: int, second: int, size: int, skip: int) -> None:
    """Whichever block ends first, and whether the pieces end before the blocks or after."""
    blocks = [memoryview(DATA)[9 : 9 + first], memoryview(DATA)[77 : 77 + second], memoryview(DATA)[1:2000]]
    for count in (2, 3):
        skips = [skip, 0, 3][:count]
        made = native.digests_and_leaves(blocks[:count], size, skips)
        assert made == PURE.digests_and_leaves(blocks[:count], size, skips)


@given(blocks=st.lists(buffers, max_size=12))
def test_digests(native: Kernel, blocks: list[pure.Buffer]) -> None:
    assert native.digests(blocks) == PURE.digests(blocks) == [hashlib.sha256(bytes(b)).digest() for b in blocks]


@given(blocks=st.lists(st.tuples(buffers, lengths), max_size=9), size=sizes)
def test_digests_and_leaves(native: Kernel, blocks: list[tuple[pure.Buffer, int]], size: int) -> None:
    whole, skips = [block for block, _ in blocks], [skip for _, skip in blocks]
    assert native.digests_and_leaves(whole, size, skips) == PURE.digests_and_leaves(whole, size, skips)
    assert native.digests_and_leaves(whole, size, None) == PURE.digests_and_leaves(whole, size, None)


@given(adds=st.lists(st.integers(0, 70), max_size=12))
def test_a_tree_grows(native: Kernel, adds: list[int]) -> None:
    ours, theirs, leaves = bytearray(2048), bytearray(2048), 0
    for count in adds:
        hashes = DATA[count : 33 * count]
        assert PURE.grow(theirs, leaves, hashes) == native.grow(ours, leaves, hashes) == leaves + count
        assert ours == theirs
        leaves += count


@given(
    values=st.lists(st.one_of(st.sampled_from(EXTREMES), st.integers(-(1 << 31), (1 << 31) - 1)), max_size=200),
    weight=st.one_of(st.sampled_from([0, 1, -1, (1 << 24) - 1]), st.integers(-(1 << 31) + 1, (1 << 31) - 1)),
    offset=st.integers(0, 7),
)
def test_values(native: Kernel, values: list[int], weight: int, offset: int) -> None:
    ints = misaligned(values, "<i4", offset)
    assert native.survey(ints) == PURE.survey(ints) == (max(map(abs, values), default=0), sum(v * v for v in values))
    base = [(-1) ** n * (n << 50) for n in range(len(values))]
    total, expected = misaligned(base, "<i8", offset), np.array(base, "<i8")
    native.add_weighted(total, ints, weight)
    PURE.add_weighted(expected, ints, weight)
    assert total.tolist() == expected.tolist() == [b + v * weight for b, v in zip(base, values, strict=True)]


sums = st.one_of(st.integers(-(1 << 63) + 1, (1 << 63) - 1), st.integers(-(1 << 34), 1 << 34))
divisors = st.one_of(
    st.sampled_from([1, 2, 3, (1 << 32) - 1, 1 << 32, (1 << 62) - 1]), st.integers(1, 1 << 33), st.integers(1, 255)
)


@given(rows=st.lists(st.tuples(sums, st.sampled_from([0, 1, -1, *EXTREMES])), max_size=80), divisor=divisors)
def test_models(native: Kernel, rows: list[tuple[int, int]], divisor: int) -> None:
    """By Python's integers: divided by magnitude, half up, then added; the first that does not fit ends it."""
    total, base = ([row[place] for row in rows] for place in (0, 1))
    expected = [b + (abs(s) + divisor // 2) // divisor * (1 if s >= 0 else -1) for s, b in rows]
    fit = next((at for at, value in enumerate(expected) if not -(1 << 31) <= value < 1 << 31), len(rows))
    for kernel_, offset in product((native, PURE), (0, 3)):
        model = misaligned([7] * len(rows), "<i4", offset)
        found = kernel_.add_mean(model, misaligned(base, "<i4", offset), misaligned(total, "<i8", offset), divisor)
        assert (found, model[:fit].tolist()) == (fit, expected[:fit])


@given(sums=st.lists(sums, min_size=1, max_size=40), near=st.lists(st.integers(-2, 2), min_size=40), divisor=divisors)
def test_models_near_a_half(native: Kernel, sums: list[int], near: list[int], divisor: int) -> None:
    """Sums that are multiples of half of the divisor, or next to one: where a division by multiplying would err."""
    edges = [s % (1 << 31) * divisor // 2 + off for s, off in zip(sums, near, strict=False)]
    total = np.array([max(min(one, (1 << 63) - 1), -(1 << 63) + 1) for one in edges], "<i8")
    base, ours, theirs = (np.zeros(len(total), "<i4") for _ in range(3))
    assert native.add_mean(ours, base, total, divisor) == PURE.add_mean(theirs, base, total, divisor)
    assert ours.tolist() == theirs.tolist()


def test_a_long_model_that_saturates_at_its_end(native: Kernel) -> None:
    total, base = np.full(100_000, 9, "<i8"), np.zeros(100_000, "<i4")
    total[-2] = 1 << 40
    for kernel_ in (native, PURE):
        model = np.zeros(len(total), "<i4")
        assert kernel_.add_mean(model, base, total, 2) == len(total) - 2
        assert (model[:-2] == 5).all()


def misaligned(values: list[int], dtype: str, offset: int) -> Any:
    room = bytearray(offset) + bytearray(np.array(values, dtype).tobytes())
    return np.frombuffer(room, dtype, len(values), offset)


def test_every_short_length(native: Kernel) -> None:
    for length in range(300):
        blocks = [DATA[at : at + length] for at in range(4)]
        assert native.digests(blocks) == PURE.digests(blocks)
        for size in (55, 63, 64, 1024):
            assert native.leaf_hashes(blocks[1], size) == PURE.leaf_hashes(blocks[1], size)


@pytest.mark.parametrize(("count", "skip"), list(product([1, 2, 3, 4, 7], [0, 1024, 4096])))
def test_whole_blocks(native: Kernel, count: int, skip: int) -> None:
    blocks = [memoryview(DATA)[k : k + (1 << 20) - 512 * (k % 2)] for k in range(count)]
    skips = [skip] + [0] * (count - 1)
    assert native.digests_and_leaves(blocks, 1024, skips) == PURE.digests_and_leaves(blocks, 1024, skips)


def test_skipping_more_than_there_is_leaves_nothing(native: Kernel) -> None:
    for skip in (70, 1 << 63, 1 << 64, (1 << 64) + 1):
        assert (
            native.digests_and_leaves([DATA[:70]], 8, [skip])[1] == PURE.digests_and_leaves([DATA[:70]], 8, [skip])[1]
        )
        assert native.digests_and_leaves([DATA[:70]], 8, [skip])[1] == [b""]


def test_megabytes(native: Kernel) -> None:
    assert native.digests([DATA, DATA[1:], DATA[:70]]) == PURE.digests([DATA, DATA[1:], DATA[:70]])
    values = np.full(1_000_003, -(1 << 31), "<i4")
    assert native.survey(values) == PURE.survey(values) == (1 << 31, 1_000_003 << 62)


def test_threads_do_not_disturb_each_other(native: Kernel) -> None:
    blocks = [DATA[k : k + 200_000 + k] for k in range(24)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda block: native.digests_and_leaves([block, block[7:]], 1024, None), blocks))
    assert found == [PURE.digests_and_leaves([block, block[7:]], 1024) for block in blocks]


@pytest.mark.parametrize("path", ["native", "pure"])
def test_what_is_not_one_run_is_refused(native: Kernel, path: str) -> None:
    table = native if path == "native" else PURE
    sparse, ints = np.zeros(64, "<i4")[::2], np.zeros(8, "<i4")
    fixed = np.zeros(8, "<i8")
    fixed.flags.writeable = False
    for call in (
        lambda: table.leaf_hashes(sparse, 1024),
        lambda: table.leaf_hashes(b"", 0),
        lambda: table.digests([b"", sparse]),
        lambda: table.digests_and_leaves([b"a"], 1024, [0, 0]),
        lambda: table.digests_and_leaves([b"a"], 1024, [-1]),
        lambda: table.grow(bytearray(2048), 0, bytes(33)),
        lambda: table.grow(bytearray(64), 0, bytes(32)),
        lambda: table.grow(bytearray(2048), -1, bytes(32)),
        lambda: table.grow(bytearray(2048), 1 << 64, bytes(32)),
        lambda: table.leaf_hashes(b"a", 1 << 64),
        lambda: table.survey(sparse),
        lambda: table.survey(np.zeros(8, "<i8")),
        lambda: table.survey(np.zeros((2, 4), "<i4")),
        lambda: table.add_weighted(np.zeros(7, "<i8"), ints, 1),
        lambda: table.add_weighted(np.zeros(8, "<i4"), ints, 1),
        lambda: table.add_weighted(np.zeros(8, "<i8"), ints, 1 << 31),
        lambda: table.add_weighted(fixed, ints, 1),
    ):
        with pytest.raises(ValueError, match=r"not|each|at least|cannot"):
            call()


@given(cuts=st.lists(st.integers(0, 40), max_size=8))
def test_a_stack_has_the_root_of_all_its_leaves(cuts: list[int]) -> None:
    stack, leaves = kernel.Stack(), []
    for count in cuts:
        leaves += [DATA[32 * k : 32 * k + 32] for k in range(count)]
        stack.add(DATA[: 32 * count])
        assert (stack.root(), stack.leaves) == (rfc_root(leaves), len(leaves))


def rfc_root(leaves: list[bytes]) -> bytes:
    """As RFC 9162, section 2.1.1, puts it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:half]) + rfc_root(leaves[half:])).digest()


def test_a_model_that_saturates_at_each_place(native: Kernel) -> None:
    """Values are made some at a time, and none behind the first that does not fit."""
    for place in range(40):
        total, base = np.full(40, -9, "<i8"), np.zeros(40, "<i4")
        total[place] = -1 << 40
        for kernel_ in (native, PURE):
            model = np.zeros(len(total), "<i4")
            assert kernel_.add_mean(model, base, total, 2) == place
            assert model.tolist() == [-5] * place + [0] * (40 - place)
