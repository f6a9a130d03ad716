"""What server optimisers are for: unlike parties need half of FedAvg's rounds (benchmarks/learning/optimisers.py)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

pytest.importorskip("sklearn")

from ledger.jobs.server import NONE, Dyn

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
pytestmark = pytest.mark.long


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from learning import optimisers

    yield optimisers
    for name in ("learning", "learning.optimisers", "measure", "scenes", "scenes.unlike", "scenes.perceptron"):
        sys.modules.pop(name, None)


def test_an_optimiser_needs_about_half_of_the_rounds(bench: ModuleType) -> None:
    plain, better = (bench.unlike.rounds_to(server, bench.BAR, bench.MOST, 3) for server in (NONE, Dyn(alpha="0.1")))
    assert max(plain) <= bench.MOST
    assert median(better) <= bench.LEAST * median(plain)
