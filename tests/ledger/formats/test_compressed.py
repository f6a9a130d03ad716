"""Compressed updates as files: every library reads them, every update has one encoding, and all others are refused."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.leaves import WholeLeaves
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import SHIFTS, Bits, Packing
from ledger.formats.compressed.unpacking import UnpackedBands, Unpacking
from ledger.formats.header import Binding
from ledger.formats.merkle import VALUES

TENSORS = (Tensor("layer.bias", (3,)), Tensor("layer.weight", (2, 5), 20))
MODEL = Layout(TENSORS)
BOUND = Binding(kind="update", chain=1, contract="0x" + "0" * 40, job=1, round=2, party="0x" + "1" * 40, base=b"b").on(
    5, bytes(32)
)
BITS: list[Bits] = [8, 4]


def read(packing: Packing, data: bytes, bands: list[int], *, whole: bool = True) -> np.ndarray:
    """All values of a body, read in runs that stop there."""
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return data[at - size : at]

    runs = UnpackedBands(packing, take, whole=whole)
    stops = [*(stop for stop in bands if stop < packing.model.values), packing.model.values]
    return np.concatenate([runs.values(*run) for run in zip([0, *stops], stops, strict=False)])


def every_run(data: st.DataObject, values: int) -> list[int]:
    return sorted(data.draw(st.sets(st.integers(1, values), max_size=6)))


@given(st.data(), st.sampled_from(BITS), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_values_come_back_however_they_are_read(data: st.DataObject, bits: Bits, sizes: list[int]) -> None:
    model = Layout(tuple(Tensor(f"t{number}", (size,)) for number, size in enumerate(sizes)))
    packing = Packing(model, bits)
    most, deepest = packing.most, packing.largest_shift
    tensors = [
        np.array(data.draw(st.lists(st.integers(-most, most), min_size=size, max_size=size)), np.int32)
        << np.int32(data.draw(st.integers(0, deepest)))
        for size in sizes
    ]
    values = np.concatenate(tensors)
    body = bytes(packed(packing, values))
    assert len(body) == packing.values == len(sizes) + sum(-(-size * bits // 8) for size in sizes)
    assert (read(packing, body, every_run(data, model.values)) == values).all()
    start = data.draw(st.integers(0, model.values - 1))
    stop = data.draw(st.integers(start + 1, model.values))
    first, behind = packing.span(start, stop)
    alone = Unpacking(packing, body[: packing.shifts])
    assert (alone.values(body[first:behind], start, stop) == values[start:stop]).all()


@pytest.mark.parametrize("bits", BITS)
def test_an_update_has_one_encoding(bits: Bits) -> None:
    """Of all bytes of a tensor of one 8-bit or of two 4-bit integers, behind all shifts: no two that are taken have the
    same values, and every value that some have is taken.
    """
    packing = Packing(Layout((Tensor("w", (8 // bits,)),)), bits)
    seen: dict[bytes, bytes] = {}
    reachable = set()
    for shift, byte in product(range(256), range(256)):
        body = bytes([shift, byte])
        if shift <= packing.largest_shift:
            reachable.add(read(packing, body, [], whole=False).astype("<i8").tobytes())
        try:
            values = read(packing, body, []).astype("<i8").tobytes()
        except Malformed:
            continue
        assert values not in seen, (seen.get(values), body)
        seen[values] = body
    lowest = [np.array(pair, "<i8") for pair in product(range(-packing.most, packing.most + 1), repeat=8 // bits)]
    honest = {(pair << shift).tobytes() for pair in lowest for shift in range(packing.largest_shift + 1)}
    assert seen.keys() == honest <= reachable
    assert all(bytes(packed(packing, np.frombuffer(one, "<i8").astype("<i4"))) == seen[one] for one in seen)


@pytest.mark.parametrize("bits", BITS)
def test_every_safetensors_library_reads_it(bits: Bits) -> None:
    packing = Packing(MODEL, bits)
    values = np.array([1, -2, 0, *range(-5, 5)], np.int32) << np.int32(3)
    found = load(packing.header(BOUND) + packed(packing, values))
    assert sorted(found) == [SHIFTS, "layer.bias", "layer.weight"]
    shifts = [int(shift) for shift in found[SHIFTS]]
    if bits == 8:
        assert {one.dtype for one in found.values()} == {np.dtype("int8")}
        assert (found["layer.weight"].astype(np.int32) << shifts[1] == values[3:].reshape(2, 5)).all()
    else:
        assert {one.dtype for one in found.values()} == {np.dtype("uint8")}
        halves = [half for byte in found["layer.weight"] for half in (int(byte) & 15, int(byte) >> 4)]
        assert [(half - 16 * (half > 7)) << shifts[1] for half in halves] == values[3:].tolist()
        assert found["layer.bias"].shape == (2,)


def lie(bits: Bits, what: str) -> bytes:
    """A body that no honest party writes, of three values and ten."""
    honest = np.array([64, -2, 0, *range(1, 10), -64] if bits == 8 else [4, -2, 0, *range(-4, 5), 7], np.int32)
    honest[3:] <<= 4
    body = bytearray(packed(Packing(MODEL, bits), honest))
    if what == "second encoding":
        body[1] += 1
        body[2 + (3 if bits == 8 else 2) :] = bytes(len(body) - 2 - (3 if bits == 8 else 2))
        body[-1] = 2
    elif what == "a shift of nothing":
        body[1:] = (
            bytes([1]) + bytes(2) + b"\x01" + bytes(len(body) - 5) if bits == 4 else bytes([1]) + body[2:5] + bytes(10)
        )
    elif what == "overflow":
        body[0] = Packing(MODEL, bits).largest_shift + 1
    elif what == "negative shift":
        body[1] = 255
    elif what == "lowest":
        body[2] = 0x80 if bits == 8 else 0x48
    elif what == "padding":
        body[3] |= 0x10
    return bytes(body)


LIES = {
    "second encoding": "has a shift that is not the least",
    "a shift of nothing": "has a shift that is not the least",
    "overflow": "has a shift that is not in its form",
    "negative shift": "has a shift that is not in its form",
    "lowest": "holds an integer that no encoding has",
}


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("what", "why"), LIES.items())
@pytest.mark.parametrize("bands", [[], [1], [3, 4, 5]])
def test_another_encoding_is_refused(bits: Bits, what: str, why: str, bands: list[int]) -> None:
    packing = Packing(MODEL, bits)
    read(packing, lie(bits, "none"), bands)
    with pytest.raises(Malformed, match=why):
        read(packing, lie(bits, what), bands)


@pytest.mark.parametrize("bands", [[], [1], [2]])
def test_the_half_byte_behind_an_odd_tensor_is_zero(bands: list[int]) -> None:
    with pytest.raises(Malformed, match="a last half byte that stands for no value"):
        read(Packing(MODEL, 4), lie(4, "padding"), bands)


def test_what_no_shift_makes_is_not_written() -> None:
    for values in ([129, 1, 0], [-(1 << 31), 0, 0]):
        with pytest.raises(Malformed):
            packed(Packing(Layout(TENSORS[:1]), 8), np.array(values, np.int64).astype(np.int32))


def test_a_tensor_before_the_shifts_has_no_place() -> None:
    with pytest.raises(Malformed, match="ascending and unique"):
        Packing(Layout((Tensor("!", (1,)),)), 8)
    with pytest.raises(Malformed, match="ascending and unique"):
        Packing(Layout((Tensor(SHIFTS, (1,)),)), 8)


@pytest.mark.parametrize("bits", BITS)
def test_each_byte_has_its_place_in_the_model(bits: Bits) -> None:
    model = Layout((Tensor("a", (3,)), Tensor("b", (2000,))))
    packing = Packing(model, bits)
    assert (packing.locate(1), packing.chunk_of(1)) == ((SHIFTS, 1), None)
    for value in range(0, model.values, 7):
        byte = packing.place(value)
        name, first = packing.locate(byte)
        assert name == model.locate(value)[0]
        assert first <= model.locate(value)[1] < first + packing.share
        assert packing.chunk_of(byte) == (value - (model.locate(value)[1] - first)) // VALUES


@given(st.lists(st.integers(0, 2500), max_size=8))
def test_leaves_are_those_of_the_whole_stream(sizes: list[int]) -> None:
    stream = np.random.default_rng(1).integers(0, 256, sum(sizes), np.uint8).tobytes()
    leaves, runs = WholeLeaves(), list[bytes]()

    def cut() -> Iterator[bytes]:
        at = 0
        for size in sizes:
            yield stream[at : at + size]
            at += size

    for piece in cut():
        runs += [bytes(run) for run in leaves.add(piece)]
    assert all(len(run) % 1024 == 0 for run in runs)
    runs += [bytes(run) for run in leaves.end()]
    assert b"".join(runs) == stream
