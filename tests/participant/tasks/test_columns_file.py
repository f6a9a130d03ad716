"""The columns file is the truth: what it says holds for every read, and what it cannot say is refused."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from support import tables

from ledger.errors import Malformed, UsageError
from participant.tasks.data.sources.columns_file import Column, ColumnsFile, TableReading, beside, encode, load
from participant.tasks.data.sources.rows import open_rows
from participant.tasks.data.tables import Schema, read_csv
from participant.tasks.data.version import file_version

FORMAT = "fedledger/columns/1"
HEART = Schema(("age", "chol"), "ill", ("no", "yes"))


def kept(path: Path, *columns: Column, **reading: object) -> None:
    """Write a columns file beside a table."""
    found = ColumnsFile(FORMAT, TableReading(**reading), columns)  # type: ignore[arg-type]
    beside(path).write_bytes(encode(found, path.name))


def table(folder: Path, content: str) -> Path:
    path = folder / "heart.data"
    path.write_text(content)
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    columns = (Column("age", "Alter"), Column("sex", kind="category", values={"F": "0", "M": "1"}, missing=("x",)))
    found = ColumnsFile(FORMAT, TableReading(delimiter=";", decimal=",", thousands=".", skip=1), columns)
    path = tmp_path / "t.csv.columns.toml"
    path.write_bytes(encode(found, "t.csv"))
    assert load(path) == found


def test_a_table_without_header_with_marks_for_missing_and_labels_of_its_own(tmp_path: Path) -> None:
    path = table(tmp_path, "63,1,233,0\n67,1,0,2\n41,0,?,1\n37,1,250,3\n")
    labels = {"0": "no", "1": "yes", "2": "yes", "3": "yes", "4": "yes"}
    sex, chol = Column("sex", kind="ignore"), Column("chol", missing=("0",))
    columns = (Column("age"), sex, chol, Column("ill", kind="category", values=labels))
    kept(path, *columns, header=False, rows_with_missing="leave out")
    found = read_csv(path, HEART)
    np.testing.assert_array_equal(found.values, [[63, 233], [37, 250]])
    assert (found.targets.tolist(), found.lines) == ([0, 1], [1, 4])
    kept(path, *columns, header=False)
    with pytest.raises(Malformed, match="a value is missing") as caught:
        read_csv(path, HEART)
    assert (caught.value.facts["line"], caught.value.facts["column"]) == (2, "chol")


def test_columns_are_found_by_their_name_in_the_file_and_the_first_of_two_is_the_first(tmp_path: Path) -> None:
    path = table(tmp_path, "b,a,b\n1,2,3\n")
    kept(path, Column("x", "b"), Column("y", "b"), Column("a"))
    with open_rows(path) as rows:
        assert (rows.names, list(rows)) == (["x", "y", "a"], [(2, ["1", "3", "2"])])


REFUSED = {
    "another format": ('format = "fedledger/columns/2"', "'format' cannot be used"),
    "an unknown word": ("[file]\nquote = 1", "unknown field `quote`"),
    "no such encoding": ('[file]\nencoding = "utf-9"', "'encoding' cannot be used"),
    "an encoding of bytes": ('[file]\nencoding = "zlib"', "'encoding' cannot be used"),
    "a long delimiter": ('[file]\ndelimiter = "::"', "'delimiter' cannot be used"),
    "one mark for two things": ('[file]\ndecimal = ","\nthousands = ","', "'thousands' cannot be used"),
    "no columns": ("columns = []", "'columns' cannot be used"),
    "one name for two columns": ('columns = [{name = "a"}, {name = "a"}]', "'name' cannot be used"),
    "a name with spaces around": ('columns = [{name = " a"}]', "'name' cannot be used"),
    "numbers for texts": ('columns = [{name = "a", missing = [0]}]', "Expected `str`, got `int`"),
    "texts for numbers": ('columns = [{name = "a", values = {0 = "no"}}]', "'values' cannot be used"),
    "no TOML": ("[[", "cannot be read"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_columns_file_that_cannot_be_used_says_why(tmp_path: Path, words: str, message: str) -> None:
    path = tmp_path / "t.csv.columns.toml"
    given = (f'format = "{FORMAT}"', 'columns = [{name = "a"}]')
    lines = [*(line for line in given if not words.startswith(line.split(" ")[0])), words]
    path.write_text("\n".join(lines if "[file]" in words else [*lines, "[file]"]))
    with pytest.raises(Malformed, match=message) as caught:
        load(path)
    assert caught.value.facts["file"] == str(path)


TABLES = {
    "a column that is gone": ("age,ill\n1,no\n", "column 'chol' of the columns file is not in the table", None),
    "a value that is not listed": ("age,chol,ill\n1,2,maybe\n", "values do not list it", 2),
    "other marks": ("age,chol,ill\n1,2.5,no\n", "a point stands in it", 2),
    "marks of thousands out of place": ("age,chol,ill\n1,1'23,no\n", "before every third digit", 2),
}


@pytest.mark.parametrize(("content", "message", "line"), TABLES.values(), ids=TABLES.keys())
def test_a_table_that_does_not_keep_to_it_is_refused_with_its_place(
    tmp_path: Path, content: str, message: str, line: int | None
) -> None:
    path = table(tmp_path, content)
    label = Column("ill", kind="category", values={"no": "no", "yes": "yes"})
    kept(path, Column("age"), Column("chol"), label, decimal=",", thousands="'")
    with pytest.raises(Malformed, match=message) as caught:
        read_csv(path, HEART)
    assert caught.value.facts.get("line") == line


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.sql"])
def test_what_is_no_text_is_not_read_without_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(UsageError, match="no columns file") as caught:
        read_csv(tmp_path / name, HEART)
    assert "fedledger data profile" in caught.value.advice


def test_a_change_of_it_is_a_change_of_the_data(tmp_path: Path) -> None:
    path = table(tmp_path, "age,chol,ill\n1,2,no\n")
    before = file_version(path)
    kept(path, Column("age"))
    assert file_version(path) != before
    assert file_version(tmp_path / "nothing") == (0, 0)


@pytest.mark.parametrize("text", ["1.5", "1e3", " 7 ", "-0.25", "+3"])
def test_plain_numbers_come_to_the_same_with_a_columns_file(tmp_path: Path, text: str) -> None:
    path = table(tmp_path, f"age,chol,ill\n{text},2,no\n")
    before = read_csv(path, HEART).values.tobytes()
    kept(path, Column("age"), Column("chol"), Column("ill", kind="category"))
    assert read_csv(path, HEART).values.tobytes() == before


@pytest.mark.node
def test_the_leaves_of_a_table_are_the_same_however_it_is_written(tmp_path: Path) -> None:
    from participant.profile.profile import ProfileRequest, profile
    from participant.tasks.discovery import find

    settings = {
        "columns": list(tables.HEADER[1:4]),
        "ranges": ["0:120", "0:5", "0:2000000"],
        "label": "ill",
        "classes": ["no", "yes"],
    }
    task = find("tabular").kind(settings)
    plain = tmp_path / "plain.csv"
    plain.write_text(tables.text())
    expected = task.load_data(plain).leaves
    for name in ("Excel", "Parquet", "decimal commas", "UTF-16 with a mark", "points before thousands"):
        variant = tables.right(tmp_path)[name]
        path = tmp_path / variant.name
        path.write_bytes(variant.content)
        beside(path).write_bytes(encode(profile(ProfileRequest(path, again=True))[1], path.name))
        assert task.load_data(path).leaves == expected, name


@pytest.mark.node
def test_rows_are_left_out_for_what_a_job_needs_and_not_for_labels_that_may_be_absent(tmp_path: Path) -> None:
    from participant.tasks.data.columns import number, read_columns

    path = table(tmp_path, "age,chol,liver,note\n61;?;1;x\n40;200;;x\n55;210;0;\n".replace(",", ";"))
    columns = (Column("age"), Column("chol"), Column("liver"), Column("note", kind="text"))
    kept(path, *columns, delimiter=";", rows_with_missing="leave out")
    found = read_columns(path, {"age": number, "chol": number, "liver": lambda text: float(text or -1)})
    assert (found.values.tolist(), found.lines) == ([[40, 200, -1], [55, 210, 0]], [3, 4])


@pytest.mark.node
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_typed_cell_is_the_same_text_whatever_it_was_kept_in(tmp_path: Path, unit: Literal["ms", "us", "ns"]) -> None:
    import polars as pl

    from participant.tasks.data.sources.cells import text_of

    times = [datetime(2024, 1, 31), datetime(2024, 1, 31, 10, 30), datetime(2024, 1, 31, 10, 30, 0, 500000)]
    amounts, rates = [Decimal("2.00"), Decimal("1.50"), Decimal("100.00")], [2.0, -0.0, 0.1]
    frame = pl.DataFrame(
        {
            "seen": pl.Series(times, dtype=pl.Datetime(unit)),
            "paid": pl.Series(amounts, dtype=pl.Decimal(9, 2)),
            "r": rates,
        }
    )
    path = tmp_path / "t.parquet"
    frame.write_parquet(path)
    kept(path, Column("seen", kind="date"), Column("paid"), Column("r"), kind="parquet")
    with open_rows(path) as rows:
        found = [cells for _, cells in rows]
    assert found == [[text_of(one) for one in row] for row in zip(times, amounts, rates, strict=True)]
    assert found == [
        ["2024-01-31", "2", "2"],
        ["2024-01-31 10:30:00", "1.5", "0"],
        ["2024-01-31 10:30:00.500000", "100", "0.1"],
    ]


def test_a_class_called_none_is_no_missing_value_once_values_list_it(tmp_path: Path) -> None:
    path = table(tmp_path, "age,chol,ill\n61,233,none\n40,?,some\n55,210,some\n39,190,\n")
    label = Column("ill", kind="category", values={"none": "none", "some": "some"})
    kept(path, Column("age"), Column("chol"), label, rows_with_missing="leave out")
    found = read_csv(path, Schema(("age", "chol"), "ill", ("none", "some")))
    assert (found.lines, found.targets.tolist()) == ([2, 4], [0, 1])
