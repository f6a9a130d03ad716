"""The geometry of charts: every point within its frame and in its place, for any figures."""

import itertools

import pytest

from ledger.releases.report import RoundFigures
from web.documents.rounds import Activity
from web.drawing.charts import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, bars, line, metrics_of, share


def rounds(*values: str, metric: str = "accuracy") -> list[RoundFigures]:
    return [RoundFigures(round=number, metrics={metric: value}) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    "values",
    [
        ("0.5", "0.9", "0.95"),
        ("0.9", "0.9"),
        ("0", "0"),
        ("-3.5", "2"),
        ("0.000000000000000001", "0.000000000000000002"),
        ("999999999999999999", "-999999999999999999"),
        ("1", "1.000000000000000001"),
    ],
)
def test_every_point_is_within_the_frame_and_between_the_lines_of_the_scale(values: tuple[str, ...]) -> None:
    chart = line(rounds(*values), "accuracy")
    assert [point.text for point in chart.points] == list(values)
    for point in chart.points:
        assert LEFT <= point.x <= WIDTH - RIGHT
        assert TOP - 0.1 <= point.y <= HEIGHT - BOTTOM + 0.1
    heights = [tick.at for tick in chart.values]
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(heights) <= 8
    assert len({tick.label for tick in chart.values}) == len(heights)
    assert chart.path.startswith(f"M{chart.points[0].x:g} {chart.points[0].y:g}")


def test_higher_is_higher_and_later_is_further_right() -> None:
    chart = line(rounds("0.5", "0.7", "0.6"), "accuracy")
    first, second, third = chart.points
    assert first.y > third.y > second.y
    assert first.x < second.x < third.x
    assert (chart.lowest.round, chart.highest.round, chart.last.round) == (1, 2, 3)
    assert [tick.label for tick in chart.rounds] == ["1", "2", "3"]


def test_the_page_s_round_is_marked_if_it_is_in_the_line() -> None:
    marked = line(rounds("0.5", "0.7", "0.6"), "accuracy", 2).marked
    assert marked is not None and (marked.round, marked.text) == (2, "0.7")
    assert line(rounds("0.5", "0.7"), "accuracy", 3).marked is None
    assert line(rounds("0.5", "0.7"), "accuracy").marked is None


def test_a_long_line_is_thinned_and_keeps_its_ends_and_extremes() -> None:
    values = ["0.5"] * 9_999 + ["0.9"]
    values[5_001] = "0.1"
    chart = line(rounds(*values), "accuracy")
    assert len(chart.points) <= MOST_POINTS + 1
    assert (chart.points[0].round, chart.points[-1].round) == (1, 10_000)
    assert (chart.lowest.round, chart.highest.round) == (5_002, 10_000)
    labels = [int(tick.label) for tick in chart.rounds]
    assert labels[0] == 1 and labels[-1] == 10_000 and len(labels) <= 9
    assert all(after - before >= 500 for before, after in itertools.pairwise(labels))


def test_a_line_needs_two_rounds_and_accuracy_comes_first() -> None:
    figures = [
        RoundFigures(round=0, metrics={"loss": "1", "auc": "0.5", "accuracy": "0.5"}),
        RoundFigures(round=2, metrics={"loss": "0.5", "auc": "0.7", "accuracy": "0.8", "once": "1"}),
        RoundFigures(round=3, metrics={}),
    ]
    assert metrics_of(figures) == ["accuracy", "loss", "auc"]
    assert metrics_of(figures[:1]) == []
    assert [point.round for point in line(figures, "loss").points] == [0, 2]


def test_bars_stand_on_the_ground_and_share_one_scale() -> None:
    made = bars([Activity(round=1, admitted=3, refused=1, open=0), Activity(round=2, admitted=0, refused=0, open=2)])
    assert made.most == 4
    (admitted, refused), (waiting,) = (bar.parts for bar in made.bars)
    assert admitted == ("for", 14.0, 42.0)
    assert refused == ("against", 0.0, 14.0)
    assert waiting == ("wait", 28.0, 28.0)
    assert bars([]).bars == ()


def test_only_a_figure_between_nothing_and_all_is_a_share() -> None:
    assert [share(text) for text in ("0", "0.5", "1", "1.1", "-0.1")] == [0.0, 0.5, 1.0, None, None]
