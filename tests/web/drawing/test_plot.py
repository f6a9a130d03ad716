"""The geometry of figures: every point within its frame and in its place, for any values."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.documents.rounds import Activity
from web.drawing.columns import bars, share
from web.drawing.dots import LEFT as DOTS_LEFT
from web.drawing.dots import Datum, dots
from web.drawing.figure import LEAST_POINTS, MOST_POINTS, lines
from web.drawing.figure import places as short
from web.drawing.filters import number
from web.drawing.grid import grid
from web.drawing.language import texts
from web.drawing.marks import mark, style_class
from web.drawing.plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_SERIES,
    RIGHT,
    TOP,
    WIDTH,
    Plot,
    Series,
    Value,
    by_round,
    in_square,
)
from web.drawing.scale import rounds, scale
from web.drawing.stops import MOST_STOPS

NEAR = st.tuples(st.floats(1e-17, 1e18), st.integers(0, 40)).map(lambda of: (of[0], of[0] * (1 + of[1] * 2.0**-52)))


@given(NEAR)
def test_values_that_differ_in_their_last_digit_have_a_scale(values: tuple[float, float]) -> None:
    made = scale(values, 0, 100)
    assert made.low < made.high
    assert all(-0.1 <= made.at(value) <= 100.1 for value in values)
    assert made.ticks


def series(*values: str, name: str = "North") -> Series:
    return Series(name, tuple(Value(n, float(text), f"round {n}", text) for n, text in enumerate(values, 1)))


def places(plot: Plot, at: int = 0) -> list[tuple[float, float]]:
    """Where a line goes."""
    parts = plot.lines[at].path.removeprefix("M").split(" L")
    return [(float(x), float(y)) for x, y in (part.split() for part in parts)]


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
    plot = by_round([series(*values)])
    for x, y in places(plot):
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1
    heights = [tick.at for tick in plot.up]
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(heights) <= 8
    assert len({tick.label for tick in plot.up}) == len(heights)
    assert [text for stop in plot.stops for _, _, text in stop.said] == list(values)


def test_higher_is_higher_and_later_is_further_right() -> None:
    plot = by_round([series("0.5", "0.7", "0.6")])
    first, second, third = places(plot)
    assert first[1] > third[1] > second[1]
    assert first[0] < second[0] < third[0]
    assert [tick.label for tick in plot.across] == ["1", "2", "3"]


def test_the_page_s_round_is_marked_if_it_is_in_a_line() -> None:
    lines = [series("0.5", "0.7", "0.6")]
    assert by_round(lines, 2).marked == places(by_round(lines))[1][0]
    assert by_round(lines, 4).marked is None
    assert by_round(lines).marked is None


def test_a_scale_without_zero_says_so() -> None:
    assert by_round([series("0.996", "1")]).cut == ("0.996", "1.000")
    assert by_round([series("0", "1")]).cut is None
    assert by_round([series("-1", "1")]).cut is None


@pytest.mark.parametrize(
    ("text", "share", "ends"), [("1", True, (0.5, 1)), ("1", False, (0.5, 1.5)), ("0", True, (0, 0.5))]
)
def test_a_value_alone_is_between_two_lines_and_a_share_ends_at_one(
    text: str, share: bool, ends: tuple[float, float]
) -> None:
    plot = by_round([series(text, text)], share=share)
    assert (float(plot.up[0].label), float(plot.up[-1].label)) == ends
    assert by_round([series("1.5", "1.5")], share=True).up[-1].label == "2.0", "a report may state anything"


def test_words_under_a_figure_say_whose_line_they_are_of() -> None:
    north, south = ("North", False, {1: "0.5", 2: "0.75"}), ("South", False, {1: "0.5", 2: "0.25"})
    mean = ("All", True, {1: "0.5", 2: "0.5"})
    said = lines(texts("en"), "a", "A", [north, mean, south]).text
    assert said.startswith("\u2068All\u2069: from 0.5 in round 1 to 0.5 in round 2; lowest 0.5 in round 1")
    said = lines(texts("en"), "a", "A", [north, south]).text
    assert "lowest 0.25, \u2068South\u2069 in round 2; highest 0.75, \u2068North\u2069 in round 2." in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.991150", "0.9912"),
        ("-0.99115", "-0.9912"),
        ("0.00005", "0.0001"),
        ("0.99995", "1"),
        ("0.5", "0.5000"),
        ("134217728", "134,217,728"),
        ("-1234.5", "-1,234.5000"),
        ("1000000000", "1.000e+09"),
        (Fraction(112, 113), "0.9912"),
    ],
)
def test_half_of_the_last_place_is_rounded_up_from_the_text(text: str | Fraction, shown: str) -> None:
    assert short(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1234567.891", "1,234,567.891"),
        ("-1234.50", "-1,234.50"),
        ("0.0641", "0.0641"),
        ("1e-5", "1e-5"),
        ("1234.56789", '<span title="1234.56789">1,234.5679</span>'),
        ("1234567890123", '<span title="1234567890123">1.235e+12</span>'),
        ("nan", "nan"),
    ],
)
def test_a_number_of_a_report_has_its_thousands_apart(text: str, shown: str) -> None:
    assert number(text) == shown


def test_every_line_is_told_from_the_others() -> None:
    many = [(f"party {n}", False, {1: "0.1", 2: "0.2"}) for n in range(20)]
    plot = lines(texts("en"), "a", "A", many).drawing
    assert isinstance(plot, Plot)
    assert (len(plot.lines), plot.more) == (MOST_SERIES, 20 - MOST_SERIES)
    assert len({line.style for line in plot.lines}) == MOST_SERIES
    assert len({(line.short, line.sample, line.style) for line in plot.lines}) == MOST_SERIES
    assert {mark(n, 0, 0) for n in range(6)} == {mark(n, 0, 0) for n in range(12)}
    assert [style_class(n) for n in (-1, 0, 5, 6)] == ["main", "s0 d0", "s5 d0", "s0 d1"]


def test_a_long_line_is_thinned_and_keeps_its_ends_and_the_page_s_round() -> None:
    found = dict.fromkeys(range(1, 10000), "0.5") | {10_000: "0.9"}
    figure = lines(texts("en"), "a", "A", [("North", False, found)], 5_001)
    plot = figure.drawing
    assert isinstance(plot, Plot)
    assert len(figure.rows) == 10_000
    assert LEAST_POINTS <= len(places(plot)) <= MOST_POINTS + 2
    assert (places(plot)[0][0], places(plot)[-1][0]) == (LEFT, WIDTH - RIGHT)
    assert plot.marked is not None
    assert len(plot.stops) <= MOST_STOPS + 1
    labels = [int(tick.label) for tick in plot.across]
    assert labels[0] == 1 and labels[-1] == 10_000 and len(labels) <= 9
    assert all(after - before >= 500 for before, after in itertools.pairwise(labels))


@given(
    st.lists(st.lists(st.integers(0, 10**6).map(lambda n: n / 10**6), min_size=1, max_size=40), min_size=1, max_size=12)
)
def test_places_that_speak_cover_the_plot_once_and_what_they_say_fits(values: list[list[float]]) -> None:
    plot = by_round([series(*map(str, one), name=f"p{n}") for n, one in enumerate(values)])
    edges = [(stop.left, round(stop.left + stop.width, 1)) for stop in plot.stops]
    assert edges[0][0] == LEFT and edges[-1][1] == WIDTH - RIGHT
    assert all(before[1] == pytest.approx(after[0], abs=0.11) for before, after in itertools.pairwise(edges))
    for stop in plot.stops:
        left, wide, high = stop.box
        assert left >= 0 and left + wide <= WIDTH
        assert high <= HEIGHT - 4
        assert all(text for _, _, text in stop.said)


def test_shares_of_both_kinds_are_in_a_square_with_its_diagonal() -> None:
    plot = in_square([Series("all", (Value(0, 0, "0", "0"), Value(1, 1, "1", "1", 0.5, 1.0)), main=True)])
    assert places(plot) == [(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, TOP)]
    assert plot.diagonal and plot.cut is None
    assert plot.lines[0].intervals.count("M") == 1


def test_rounds_are_named_from_the_first_to_the_last() -> None:
    across, named = rounds([3], LEFT, WIDTH)
    assert (across.at(3), [tick.label for tick in named]) == (LEFT, ["3"])


def test_dots_stand_below_each_other_on_one_scale() -> None:
    made = dots([Datum("a", 0.5, "0.5", 0.4, 0.6), Datum("b", 0.9, "0.9")])
    first, second = made.dots
    assert first.start is not None and first.end is not None
    assert DOTS_LEFT <= first.start < first.x < first.end < second.x <= made.right
    assert first.y < second.y < made.bottom
    assert second.start is second.end is None
    assert made.cut is not None
    assert dots([Datum(f"p{n}", n, str(n)) for n in range(50)]).more == 26


def test_a_cell_is_as_dark_as_its_part_of_the_class() -> None:
    made = grid(((8, 2), (0, 0)))
    assert [cell.shade for cell in made.cells] == [4, 1, 0, 0]
    assert [(cell.true, cell.said, cell.count) for cell in made.cells][:2] == [(0, 0, 8), (0, 1, 2)]
    assert made.written and not grid([[1] * 64] * 64).written


def test_a_scale_encloses_all() -> None:
    made = scale([3.2, 17.9], 0, 100)
    assert made.low <= 3.2 and made.high >= 17.9
    assert (made.at(made.low), made.at(made.high)) == (0, 100)


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


def test_large_numbers_have_short_labels() -> None:
    assert [tick.label for tick in scale([903_000, 979_000], 0, 100).ticks] == ["900k", "920k", "940k", "960k", "980k"]
    assert [tick.label for tick in scale([0, 268_435_456], 0, 100).ticks][-1] == "300M"
    assert "0.90" in [tick.label for tick in scale([0.9, 0.95], 0, 100).ticks]
    assert [tick.label for tick in scale([1, 700], 0, 100).ticks][-1] == "800"
