"""What a profile says of columns is what is in them: figures, what stands for missing, people, what is double."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ledger.errors import UsageError
from participant.profile.document import Profile, Remark
from participant.profile.numbers import NumberFigures
from participant.profile.page import page
from participant.profile.people import by_look, by_name
from participant.profile.profile import ProfileRequest, profile
from participant.profile.unique import Doubled
from participant.tasks.data.sources import blocks

pytestmark = pytest.mark.node
HEART = Path(__file__).parents[4] / "shared" / "data" / "heart"
NAMES = [
    "age",
    "sex",
    "cp",
    "trestbps",
    "chol",
    "fbs",
    "restecg",
    "thalach",
    "exang",
    "oldpeak",
    "slope",
    "ca",
    "thal",
    "num",
]


def of(folder: Path, content: str, **request: object) -> Profile:
    path = folder / "t.csv"
    path.write_text(content)
    return profile(ProfileRequest(path, **request))[0]  # type: ignore[arg-type]


def warned(found: Profile, kind: str) -> dict[str, Remark]:
    """Warnings of a kind, by column."""
    return {one.column: one for one in found.warnings if one.kind == kind}


finite = st.floats(-1e12, 1e12, allow_subnormal=False)
repeated = st.lists(st.tuples(finite, st.integers(1, 9)), min_size=1, max_size=20)


@given(st.lists(repeated, min_size=1, max_size=5))
def test_figures_of_batches_are_those_of_all_numbers(batches: list[list[tuple[float, int]]]) -> None:
    figures = NumberFigures()
    for batch in batches:
        figures.add(np.array([number for number, _ in batch]), np.array([count for _, count in batch]))
    every = np.array([number for batch in batches for number, count in batch for _ in range(count)])
    found = figures.result()
    assert found is not None
    assert (found.count, found.minimum, found.maximum) == (len(every), every.min(), every.max())
    assert found.zeros == (every == 0).sum()
    assert_allclose(found.mean, every.mean(), rtol=1e-9, atol=1e-6 * (abs(every).max() + 1))
    spread = every.std(ddof=1) if len(every) > 1 else 0.0
    assert_allclose(found.deviation, spread, rtol=1e-6, atol=1e-6 * (abs(every).max() + 1))
    assert sum(one.count for one in found.histogram) == len(every)
    for one in found.histogram:
        assert one.count == ((every >= one.low) & (every < one.high)).sum()
    assert len(found.histogram) <= 82, "two times forty, and an edge on each side"


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=5))
def test_rows_that_repeat_are_counted_with_their_lines(batches: list[list[str]]) -> None:
    import polars as pl

    doubled, line, seen, repeats = Doubled(), 1, set[str](), list[int]()
    for batch in batches:
        lines = np.arange(line, line + 2 * len(batch), 2)
        doubled.add(pl.DataFrame({"0": batch, "1": batch}, schema={"0": pl.String, "1": pl.String}), lines)
        for cell, at in zip(batch, lines.tolist(), strict=True):
            repeats += [at] if cell in seen else []
            seen.add(cell)
        line += 2 * len(batch)
    assert doubled.found(3) == (len(repeats), tuple(repeats[:3]))


def rows(column: list[object], name: str = "chol") -> str:
    return f"{name},x\n" + "".join(f"{value},{place % 7}.5\n" for place, value in enumerate(column))


SENTINELS = {
    "zeros": ([*range(120, 300), 0, 0, 0], {0.0: (3, (182, 183, 184))}),
    "-1 and 999": ([*range(20, 90), -1, 999], {-1.0: (1, (72,)), 999.0: (1, (73,))}),
    "all of them zero": ([0] * 40, {0.0: (40, (2, 3, 4, 5, 6))}),
    "zeros that belong there": (list(range(60)), {}),
    "few values": ([0, 1, 2, 3] * 20, {}),
    "9 among others": ([value / 10 for value in range(200)], {}),
}


@pytest.mark.parametrize(("column", "expected"), SENTINELS.values(), ids=SENTINELS.keys())
def test_numbers_that_mean_not_measured_are_suspected(
    tmp_path: Path, column: list[object], expected: dict[float, tuple[int, tuple[int, ...]]]
) -> None:
    found = of(tmp_path, rows(column))
    suspected = {
        float(one.example): (one.count, one.lines)
        for one in found.warnings
        if (one.kind, one.column) == ("sentinel", "chol")
    }
    assert suspected == expected


def test_a_suspected_number_is_missing_once_the_columns_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(rows([*range(120, 300), 0, 0, 0]))
    columns = tmp_path / "t.csv.columns.toml"
    columns.write_text(
        'format = "fedledger/columns/1"\ncolumns = [{name = "chol", missing = ["0"]}, {name = "x"}]\n[file]\n'
    )
    found = profile(ProfileRequest(path))[0]
    assert not found.made
    assert (found.columns[0].missing, found.columns[0].numbers.minimum) == (3, 120)  # type: ignore[union-attr]
    assert warned(found, "sentinel") == {}


TELLING = ("name", "Patient ID", "patientName", "姓名", "病歷號", "DateOfBirth", "e-mail", "postcode")
HARMLESS = ("age", "diagnosis", "namely", "width", "hospital", "診斷")


@pytest.mark.parametrize("name", [*TELLING, *HARMLESS])
def test_a_name_that_says_that_a_column_tells_who_somebody_is(name: str) -> None:
    assert by_name(name) == (name in TELLING)


@pytest.mark.parametrize(
    ("cell", "what"),
    [("ann@example.org", "e-mail"), ("A123456789", "identity"), ("0912345678", "telephone"), ("61", ""), ("0.5", "")],
)
def test_cells_that_look_like_what_tells_people(cell: str, what: str) -> None:
    assert what in by_look([cell, cell, ""])
    assert bool(by_look([cell])) == bool(what)


def test_a_column_in_which_every_value_stands_once_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 2000)
    lines = [f"k{n * 7919 % 1000:03d},{n * 7919 % 1000},{n / 3:.3f},{n % 40}\n" for n in range(1000)]
    found = of(tmp_path, "code,number,measure,age\n" + "".join(lines))
    assert set(warned(found, "tells-people")) == {"code", "number"}
    assert warned(found, "tells-people")["code"].count == 1000
    twice = of(tmp_path, "code,number,measure,age\n" + "".join([*lines, "k000,0,7.7,1\n"]))
    assert warned(twice, "tells-people") == {}, "the last row's code stands in the first batch, too"


def test_a_column_that_is_ignored_is_not_warned_of_again(tmp_path: Path) -> None:
    content = "patient_id,mail,age\n" + "".join(f"{n},p{n}@example.org,{20 + n % 50}\n" for n in range(300))
    assert set(warned(of(tmp_path, content), "tells-people")) == {"patient_id", "mail"}
    (tmp_path / "t.csv.columns.toml").write_text(
        'format = "fedledger/columns/1"\ncolumns = [{name = "patient_id", kind = "ignore"}, '
        '{name = "mail", kind = "ignore"}, {name = "age"}]\n[file]\n'
    )
    assert warned(of(tmp_path, content), "tells-people") == {}


def test_classes_with_few_rows_and_alike_texts_are_warned_of(tmp_path: Path) -> None:
    content = "age,ill\n" + "".join(
        f"{20 + n % 50},{'Yes' if n == 7 else 'yes' if n % 30 == 0 else 'no'}\n" for n in range(400)
    )
    found = of(tmp_path, content, label="ill")
    assert [one.example for one in found.warnings if one.kind == "classes"] == ["yes", "Yes"]
    assert warned(found, "alike")["ill"].count == 2
    with pytest.raises(UsageError, match="the label is no column"):
        of(tmp_path, content, label="sick")


def test_the_page_is_whole_in_itself_and_shows_foreign_text_as_text(tmp_path: Path) -> None:
    evil = "</title><script>alert(1)</script>"
    content = f'"{evil}",age\n' + "".join(f'"{evil}{n % 3}\u202e",{n}\n' for n in range(50)) + '"x",forty\n'
    shown = page(of(tmp_path, content))
    assert "<script" not in shown.lower()
    assert "\u202e" not in shown
    assert re.findall(r"(?:src|href|url)\s*[=(]", shown) == []
    assert "default-src 'none'" in shown
    assert shown.count("<svg") == 2
    assert "text stands in a column of numbers" in shown


@pytest.mark.skipif(not HEART.is_dir(), reason="the heart data are not here")
@pytest.mark.parametrize("site", ["cleveland", "hungarian", "switzerland", "va"])
def test_the_heart_data_as_they_are(tmp_path: Path, site: str) -> None:
    content = (HEART / f"processed.{site}.data").read_text()
    path = tmp_path / f"{site}.data"
    path.write_text(content)
    found = profile(ProfileRequest(path))[0]
    lines = [line.split(",") for line in content.splitlines()]
    assert (found.right, found.rows, found.reading.header) == (True, len(lines), False)
    for place, column in enumerate(found.columns):
        cells = [line[place] for line in lines]
        assert column.missing == cells.count("?")
        if column.numbers is not None:
            numbers = [float(cell) for cell in cells if cell != "?"]
            assert (column.numbers.minimum, column.numbers.maximum) == (min(numbers), max(numbers))
    labels = Counter(line[13] for line in lines)
    assert {one.value: one.count for one in found.columns[13].categories} == labels
    suspected = {NAMES[int(name.split()[1]) - 1] for name in warned(found, "sentinel")}
    assert suspected >= {"switzerland": {"chol"}, "va": {"chol", "trestbps"}}.get(site, set())
