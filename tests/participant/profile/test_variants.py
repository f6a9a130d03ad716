"""One table as forty programs write it: each is read right, or refused with every fault listed in one run."""

from pathlib import Path

import numpy as np
import pytest
from support import tables

from ledger.errors import Malformed
from participant.profile.document import Profile
from participant.profile.profile import ProfileRequest, profile
from participant.tasks.data.sources.columns_file import beside, encode
from participant.tasks.data.tables import Schema, read_csv

pytestmark = pytest.mark.node
NAMES = [
    *tables._encodings(),
    *tables._dialects(),
    *tables._marks(),
    *("Excel", "Excel with dates", "Excel with a title", "Excel with numbers in texts", "Parquet", "SQLite"),
]


def looked_at(path: Path, **request: object) -> Profile:
    """The profile of a file whose columns file is kept, as the command does."""
    found, columns = profile(ProfileRequest(path, **request))  # type: ignore[arg-type]
    beside(path).write_bytes(encode(columns, path.name))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_read_right_with_nothing_edited(tmp_path: Path, name: str) -> None:
    variant = tables.right(tmp_path)[name]
    path = tmp_path / variant.name
    path.write_bytes(variant.content)
    for file, content in variant.beside.items():
        (tmp_path / file).write_bytes(content)
        (tmp_path / file).chmod(0o600)
    found = looked_at(path, url_file="where.url" if "where.url" in variant.beside else "")
    assert found.faults == (), found.faults
    assert found.whole
    assert found.rows == len(tables.ROWS)
    for field, value in variant.reading.items():
        assert getattr(found.reading, field) == value
    *columns, label = variant.columns
    table = read_csv(path, Schema(tuple(columns), label, ("no", "yes")))
    np.testing.assert_array_equal(table.values, tables.VALUES)
    assert table.targets.tolist() == tables.TARGETS
    again = profile(ProfileRequest(path))[0]
    assert not again.made, "the columns file is the truth from then on"
    assert (again.columns, again.faults) == (found.columns, ())


PLAIN = tables.text()


def body(*rows: str, header: str = "code,age,ill") -> bytes:
    """Forty good rows, then others."""
    good = "".join(f"c{place},{20 + place},{'yes' if place % 2 else 'no'}\n" for place in range(40))
    return (header + "\n" + good + "".join(row + "\n" for row in rows)).encode()


def merged(sheet: object) -> None:
    """Merge two cells of the table."""
    sheet.merge_cells("A2:A3")  # type: ignore[attr-defined]


