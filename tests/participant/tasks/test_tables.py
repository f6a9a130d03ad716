"""Reading private tables: every way one can be unclear has an error that names file, line, column and the way out."""

from pathlib import Path

import pytest

from ledger.errors import FedledgerError, Malformed, UsageError
from participant.tasks.data.tables import Schema, read_csv

SCHEMA = Schema(("age", "dose"), "ill", ("no", "yes"))
GOOD = "patient,age,dose,ill\n1,61,0.5,yes\n2,40,1e-3,no\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "hospital.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_is_read_by_column_name(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, GOOD), SCHEMA)
    assert table.values.tolist() == [[61, 0.5], [40, 0.001]]
    assert table.targets.tolist() == [1, 0]
    assert table.lines == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("age", ' age "'.replace('"', "")),
        GOOD + "\n  \n",
        GOOD.replace("0.5", '" 0.5"'),
    ],
    ids=["byte order mark", "Windows lines", "spaces in the header", "blank lines", "quotes"],
)
def test_usual_variations_are_read_alike(tmp_path: Path, text: str | bytes) -> None:
    assert read_csv(write(tmp_path, text), SCHEMA).values.tolist() == [[61, 0.5], [40, 0.001]]


BAD = {
    "missing value": (GOOD.replace("40", ""), "a value is missing", {"line": 3, "column": "age", "value": "''"}),
    "question mark": (GOOD.replace("0.5", "?"), "a value is missing", {"line": 2, "column": "dose", "value": "'?'"}),
    "nan": (GOOD.replace("0.5", "NaN"), "a value is missing", {"line": 2, "column": "dose"}),
    "infinite": (GOOD.replace("0.5", "inf"), "a value is missing", {"line": 2, "column": "dose", "value": "'inf'"}),
    "text": (GOOD.replace("40", "forty"), "text stands", {"line": 3, "column": "age", "value": "'forty'"}),
    "decimal comma": (GOOD.replace("0.5", '"0,5"'), "text stands", {"line": 2, "column": "dose", "value": "'0,5'"}),
    "unknown label": (GOOD.replace("yes", "maybe"), "none of the job's classes", {"line": 2, "classes": "no, yes"}),
    "missing label": (GOOD.replace("yes", ""), "a value is missing", {"line": 2, "column": "ill"}),
    "no rows": ("age,dose,ill\n", "no rows", {}),
    "empty": ("", "the file is empty", {}),
    "blank": ("\n \n", "the file is empty", {}),
    "missing column": ("age,ill\n1,yes\n", "column 'dose' is missing", {"line": 1, "columns": "age, ill"}),
    "missing label column": ("age,dose\n1,2\n", "column 'ill' is missing", {"line": 1}),
    "duplicate header": ("age,age,dose,ill\n1,1,2,yes\n", "'age' stands 2 times", {"line": 1}),
    "semicolons": ("age;dose;ill\n1;2;yes\n", "column 'age' is missing", {"line": 1}),
    "ragged row": (GOOD + "3,1,2\n", "another number of fields", {"line": 4, "expected": 4, "actual": 3}),
    "not UTF-8": (b"age,dose,ill\n1,2,n\xf3\n", "not UTF-8", {"line": 2}),
    "underscore": (GOOD.replace("40", "4_0"), "text stands", {"line": 3, "column": "age", "value": "'4_0'"}),
    "wide digits": (GOOD.replace("40", "４０"), "text stands", {"line": 3, "column": "age", "value": "'４０'"}),
    "row of blanks": (GOOD + ",,,\n", "a value is missing", {"line": 4, "column": "ill"}),
    "row of spaces": (GOOD + " , , , \n", "a value is missing", {"line": 4}),
    "identifier": (GOOD.replace("40", "9007199254740993"), "cannot be kept as it is", {"line": 3, "column": "age"}),
    "too large": (GOOD.replace("40", "1e400"), "cannot be kept as it is", {"line": 3, "column": "age"}),
    "open quote": ('age,dose,ill\n1,2,"yes\n', "not CSV", {}),
}


@pytest.mark.parametrize(("text", "message", "facts"), BAD.values(), ids=BAD.keys())
def test_what_is_unclear_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, message: str, facts: dict[str, object]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Malformed, match=message) as caught:
        read_csv(path, SCHEMA)
    assert caught.value.facts["file"] == str(path)
    assert facts.items() <= dict(caught.value.facts).items()
    assert caught.value.exit_code == 2


def test_the_way_out_is_said(tmp_path: Path) -> None:
    for name, words in (("semicolons", "commas"), ("decimal comma", "decimal point"), ("not UTF-8", "UTF-8")):
        with pytest.raises(Malformed) as caught:
            read_csv(write(tmp_path, BAD[name][0]), SCHEMA)
        assert words in caught.value.advice


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Age,dose,ill", "'Age' looks the same: they differ in upper and lower case"),
        ("\u0430ge,dose,ill", "look-alike signs"),
        ("61,0.5,1", "the first line holds numbers"),
        ("age;x,dose;y,ill", "separate the columns by commas"),
        ("years,dose,ill", "rename or add the column"),
        ("years,dose,ill", '{ name = "age", source = "…" }'),
    ],
)
def test_a_column_that_is_missing_has_advice_by_its_cause(tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(Malformed, match="column 'age' is missing") as caught:
        read_csv(write(tmp_path, header + "\n1,2,yes\n"), SCHEMA)
    assert words in caught.value.advice


def test_a_label_that_looks_like_a_class_says_in_what_it_differs(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="none of the job's classes") as caught:
        read_csv(write(tmp_path, GOOD.replace("yes", "Yes")), SCHEMA)
    assert "'yes' looks the same: they differ in upper and lower case" in caught.value.advice


def test_a_row_over_two_lines_is_named_by_its_first(tmp_path: Path) -> None:
    text = 'note,age,dose,ill\n"a\nb",1,2,yes\n"c\nd",1,x,yes\n'
    with pytest.raises(Malformed) as caught:
        read_csv(write(tmp_path, text), SCHEMA)
    assert caught.value.facts["line"] == 4


def test_a_file_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too large"):
        read_csv(write(tmp_path, GOOD), SCHEMA, ceiling=20)
    with pytest.raises(UsageError, match="no such data file"):
        read_csv(tmp_path / "nowhere.csv", SCHEMA)
    with pytest.raises(UsageError, match="no such data file"):
        read_csv(tmp_path, SCHEMA)


def test_a_field_larger_than_the_parser_takes_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(FedledgerError):
        read_csv(write(tmp_path, "age,dose,ill\n" + "1" * 200_000 + ",2,yes\n"), SCHEMA)
