"""Four real hospitals scored: every coalition is measured, and the scores are what all gained, shared out."""

from itertools import combinations
from pathlib import Path

import pytest

DATA = (
    "needs UCI's Heart Disease (CC BY 4.0, https://archive.ics.uci.edu/dataset/45/heart+disease; FLamby's Fed-Heart-"
    "Disease is the same): its processed.{cleveland,hungarian,switzerland,va}.data in shared/data/heart, beside the "
    "checkout or in it"
)
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.parametrize("utility", ["auc", "accuracy", "loss"])
def test_four_hospitals_share_what_they_gained(utility: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from scenes import hospitals
    from scenes.perceptron import HEART, heart

    if not HEART.exists():
        pytest.skip(DATA)
    assert [len(rows) for rows in heart().values()] == [303, 261, 46, 130]
    names, table, scores = hospitals.heart_round(utility, rounds=1)
    assert names == ["Cleveland", "Hungary", "Switzerland", "Long Beach"]
    assert set(table) == {frozenset(some) for size in range(5) for some in combinations(range(4), size)}
    assert abs(sum(scores) - (table[frozenset(range(4))] - table[frozenset()])) <= 2
    assert min(scores[:2]) > scores[2]
    assert hospitals.heart_round(utility, rounds=1) == (names, table, scores)
