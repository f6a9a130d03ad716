"""The border between floats and the ledger's integers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from participant.integers.fixed_point import (
    HIGHEST,
    LOWEST,
    PIECE,
    NotRepresentable,
    difference,
    from_stream,
    to_floats,
    to_integers,
    to_stream,
)

INT32 = st.integers(LOWEST, HIGHEST)
BITS = st.integers(0, 30)


def exactly(value: float, bits: int) -> int:
    """The specification, in rational numbers: nearest integer to value · 2^bits, half away from zero."""
    scaled = abs(Fraction(value) * 2**bits)
    whole = int(scaled)
    return (whole + (scaled - whole >= Fraction(1, 2))) * (-1 if value < 0 else 1)


@given(st.floats(-3, 3, width=32), BITS)
def test_every_float32_has_the_integer_that_the_specification_says(value: float, bits: int) -> None:
    expected = exactly(value, bits)
    if LOWEST <= expected <= HIGHEST:
        assert to_integers(Tensor("a", (1,), bits), np.array([value], np.float32)).tolist() == [expected]


@given(st.floats(-1, 1), BITS)
def test_every_float64_has_it_too(value: float, bits: int) -> None:
    assert to_integers(Tensor("a", (1,), bits), np.array([value])).tolist() == [exactly(value, bits)]


@given(st.one_of(st.integers(-4, 4), INT32), st.sampled_from([-0.5, 0.0, 0.5]), st.integers(-3, 3), BITS)
def test_the_numbers_next_to_every_tie_and_bound_have_it(whole: int, half: float, steps: int, bits: int) -> None:
    value = (whole + half) * 2.0**-bits
    for _ in range(abs(steps)):
        value = float(np.nextafter(value, np.copysign(np.inf, steps)))
    expected, tensor = exactly(value, bits), Tensor("a", (1,), bits)
    if LOWEST <= expected <= HIGHEST:
        assert to_integers(tensor, np.array([value])).tolist() == [expected]
    else:
        with pytest.raises(NotRepresentable):
            to_integers(tensor, np.array([value]))


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (0.5, 1),
        (-0.5, -1),
        (1.5, 2),
        (-1.5, -2),
        (2.5, 3),
        (-2.5, -3),
        (0.49999999999999994, 0),
        (-0.0, 0),
        (5e-324, 0),
    ],
)
def test_ties_go_away_from_zero(value: float, integer: int) -> None:
    assert to_integers(Tensor("a", (1,), 0), np.array([value])).tolist() == [integer]


@given(st.lists(INT32, min_size=1, max_size=40), BITS)
def test_integers_come_back_from_floats(integers: list[int], bits: int) -> None:
    tensor = Tensor("a", (len(integers),), bits)
    floats = to_floats(tensor, np.array(integers, np.int32))
    assert floats.dtype == np.float64
    assert to_integers(tensor, floats).tolist() == integers


@given(st.floats(-120, 120, width=32))
def test_a_float_is_off_by_at_most_half_a_step(value: float) -> None:
    tensor = Tensor("a", (1,), 24)
    back = to_floats(tensor, to_integers(tensor, np.array([value], np.float32)))
    assert abs(Fraction(float(back[0])) - Fraction(value)) <= Fraction(1, 2**25)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 128.0, -128.0000001, 1e300, -1e308])
def test_a_value_without_an_integer_is_refused_with_its_place(value: float) -> None:
    values = np.zeros((3, 4))
    values[2, 1] = value
    with pytest.raises(NotRepresentable) as caught:
        to_integers(Tensor("layer.weight", (3, 4), 24), values)
    facts = caught.value.facts
    assert "layer.weight" in caught.value.message
    assert facts["index"] == 9
    assert facts["coordinates"] == (2, 1)
    assert facts["bound"] == HIGHEST / 2**24
    assert facts["value"] == value or (np.isnan(value) and np.isnan(facts["value"]))


def test_the_bounds_themselves_are_held() -> None:
    tensor = Tensor("a", (2,), 24)
    assert to_integers(tensor, np.array([-128.0, HIGHEST / 2**24])).tolist() == [LOWEST, HIGHEST]


def test_a_place_far_into_a_large_tensor_is_named_right() -> None:
    values = np.zeros((3, PIECE), np.float32)
    values[2, 5] = np.inf
    with pytest.raises(NotRepresentable) as caught:
        to_integers(Tensor("large", values.shape), values)
    assert caught.value.facts["index"] == 2 * PIECE + 5
    assert caught.value.facts["coordinates"] == (2, 5)
    layout = Layout((Tensor("a", (7,)), Tensor("large", values.shape)))
    model = np.zeros(layout.values, np.int32)
    model[7 + 2 * PIECE + 5] = HIGHEST
    with pytest.raises(NotRepresentable) as caught:
        difference(layout, model, -model)
    assert (caught.value.facts["tensor"], caught.value.facts["index"]) == ("large", 2 * PIECE + 5)


def test_counters_are_exact_integers() -> None:
    assert to_integers(Tensor("n", (2,), 0), np.array([HIGHEST, LOWEST])).tolist() == [HIGHEST, LOWEST]
    with pytest.raises(NotRepresentable):
        to_integers(Tensor("n", (1,), 0), np.array([HIGHEST + 1]))


LAYOUT = Layout((Tensor("a", (2, 2)), Tensor("b", (3,), 8)))


def test_a_stream_holds_tensors_by_name() -> None:
    stream = to_stream(LAYOUT, {"b": np.array([1.0, 2.0, 3.0]), "a": np.array([[0.5, 0.25], [-1.0, 0.0]])})
    assert stream.dtype == np.int32
    assert stream.tolist() == [1 << 23, 1 << 22, -(1 << 24), 0, 256, 512, 768]
    back = dict(from_stream(LAYOUT, stream))
    assert back["a"].tolist() == [[0.5, 0.25], [-1.0, 0.0]]
    assert back["b"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"a": np.zeros((2, 2))}, "lacks tensor 'b'"),
        ({"a": np.zeros((2, 2)), "b": np.zeros(3), "c": np.zeros(1)}, "has a tensor 'c'"),
        ({"a": np.zeros(4), "b": np.zeros(3)}, "tensor 'a' has another shape"),
    ],
)
def test_a_model_of_another_layout_is_refused_by_tensor_name(values: dict[str, np.ndarray], named: str) -> None:
    with pytest.raises(Malformed, match=named):
        to_stream(LAYOUT, values)


@given(st.lists(INT32, min_size=7, max_size=7), st.lists(INT32, min_size=7, max_size=7))
def test_an_update_is_the_difference_or_nothing(model: list[int], base: list[int]) -> None:
    expected = [m - b for m, b in zip(model, base, strict=True)]
    arrays = np.array(model, np.int32), np.array(base, np.int32)
    if all(LOWEST <= value <= HIGHEST for value in expected):
        update = difference(LAYOUT, *arrays)
        assert update.dtype == np.int32
        assert update.tolist() == expected
        assert (arrays[1] + update).tolist() == model
        return
    first = next(place for place, value in enumerate(expected) if not LOWEST <= value <= HIGHEST)
    with pytest.raises(NotRepresentable) as caught:
        difference(LAYOUT, *arrays)
    assert (caught.value.facts["tensor"], caught.value.facts["index"]) == LAYOUT.locate(first)


def test_a_stream_of_another_length_or_dtype_is_refused() -> None:
    for stream in (np.zeros(6, np.int32), np.zeros(7, np.int64)):
        with pytest.raises(Malformed, match="not a stream"):
            dict(from_stream(LAYOUT, stream))
