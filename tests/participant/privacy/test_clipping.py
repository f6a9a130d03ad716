"""Updates within the clip: exactly, in whole grains, and without a bias that many of them would add up to."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.worlds.member_lies import LIMITS, member_noise

from ledger import kernel
from ledger.jobs.document import Admission
from ledger.jobs.members import ClientNoise
from ledger.rounds.admission import Verdict, judge_values
from participant.privacy.clipping import clipped

LARGEST = (1 << 31) - 1


def case(clip: int, grain: int, max_value: int = LARGEST) -> tuple[ClientNoise, Admission]:
    limits = msgspec.structs.replace(LIMITS, max_norm=clip * grain, max_value=max_value)
    return member_noise(clip=clip, grain=grain), limits


@given(
    update=arrays("<i4", st.integers(1, 50), elements=st.integers(-LARGEST - 1, LARGEST)),
    clip=st.integers(1, 1 << 34),
    bits=st.integers(0, 20),
    max_value=st.integers(1 << 20, LARGEST),
)
def test_whatever_the_update_is_it_is_within_clip_and_bounds(
    update: np.ndarray, clip: int, bits: int, max_value: int
) -> None:
    said, limits = case(clip, 1 << bits, max_value)
    made = clipped(update, said, limits)
    assert made.dtype == np.int32
    assert not (made % said.grain).any()
    assert judge_values(made, limits).verdict is Verdict.ADMITTED
    assert ((made == 0) | (np.sign(made) == np.sign(update))).all()
    assert np.array_equal(made, clipped(update, said, limits)), "a crash changes no byte"


@pytest.mark.parametrize("grain", [1, 64])
def test_one_of_whole_grains_within_the_clip_stays(grain: int) -> None:
    said, limits = case(1000, grain)
    update = np.array([3, -4, 0, 500], "<i4") * grain
    assert np.array_equal(clipped(update, said, limits), update)


def test_a_larger_one_keeps_its_direction_and_nearly_all_of_the_clip() -> None:
    said, limits = case(100_000, 16)
    update = np.random.default_rng(1).normal(0, 1e6, 5000).astype("<i4")
    made = clipped(update, said, limits)
    norm = kernel.survey(made)[1] ** 0.5
    assert 0.98 * limits.max_norm < norm <= limits.max_norm
    cosine = float(made.astype(float) @ update.astype(float)) / norm / np.linalg.norm(update.astype(float))
    assert cosine > 0.999


def test_what_is_less_than_a_grain_is_kept_in_the_mean() -> None:
    said, limits = case(100_000, 1024)
    update = np.full(200_000, 100, "<i4")
    made = clipped(update, said, limits)
    assert set(np.unique(made).tolist()) == {0, 1024}
    assert abs(float(made.mean()) - 100) < 5 * 1024 * 0.3 / np.sqrt(len(made))
