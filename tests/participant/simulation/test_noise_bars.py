"""Real rows, four clients, ten rounds, ε = 4: what the product's own training comes to (benchmarks/bench_noise.py)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
pytest.importorskip("sklearn")

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
pytestmark = [pytest.mark.node, pytest.mark.long]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import bench_noise

    yield bench_noise
    for name in ("bench_noise", "measure", "scenes", "scenes.noise"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["breast cancer", "digits"])
def test_noise_costs_little_accuracy(bench: ModuleType, name: str) -> None:
    scene, least = bench.BARS[name]
    plain, noisy = bench.planned(scene, ("4",), bench.SEEDS)
    assert noisy.figures["accuracy"] >= least
    assert plain.figures["accuracy"] >= noisy.figures["accuracy"] - 0.02
    assert noisy.admitted == 4
    assert noisy.noise.epsilon(noisy.noise.budget) <= 4
