"""Times until an event: hazards that are learnt, what is counted of them, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.training import context  # noqa: E402

from ledger.errors import Malformed  # noqa: E402
from ledger.releases.sums import add, figures_of  # noqa: E402
from participant.tasks.concordance import concordance  # noqa: E402
from participant.tasks.ready.survival import Survival, hazard_loss, risks_of  # noqa: E402

pytestmark = pytest.mark.node
SETTINGS: dict[str, Any] = {
    "columns": ["a", "b"],
    "ranges": ["0:1", "0:1"],
    "time": "days",
    "event": "died",
    "bins": ["10", "20", "40"],
    "learning_rate": "0.5",
    "batch_size": 16,
    "epochs": 40,
}


def write(path: Path, rows: int = 120, seed: int = 1, shift: float = 0) -> Path:
    """The larger `a`, the shorter the time; some are lost from sight."""
    random = np.random.default_rng(seed)
    a, b = np.clip(random.uniform(0, 1, rows) + shift, 0, 1), random.uniform(0, 1, rows)
    times, lost = random.exponential(60 * np.exp(-4 * a)) + 0.5, random.uniform(5, 80, rows)
    lines = [f"{x:.5f},{y:.5f},{min(t, c):.4f},{int(t <= c)}" for x, y, t, c in zip(a, b, times, lost, strict=True)]
    path.write_text("\n".join(["a,b,days,died", *lines]) + "\n")
    return path


def learnt(task: Any, data: Any) -> Any:
    model = task.build_model(1)
    task.train(model, data, context(task, model))
    return model


@pytest.mark.parametrize("kind", [{}, {"model": "mlp", "hidden": ["8"]}])
def test_times_are_learnt(tmp_path: Path, kind: dict[str, Any]) -> None:
    task = Survival({**SETTINGS, **kind})
    data = task.load_data(write(tmp_path / "data.csv"))
    before, after = task.evaluate(task.build_model(1), data), task.evaluate(learnt(task, data), data)
    assert after["concordance"] > 0.65
    assert after["binned_concordance"] > 0.65
    for name in ("loss", "log_loss", "brier"):
        assert after[name] < before[name]
    assert after["samples"] == 120


def test_what_is_known_of_rows_by_bin(tmp_path: Path) -> None:
    """An event in its bin; a row lost from sight outlived the bins of which it was there for half at least."""
    path = tmp_path / "rows.csv"
    rows = ["9.9,1", "10,1", "40,1", "4.9,0", "5,0", "15,0", "31,0", "400,0"]
    path.write_text("a,b,days,died\n" + "\n".join(f"0,0,{row}" for row in rows) + "\n")
    labels = Survival(SETTINGS).load_data(path).targets[:, :3].tolist()
    unknown = None
    expected = [
        [1, unknown, unknown],
        [0, 1, unknown],
        [0, 0, 0],
        [unknown, unknown, unknown],
        [0, unknown, unknown],
        [0, 0, unknown],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert [[None if value != value else value for value in row] for row in labels] == expected  # noqa: PLR0124


def test_the_loss_is_that_of_the_likelihood() -> None:
    outputs = torch.tensor([[0.3, -1.0, 2.0], [0.5, 0.5, 0.5]], dtype=torch.float64)
    nan = float("nan")
    targets = torch.tensor([[0, 1, nan, 15, 1], [0, nan, nan, 6, 0]], dtype=torch.float64)
    hazards = torch.sigmoid(outputs)
    expected = -(torch.log(1 - hazards[0, 0]) + torch.log(hazards[0, 1]) + torch.log(1 - hazards[1, 0])) / 2
    assert hazard_loss(outputs, targets) == pytest.approx(float(expected))
    assert risks_of(torch.full((1, 3), -50.0))[0] == pytest.approx(0)
    assert risks_of(torch.full((1, 3), 50.0))[0] == pytest.approx(1)


def test_counts_of_parties_are_the_figures_of_all_rows(tmp_path: Path) -> None:
    task = Survival(SETTINGS)
    parts = [task.load_data(write(tmp_path / f"{k}.csv", 40, k, shift=k / 4)) for k in (0, 1, 2)]
    pooled, model = task.join(parts), learnt(task, parts[0])
    together = add([task.sums(model, part) for part in parts])
    assert together == task.sums(model, pooled)
    assert together is not None
    found = {name: float(value) for name, value in figures_of(together).items()}
    whole = task.evaluate(model, pooled)
    assert found.items() <= whole.items()
    mean = np.mean([task.evaluate(model, part)["binned_concordance"] for part in parts])
    assert found["binned_concordance"] != pytest.approx(mean, abs=1e-3)


def test_with_fine_bins_the_order_is_that_of_the_exact_times(tmp_path: Path) -> None:
    task = Survival(SETTINGS | {"bins": [str(time) for time in range(2, 82, 2)]})
    data = task.load_data(write(tmp_path / "data.csv", 400))
    found = task.evaluate(learnt(task, data), data)
    assert found["binned_concordance"] == pytest.approx(found["concordance"], abs=0.03)


def test_a_model_that_says_no_number_is_counted_all_the_same(tmp_path: Path) -> None:
    task = Survival(SETTINGS)
    data, model = task.load_data(write(tmp_path / "data.csv")), task.build_model(1)
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    found = figures_of(task.sums(model, data))
    assert (found["log_loss"], found["brier"]) == (64, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.booleans(), st.sampled_from([0.1, 0.2, 0.3, 0.9])), min_size=1, max_size=40
    )
)
def test_concordance_is_that_of_all_pairs(rows: list[tuple[int, bool, float]]) -> None:
    worth = [
        0.5 * (1 + (risk > other) - (risk < other))
        for time, ended, risk in rows
        for until, seen, other in rows
        if ended and (until > time or (until == time and not seen))
    ]
    times, ended, risks = (np.array(column) for column in zip(*rows, strict=True))
    found = concordance(times.astype(float), ended, risks)
    assert found == (pytest.approx(sum(worth) / len(worth)) if worth else None)


@pytest.mark.parametrize(
    "bins", [[], ["0", "5"], ["5", "5"], ["9", "5"], ["-1", "5"], ["soon"], [str(k) for k in range(1, 66)]]
)
def test_bins_that_cut_no_time_are_refused(bins: list[str]) -> None:
    with pytest.raises(Malformed, match="bins"):
        Survival(SETTINGS | {"bins": bins})


def test_a_column_has_one_meaning() -> None:
    for other in ({"time": "a"}, {"event": "days"}):
        with pytest.raises(Malformed, match="different columns"):
            Survival(SETTINGS | other)


@pytest.mark.parametrize(
    ("row", "message", "column"),
    [
        ("0.5,0.5,,1", "a value is missing", "days"),
        ("0.5,0.5,NaN,1", "a value is missing", "days"),
        ("0.5,0.5,-3,1", "a time is negative", "days"),
        ("0.5,0.5,soon,1", "not a number", "days"),
        ("0.5,0.5,3,2", "an event is 0 or 1", "died"),
        ("0.5,0.5,3,", "a value is missing", "died"),
        ("0.5,1.5,3,1", "outside the range", "b"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, message: str, column: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"a,b,days,died\n0.5,0.5,15,1\n{row}\n")
    with pytest.raises(Malformed, match=message) as caught:
        Survival(SETTINGS).load_data(path)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (3, column)


def test_rows_of_which_nothing_is_known_are_no_data(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("a,b,days,died\n0.5,0.5,1,0\n0.5,0.5,2,0\n")
    with pytest.raises(Malformed, match="no row was in sight"):
        Survival(SETTINGS).load_data(path)
