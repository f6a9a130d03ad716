"""Average precision is what scikit-learn has of it, ties and all."""

import math

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
metrics = pytest.importorskip("sklearn.metrics")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from participant.comparing.ranking import average_precision  # noqa: E402

pytestmark = pytest.mark.node


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=40))
def test_it_is_scikit_learns(rows: list[tuple[int, bool]]) -> None:
    margins, targets = [float(margin) for margin, _ in rows], [int(target) for _, target in rows]
    found = average_precision(torch.tensor(margins), torch.tensor(targets))
    if not any(targets):
        assert math.isnan(found)
        return
    assert found == pytest.approx(metrics.average_precision_score(targets, margins))
