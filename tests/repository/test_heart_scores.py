"""Four real hospitals scored: every coalition is measured, and the scores are what all gained, shared out."""

from itertools import combinations
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.parametrize("utility", ["auc", "accuracy", "loss"])
def test_four_hospitals_share_what_they_gained(utility: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import bench_scores
    from perceptron import HEART, heart

    if not HEART.exists():
        pytest.skip("the real data sets are not on this machine")
    assert [len(rows) for rows in heart().values()] == [303, 261, 46, 130]
    names, table, scores = bench_scores.heart_round(utility, rounds=1)
    assert names == ["Cleveland", "Hungary", "Switzerland", "Long Beach"]
    assert set(table) == {frozenset(some) for size in range(5) for some in combinations(range(4), size)}
    assert abs(sum(scores) - (table[frozenset(range(4))] - table[frozenset()])) <= 2
    assert min(scores[:2]) > scores[2]
    assert bench_scores.heart_round(utility, rounds=1) == (names, table, scores)
