"""Noisy sums: what one row can do to them, and what is in them besides."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.gradients import MODELS, noise, rows, summed  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from participant.privacy import gradients  # noqa: E402
from participant.privacy.gradients import drawn_rows  # noqa: E402

pytestmark = pytest.mark.node


def one_by_one(model: Any, inputs: Any, targets: Any, clip: float) -> Any:
    """The same without noise, by a backward pass for each row."""
    total = 0.0
    for row, target in zip(inputs, targets, strict=True):
        found = torch.autograd.grad(cross_entropy(model(row[None]), target[None]), list(model.parameters()))
        flat = torch.cat([one.flatten() for one in found])
        total = total + flat * min(1.0, clip / float(flat.norm()))
    return total


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("clip", [0.1, 1.0, 100.0])
def test_it_is_the_sum_of_clipped_gradients(name: str, clip: float) -> None:
    torch.manual_seed(1)
    model, (inputs, targets) = MODELS[name](), rows(20)
    expected = one_by_one(model, inputs, targets, clip)
    assert torch.allclose(summed(model, inputs, targets, noise(clip)), expected, rtol=1e-4, atol=1e-5)


def test_memory_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (inputs, targets) = MODELS["mlp"](), rows(20)
    whole = summed(model, inputs, targets, noise())
    monkeypatch.setattr(gradients, "AT_ONCE", 3 * 53)
    assert torch.allclose(summed(model, inputs, targets, noise()), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [1.0, 1e3, 1e18, 1e30, float("inf"), float("nan")])
def test_one_row_moves_the_sum_by_no_more_than_the_clip(name: str, size: float) -> None:
    torch.manual_seed(2)
    model, (inputs, targets) = MODELS[name](), rows(1)
    moved = summed(model, inputs * size, targets, noise(0.5))
    assert torch.isfinite(moved).all()
    assert float(moved.double().norm()) <= 0.5


@pytest.mark.parametrize("clip", [1e-6, 1.3e-6, 1.7e-6, 0.7, 1e6])
def test_float32_moves_no_sum_beyond_the_clip(clip: float) -> None:
    """A tiny scale keeps its digits, and what many rows add up to rounds no row away, in whatever order they come."""
    generator = torch.Generator().manual_seed(3)
    huge, many = torch.full((1, 7), 1e38), torch.randn(30_000, 7, generator=generator) + 40

    def added(found: Any) -> Any:
        total = torch.zeros(7, dtype=torch.float64)
        gradients._add([total], [found], clip)
        return total

    unit = gradients.unit_of(clip)
    assert 0.99 * clip < float(added(huge).norm()) * unit <= clip
    whole = added(many)
    assert torch.equal(whole, added(many.flip(0)))
    for left_out in (0, 17, 29_999):
        fewer = torch.cat([many[:left_out], many[left_out + 1 :]])
        assert float((whole - added(fewer)).norm()) * unit <= clip


@pytest.mark.parametrize(("clip", "deviation"), [(1e-6, 0.1), (1.0, 2.36), (1e6, 1e6)])
def test_sums_and_noise_are_whole_numbers_of_one_unit(clip: float, deviation: float) -> None:
    """So their last bits are the noise's alone, and float64 holds them."""
    unit = gradients.unit_of(clip)
    assert clip / unit <= 1 << gradients.FINENESS
    found = gradients._noised(torch.full((1000,), 12345.0, dtype=torch.float64), noise(clip, deviation)) / unit
    assert torch.equal(found, found.round())
    assert float(found.abs().max()) < 2.0**53
    assert float(found.std()) * unit == pytest.approx(clip * deviation, rel=0.15)


def test_noise_has_the_deviation_that_is_asked_for() -> None:
    model, (inputs, targets) = nn.Linear(300, 300), rows(4)
    del inputs
    values = summed(model, torch.zeros(0, 300), targets[:0], noise(2.0, 3.0))
    assert float(values.std()) == pytest.approx(6.0, rel=0.02)
    assert abs(float(values.mean())) < 6 * 6.0 / len(values) ** 0.5


def test_a_step_without_rows_has_noise_all_the_same() -> None:
    model, (inputs, targets) = MODELS["mlp"](), rows(1)
    assert float(summed(model, inputs[:0], targets[:0], noise(1.0, 1.0)).norm()) > 1


def test_rows_are_drawn_independently_of_each_other() -> None:
    said = noise(sampling="0.25")
    counts = torch.zeros(40)
    for _ in range(2000):
        counts[drawn_rows(40, said)] += 1
    assert abs(counts - 500).max() < 6 * (2000 * 0.25 * 0.75) ** 0.5