FAULTS = {
    "faults of many kinds": (
        body("x,forty,yes", "x,41", "x,4_0,yes", "x,４０,no", "x,9007199254740993,no", "x,1,2,3", "x,1e999,no"),
        {
            ("uneven-row", "", 2, (43, 47)),
            ("text-in-numbers", "age", 3, (42, 44, 45)),
            ("number-too-large", "age", 2, (46, 48)),
        },
    ),
    "an open quotation mark": (body('x,"30,yes', "y,31,no"), {("unreadable", "", 1, (43,))}),
    "two columns with one name": (body(header="age,age,ill"), {("doubled-column", "", 2, ())}),
    "numbers that can be read in two ways": (
        b"code;dose;ill\n" + b"".join(b"c%d;%d,%d00;no\n" % (n, n % 9 + 1, n % 9 + 1) for n in range(40)),
        {("doubtful-number", "", 1, ())},
    ),
    "a date that is none": (
        ("visit,age\n" + "2024-01-03,40\n" * 30 + "soon,41\n").encode(),
        {("not-a-date", "visit", 1, (32,))},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_listed_in_one_run(tmp_path: Path, name: str) -> None:
    content, expected = FAULTS[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    found = looked_at(path)
    assert {(one.kind, one.column, one.count, one.lines) for one in found.faults} == expected
    assert not found.right


@pytest.mark.parametrize(("numbers", "asked"), [(("1.234", "12.500", "900"), True), (("1.234", "0.500"), False),
                                              (("1.234", "12.5"), False)])  # fmt: skip
def test_points_that_may_stand_before_thousands_are_asked_about(
    tmp_path: Path, numbers: tuple[str, ...], asked: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("dose;ill\n" + "".join(f"{number};no\n" for number in numbers))
    found = looked_at(path)
    assert found.right
    assert [one.example for one in found.warnings if one.kind == "doubtful-number"] == ["1.234"] * asked


def test_bytes_of_another_encoding_are_a_fault_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.encode())
    looked_at(path)
    path.write_bytes(PLAIN.encode().replace(b"Cid", b"C\xedd"))
    found = looked_at(path)
    assert [(one.kind, one.lines) for one in found.faults] == [("not-in-encoding", (4,))]
    assert (found.rows, found.made) == (len(tables.ROWS), False), "what can be read is looked at all the same"


def test_merged_cells_are_a_fault_and_formulas_are_named(tmp_path: Path) -> None:
    def change(sheet: object) -> None:
        merged(sheet)
        sheet["D4"] = "=B4*2"  # type: ignore[index]

    path = tmp_path / "t.xlsx"
    path.write_bytes(tables.workbook([tables.HEADER, *tables.ROWS], change))
    found = looked_at(path)
    assert [(one.kind, one.count) for one in found.faults] == [("merged-cells", 1)]
    assert "A2:A3" in found.faults[0].message
    formulas = next(one for one in found.warnings if one.kind == "formulas")
    assert (formulas.count, "D4" in formulas.message) == (1, True)
    missing = {one.column: one.lines for one in found.warnings if one.kind == "missing"}
    assert missing["units"] == (4,), "Excel saved no value of the formula: it is missing, and said to be"


@pytest.mark.parametrize("mark", ["?", "NA", "", "#N/A", "未知"])
def test_missing_values_are_counted_and_their_rows_left_out_only_on_request(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.replace(",40,", f",{mark},").replace(",55,", f",{mark},").encode())
    found = looked_at(path)
    assert found.right
    missing = [(one.column, one.count, one.lines) for one in found.warnings if one.kind == "missing"]
    assert missing == [("age", 2, (3, 5))]
    schema = Schema(("age", "dose", "units"), "ill", ("no", "yes"))
    with pytest.raises(Malformed, match="a value is missing") as caught:
        read_csv(path, schema)
    assert caught.value.facts["line"] == 3
    columns = beside(path)
    columns.write_text(columns.read_text().replace('"refuse"', '"leave out"'))
    assert read_csv(path, schema).lines == [2, 4, 6, 7]


def test_an_abbreviation_among_decimal_commas_is_a_text_and_no_number(tmp_path: Path) -> None:
    """A German "k.A." has points, and no digit: its marks are not what is wrong."""
    path = tmp_path / "t.csv"
    path.write_text("Alter;CRP;krank\n" + "".join(f"{20 + n};{n % 9},5;ja\n" for n in range(40)) + "50;k.A.;nein\n")
    found = looked_at(path)
    assert [(one.kind, one.column, one.lines) for one in found.faults] == [("text-in-numbers", "CRP", (42,))]
    assert 'missing = ["TEXT"]' in found.faults[0].advice


def test_decimal_commas_below_a_header_are_no_other_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{20 + n % 50};{n % 9},5;{'ja' if n % 2 else 'nein'}\n" for n in range(120))
    path.write_text("Alter;CRP;krank\n" + rows)
    assert "doubtful-delimiter" not in {one.kind for one in looked_at(path).warnings}
    path.write_text("Alter;CRP,mg;krank\n" + rows)
    beside(path).unlink()
    assert "doubtful-delimiter" in {one.kind for one in looked_at(path).warnings}


def test_a_workbook_is_one_whatever_its_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(tables.right(tmp_path)["Excel"].content)
    found = looked_at(path)
    assert (found.reading.kind, found.rows, found.faults) == ("excel", len(tables.ROWS), ())
    assert len(read_csv(path, Schema(("age",), "ill", ("no", "yes"))).targets) == len(tables.ROWS)
