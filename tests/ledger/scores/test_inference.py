"""Exact inference: against slow arithmetic in whole numbers, at the extremes, and whatever the machine does."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds import committed_set

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.jobs.layers import MAX_FAN_IN, Conv2d, Flatten, Linear, MaxPool, Relu, shapes
from ledger.scores import inference
from ledger.scores.inference import HIGHEST, NeuralNetwork

TESTS = Path(__file__).parents[2]
LOW, HIGH = -(1 << 31), (1 << 31) - 1
int32 = st.integers(LOW, HIGH) | st.sampled_from([LOW, -1, 0, 1, HIGH])
bits = st.integers(0, 30)


def settled(total: int, weight_bits: int) -> int:
    """T / 2^f, rounded half away from zero, clamped: in whole numbers of any size."""
    rounded = (abs(total) + ((1 << weight_bits) >> 1)) >> weight_bits
    return max(-HIGHEST, min(HIGHEST, rounded if total >= 0 else -rounded))


def slow_linear(weight: Any, weight_bits: int, bias: Any, bias_bits: int, values: Any) -> list[int]:
    shift = 16 + weight_bits - bias_bits
    return [
        settled(sum(int(w) * int(a) for w, a in zip(row, values, strict=True)) + (int(b) << shift), weight_bits)
        for row, b in zip(weight, bias, strict=True)
    ]


@st.composite
def linear(draw: st.DrawFn) -> tuple[NeuralNetwork, np.ndarray, np.ndarray]:
    outputs, inputs = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    weight_bits = draw(bits)
    bias_bits = draw(st.integers(0, min(30, weight_bits + 16)))
    layout = Layout((Tensor("b", (outputs,), bias_bits), Tensor("w", (outputs, inputs), weight_bits)))
    model = draw(st.lists(int32, min_size=layout.values, max_size=layout.values))
    values = draw(st.lists(int32, min_size=inputs, max_size=inputs))
    network = NeuralNetwork((inputs,), [Linear(weight="w", bias="b")], layout)
    return network, np.array(model, "<i4"), np.array([values], "<i4")


@given(linear())
def test_a_linear_layer_is_the_sum_in_whole_numbers(case: tuple[NeuralNetwork, np.ndarray, np.ndarray]) -> None:
    network, model, inputs = case
    bias, weight = network.layout.tensors
    split = bias.values
    expected = slow_linear(
        model[split:].reshape(weight.shape), weight.fraction_bits, model[:split], bias.fraction_bits, inputs[0]
    )
    assert network.outputs(model, inputs).tolist() == [expected]


@pytest.mark.parametrize(("low", "high"), [(LOW, LOW), (HIGH, HIGH), (LOW, HIGH), (-1, HIGH), (1 << 24, 1 << 20)])
@pytest.mark.parametrize("inputs", [1, 127, 128, 129, 1000])
def test_sums_of_the_largest_values_are_exact(low: int, high: int, inputs: int) -> None:
    """Where float64 cannot hold the sum, runs and halves do: no rounding before the one that is specified."""
    random = np.random.default_rng(inputs)
    weight = random.choice([low, high, high - 1], (2, inputs)).astype(np.int32)
    values = random.choice([low + 1, high, 3], (3, inputs)).astype(np.int64)
    high_part, low_part = inference._products(values, weight)
    exact = [[sum(int(w) * int(a) for w, a in zip(row, line, strict=True)) for row in weight] for line in values]
    whole = high_part.astype(object) * (1 << 16) + low_part.astype(object)
    assert whole.tolist() == exact


def test_the_largest_layer_stays_within_64_bits() -> None:
    """2^16 inputs, all at their bounds, and the largest bias: nothing wraps."""
    layout = Layout((Tensor("b", (1,), 0), Tensor("w", (1, MAX_FAN_IN), 30)))
    network = NeuralNetwork((MAX_FAN_IN,), [Linear(weight="w", bias="b")], layout)
    for sign in (1, -1):
        model = np.full(layout.values, HIGH if sign > 0 else LOW, "<i4")
        assert network.outputs(model, np.full((1, MAX_FAN_IN), HIGH, "<i4")).tolist() == [[sign * HIGHEST]]
        assert network.outputs(model, np.full((1, MAX_FAN_IN), LOW + 1, "<i4")).tolist()[0][0] in {-HIGHEST, HIGHEST}


@pytest.mark.parametrize(("largest", "heaviest"), [(1 << 31, 1 << 15), (1 << 20, 1 << 15), (1, 1), (0, 0)])
def test_the_bound_holds(largest: int, heaviest: int) -> None:
    width = inference._width(largest, heaviest)
    assert width >= 128
    assert width * largest * heaviest <= 1 << 53


def test_values_that_no_float_holds_are_refused() -> None:
    with pytest.raises(Malformed, match="too large for exact sums"):
        inference._width(1 << 31, 1 << 31)


def slow_convolution(weight: Any, bias: Any, image: Any, padding: int, weight_bits: int, bias_bits: int) -> Any:
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding))).astype(object)
    outputs, _, high, wide = weight.shape
    rows, columns = padded.shape[1] - high + 1, padded.shape[2] - wide + 1
    made = np.empty((outputs, rows, columns), object)
    for k, y, x in product(range(outputs), range(rows), range(columns)):
        window = padded[:, y : y + high, x : x + wide].ravel()
        made[k, y, x] = slow_linear(weight[k].reshape(1, -1), weight_bits, bias[k : k + 1], bias_bits, window)[0]
    return made


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_convolution_and_maxima_are_those_in_whole_numbers(padding: int, size: int) -> None:
    random = np.random.default_rng(padding)
    layout = Layout((Tensor("b", (3,), 30), Tensor("w", (3, 2, 3, 2), 25)))
    layers = [Conv2d(weight="w", bias="b", padding=padding), Relu(), MaxPool(size=size), Flatten()]
    network = NeuralNetwork((2, 6, 7), layers, layout)
    model = random.integers(LOW, HIGH, layout.values).astype("<i4")
    images = random.integers(-(1 << 22), 1 << 22, (2, 2, 6, 7)).astype("<i4")
    expected = []
    for image in images:
        made = slow_convolution(model[3:].reshape(3, 2, 3, 2), model[:3], image, padding, 25, 30)
        _, rows, columns = made.shape
        best = [
            max(0, made[k, y * size : (y + 1) * size, x * size : (x + 1) * size].max())
            for k, y, x in product(range(3), range(rows // size), range(columns // size))
        ]
        expected.append(best)
    assert network.outputs(model, images).tolist() == expected


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    network, model, inputs = committed_set.convolutions()
    whole = network.outputs(model, inputs)
    monkeypatch.setattr(network, "_batch", 7)
    assert (network.outputs(model, inputs) == whole).all()
    assert network.outputs(model, inputs[:0]).shape == (0, 4)


def test_a_model_or_inputs_of_another_shape_are_refused() -> None:
    network, model, inputs = committed_set.convolutions()
    for wrong in ((model[1:], inputs), (model, inputs[:, :1])):
        with pytest.raises(Malformed, match="not a model or not inputs"):
            network.outputs(*wrong)


MACHINES: dict[str, dict[str, str]] = {
    **{f"{n} threads": {"OPENBLAS_NUM_THREADS": str(n), "OMP_NUM_THREADS": str(n)} for n in range(1, 9)},
    **{f"BLAS for {name}": {"OPENBLAS_CORETYPE": name} for name in ("Prescott", "Nehalem", "Haswell", "SkylakeX")},
    **{f"ATen {name}": {"ATEN_CPU_CAPABILITY": name} for name in ("default", "avx2", "avx512")},
    "numpy without AVX-512": {"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX"},
    "numpy without AVX2": {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"},
}


NEEDS = {"BLAS for Haswell": "avx2", "BLAS for SkylakeX": "avx512f"}
"""A forced kernel that the processor has not would end the process, not fail."""


def can(feature: str | None) -> bool:
    known = Path("/proc/cpuinfo")
    return feature is None or (known.exists() and feature in known.read_text().split())


@pytest.fixture(scope="module")
def here() -> Any:
    return json.loads(json.dumps(committed_set.everything()))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_computes_the_same_integers(machine: str, here: Any) -> None:
    """Outputs, utilities and the scores of every method: in another process, with other threads and kernels."""
    if not can(NEEDS.get(machine)):
        pytest.skip(f"this processor has no {NEEDS[machine]}")
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, **MACHINES[machine], "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-m", committed_set.__name__], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == here


TABLE = (Tensor("b", (2,)), Tensor("w", (2, 3)))
LINEAR = Linear(weight="w", bias="b")


@pytest.mark.parametrize(
    ("inputs", "layers", "tensors", "why"),
    [
        ((3,), [], TABLE, "at least one layer"),
        ((3,), [Relu()] * 65, TABLE, "not too many"),
        ((4,), [LINEAR], TABLE, r"layer 1 \(linear\) takes \(3,\)"),
        ((3, 1), [LINEAR], TABLE, "takes"),
        ((3,), [LINEAR, LINEAR], TABLE, "layer 2 .* another layer uses"),
        ((3,), [Linear(weight="w", bias="c")], TABLE, "the job does not have"),
        ((3,), [Linear(weight="w", bias="w")], TABLE, "another layer uses"),
        ((3,), [Linear(weight="b", bias="w")], TABLE, "2 dimensions"),
        ((3,), [Relu()], TABLE, "'b' belongs to no layer"),
        ((3,), [LINEAR], (Tensor("b", (3,)), Tensor("w", (2, 3))), r"bias of shape \(2,\)"),
        ((3,), [LINEAR], (Tensor("b", (2,), 30), Tensor("w", (2, 3), 13)), "much finer"),
        ((3,), [LINEAR, MaxPool(size=2)], TABLE, "cannot pool"),
        ((1, 2, 2), [MaxPool(size=3)], (), "cannot pool"),
        ((1, 2, 2), [MaxPool(size=0)], (), "cannot pool"),
        ((1, 2, 2), [Conv2d(weight="w", bias="b", padding=-1)], TABLE, "cannot pad"),
        ((1, 2, 2), [Conv2d(weight="w", bias="b", padding=0)], TABLE, "4 dimensions"),
        ((2, 2, 2), [Conv2d(weight="w", bias="b", padding=0)], (TABLE[0], Tensor("w", (2, 1, 1, 1))), "channels"),
        ((1, 2, 2), [Conv2d(weight="w", bias="b", padding=0)], (TABLE[0], Tensor("w", (2, 1, 3, 3))), "makes nothing"),
        ((1 << 25,), [Relu()], (), "more than 16777216"),
        (
            (MAX_FAN_IN + 1,),
            [LINEAR],
            (Tensor("b", (2,)), Tensor("w", (2, MAX_FAN_IN + 1))),
            "inputs an output",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(inputs: Any, layers: Any, tensors: Any, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        shapes(inputs, layers, tensors)
