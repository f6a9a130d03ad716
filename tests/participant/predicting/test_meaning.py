"""Answers follow from integer outputs as the textbook says, to a millionth, and are the same on every machine."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from participant.predicting.meaning import ClassAnswers, NumberAnswers, TimeAnswers

OUTPUTS = arrays(np.int64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.integers(-(2**31) + 1, 2**31 - 1))


@given(OUTPUTS)
def test_probabilities_are_softmax(outputs: np.ndarray) -> None:
    found = ClassAnswers(("a", "b", "c")).of(outputs)
    exact = np.exp((outputs - outputs.max(1, keepdims=True)) / 65536)
    exact /= exact.sum(1, keepdims=True)
    assert np.abs(found["probabilities"] - exact).max() < 1.1e-6
    assert found["class"].tolist() == [("a", "b", "c")[place] for place in outputs.argmax(1)]


@given(OUTPUTS)
def test_times_outlived_are_products_of_hazards_kept(outputs: np.ndarray) -> None:
    found = TimeAnswers(("1", "2", "3")).of(outputs)
    exact = np.exp(-np.logaddexp(0, outputs / 65536)).cumprod(1)
    assert np.abs(found["outlived"] - exact).max() < 1.1e-6
    assert np.abs(found["risk"] - (1 - exact.mean(1))).max() < 2.1e-6
    assert (np.diff(found["outlived"], axis=1) <= 0).all()


def test_numbers_are_in_their_units() -> None:
    meaning = NumberAnswers(("dose", "days"), np.array([0.0, 10.0]), np.array([8.0, 30.0]))
    found = meaning.of(np.array([[-65536, 0], [65536, 2 * 65536], [0, -65536]]))
    assert found["values"].tolist() == [[0.0, 20.0], [8.0, 40.0], [4.0, 10.0]]
