"""A table's rows by a job's preparation: what each cell becomes, and every reason why a row becomes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("polars", reason='polars is not installed: pip install "fedledger[node]"')

from hypothesis import given, settings
from hypothesis import strategies as st
from support.preparation import CLASSES, HOSPITALS, NAMES, PREPARATION, columns_file, hospital, write_raw
from support.vectors import FOLDER, script

from ledger.errors import Malformed, UsageError
from ledger.jobs.preparation import Category, Input, Label, Missing, Number, Preparation
from participant.tasks.data.columns import class_cell, number
from participant.tasks.data.numbers import read_number
from participant.tasks.data.preparing.prepared_table import PreparedTable
from participant.tasks.data.preparing.scaling import scaled_inputs
from participant.tasks.data.preparing.table import prepared

pytestmark = pytest.mark.node
LABEL = {"num": class_cell(CLASSES)}
ROWS = {"cleveland": 303, "hungarian": 294, "switzerland": 123, "va": 200}
ILL = {"cleveland": 139, "hungarian": 106, "switzerland": 115, "va": 149}


def table(path: Path, text: str, *inputs: Input, columns: str = "", labels: tuple[Label, ...] = ()) -> PreparedTable:
    path.write_text(text)
    if columns:
        path.with_name(path.name + ".columns.toml").write_text(columns)
    learnt = {label.column: class_cell(sorted(set(label.values.values()))) for label in labels}
    return prepared(Preparation(inputs=inputs, labels=labels), path, learnt)


@pytest.mark.parametrize("name", HOSPITALS)
def test_four_hospitals_files_are_prepared_as_they_are(name: str, tmp_path: Path) -> None:
    found = prepared(PREPARATION, hospital(name, tmp_path), LABEL)
    found.refuse()
    assert found.names == NAMES
    assert (found.values.shape, found.faults) == ((ROWS[name], len(NAMES)), ())
    assert int(found.labels.sum()) == ILL[name]
    chol, flag = (found.values[:, NAMES.index(column)] for column in ("chol", "chol missing"))
    assert set(np.unique(flag)) <= {0, 1}
    assert (chol[flag == 1] == 240.5).all()
    for column in ("sex", "cp", "restecg", "thal"):
        places = [place for place, known in enumerate(NAMES) if known.startswith((f"{column}=", f"{column} "))]
        assert (found.values[:, places].sum(1) == 1).all()
    inputs = scaled_inputs(PREPARATION, found.values)
    assert inputs.dtype == np.float32
    assert float(np.abs(inputs).max()) <= 1


def test_switzerland_measured_no_cholesterol(tmp_path: Path) -> None:
    found = prepared(PREPARATION, hospital("switzerland", tmp_path))
    assert (found.values[:, NAMES.index("chol missing")] == 1).all()
    assert found.labels.shape == (123, 0)


def test_each_cell_becomes_what_the_job_says(tmp_path: Path) -> None:
    chol = Number(
        column="a", low="10", high="20", outside="clip", sentinels=("0",), missing=Missing(by="flag", value="15")
    )
    pain = Category(column="b", vocabulary=("1", "x"), unknown="zeros", missing=Missing(by="constant", value="x"))
    found = table(tmp_path / "t.csv", "a,b\n12,1.0\n0,x\n?,na\n99,7\n 1e1 , 01\n-5,?\n", chol, pain)
    assert found.names == ("a", "a missing", "b=1", "b=x")
    assert found.values.tolist() == [
        [12, 0, 1, 0],
        [15, 1, 0, 1],
        [15, 1, 0, 1],
        [20, 0, 0, 0],
        [10, 0, 1, 0],
        [10, 0, 0, 1],
    ]
    assert found.lines.tolist() == [2, 3, 4, 5, 6, 7]


def test_all_faults_are_named_in_one_run(tmp_path: Path) -> None:
    age, pain = Number(column="age", low="0", high="100"), Category(column="cp", vocabulary=("1", "2"))
    label = Label(column="ill", values={"0": "no", "1": "yes"})
    text = "age,cp,ill\n50,1,0\n,9,2\nold,1,1\n200,2,0\n51,2\n12345678901234567890,1,0\n60,?,\n61,2,1\n"
    found = table(tmp_path / "t.csv", text, age, pain, labels=(label,))
    assert found.lines.tolist() == [2, 9]
    kinds = {line: {(fault.column, fault.kind) for fault in faults} for line, faults in found.unreadable().items()}
    assert kinds == {
        3: {("age", "missing"), ("cp", "unknown-word"), ("ill", "unknown-label")},
        4: {("age", "text-in-numbers")},
        5: {("age", "outside")},
        6: {("", "uneven-row")},
        7: {("age", "number-too-large")},
        8: {("cp", "missing"), ("ill", "missing")},
    }
    with pytest.raises(Malformed, match="9 things are wrong with the table") as caught:
        found.refuse()
    said = str(caught.value.facts["faults"])
    assert "cp: a word is not in the vocabulary that the job has for its column (1 rows, lines 3)" in said
    assert caught.value.facts["rows"] == 6


def test_a_single_fault_is_said_with_its_lines(tmp_path: Path) -> None:
    rows = "\n".join(["50", "x", "51", *["x"] * 6])
    found = table(tmp_path / "t.csv", f"age,other\n{rows}\n".replace("\n", ",1\n").replace("age,other,1", "age,b"),
                  Number(column="age", low="0", high="100"))  # fmt: skip
    with pytest.raises(Malformed, match="text stands in a column of numbers") as caught:
        found.refuse()
    assert (caught.value.facts["lines"], caught.value.facts["rows"]) == ("3, 5, 6, 7, 8, …", 7)
    assert (caught.value.facts["column"], caught.value.facts["value"]) == ("age", "'x'")


def test_a_new_category_at_prediction_is_a_reason_and_no_guess(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "cp,b\n1,0\n5,0\n", Category(column="cp", vocabulary=("1", "2")))
    assert found.values.tolist() == [[1, 0]]
    ((line, (fault,)),) = found.unreadable().items()
    assert (line, fault.kind, fault.example) == (3, "unknown-word", "5")


def test_rows_that_the_columns_file_leaves_out_are_left_out_and_told(tmp_path: Path) -> None:
    kept = Number(column="b", low="0", high="9", missing=Missing(by="constant", value="1"))
    said = columns_file(("a", "b"), 'rows_with_missing = "leave out"')
    found = table(tmp_path / "t.csv", "a,b\n1,\n,old\n3,4\n", Number(column="a", low="0", high="9"), kept, columns=said)
    assert found.values.tolist() == [[1, 1], [3, 4]]
    found.refuse()
    assert [(line, [fault.kind for fault in faults]) for line, faults in found.unreadable().items()] == [
        (3, ["left-out"])
    ]


def test_a_preparation_that_leaves_no_rows_is_refused(tmp_path: Path) -> None:
    said = columns_file(("a", "b"), 'rows_with_missing = "leave out"')
    found = table(tmp_path / "t.csv", "a,b\n,1\n?,2\n", Number(column="a", low="0", high="9"), columns=said)
    with pytest.raises(Malformed, match="preparation leaves no rows") as caught:
        found.refuse()
    assert (caught.value.facts["left_out"], caught.value.facts["column"]) == (2, "a")
    with pytest.raises(Malformed, match="a header but no rows"):
        table(tmp_path / "empty.csv", "a,b\n", Number(column="a", low="0", high="9")).refuse()


def test_missing_columns_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="column 'age' is missing") as caught:
        table(tmp_path / "t.csv", "Age,b\n1,2\n", *(Number(column=name, low="0", high="9") for name in ("age", "c")))
    assert caught.value.facts["missing"] == "age, c"
    with pytest.raises(Malformed, match="stands twice"):
        table(tmp_path / "u.csv", "a,a\n1,2\n", Number(column="a", low="0", high="9"))
    with pytest.raises(UsageError, match="no such data file"):
        prepared(PREPARATION, tmp_path / "nowhere.csv")


def test_a_partys_own_marks_are_heeded(tmp_path: Path) -> None:
    said = columns_file(
        ("Größe", "ill"), 'delimiter = ";"\ndecimal = ","\nthousands = "."\nencoding = "cp1252"',
        ill=', kind = "category", values = { ja = "1", nein = "0" }',
    ).replace("Größe", 'size", source = "Größe')  # fmt: skip
    path = tmp_path / "t.csv"
    path.write_bytes("Größe;ill\n1.234,5;ja\n-;nein\n12;unklar\n1,2,3;ja\n".encode("cp1252"))
    path.with_name("t.csv.columns.toml").write_text(said)
    size = Number(column="size", low="0", high="2000", missing=Missing(by="constant", value="7"))
    found = prepared(Preparation(inputs=(size, Category(column="ill", vocabulary=("0", "1")))), path)
    assert found.values.tolist() == [[1234.5, 0, 1], [7, 1, 0]]
    assert {fault.kind for fault in found.faults} == {"unlisted", "text-in-numbers"}


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.integers(-(10**18), 10**18).map(str),
    st.text("0123456789.+-eE ", min_size=1, max_size=24),
    st.sampled_from(["", "?", "NaN", "inf", ".5", "5.", "+.5", "1_0", "0x1", "\u0661", "1e400", "1e-400", "0" * 30]),
)


@settings(max_examples=60)
@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_numbers_are_those_that_every_other_reader_reads(texts: list[str]) -> None:
    """The fast way and the one by one way are one: `read_number`."""
    import polars as pl

    from participant.tasks.data.preparing.columns import NumberColumn, Source
    from participant.tasks.data.sources.columns_file import MISSING, Column, TableReading

    wide = Number(column="a", low="-999999999999999", high="999999999999999", outside="clip")
    column = NumberColumn(wide, Source(Column("a"), TableReading(), False))
    made = column.add(pl.Series(texts))
    wrong = np.zeros(len(texts), np.bool_)
    for fault in made.faults:
        wrong |= fault.rows
    for text, value, bad in zip(texts, made.values[:, 0].tolist(), wrong.tolist(), strict=True):
        try:
            expected = read_number(text.strip())
            missing = False
        except ValueError:
            missing = True
        assert bad == missing, text
        if not bad:
            assert value == min(max(expected, -999999999999999.0), 999999999999999.0), text
            assert text.strip().lower() not in MISSING


@settings(max_examples=25)
@given(order=st.permutations(range(12)))
def test_a_row_becomes_the_same_wherever_it_stands(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("order")
    whole = write_raw(folder / "a.csv", 5, rows=12)
    mixed = write_raw(folder / "b.csv", 5, rows=12)
    lines = whole.read_text().splitlines()
    mixed.write_text("\n".join(lines[place] for place in order) + "\n")
    first, second = (prepared(PREPARATION, path, LABEL) for path in (whole, mixed))
    assert (first.values[list(order)] == second.values).all()
    assert (first.labels[list(order)] == second.labels).all()


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.csv", 9, rows=4000)
    script = (
        "import hashlib, sys; from pathlib import Path; from support.preparation import PREPARATION;"
        "from participant.tasks.data.preparing.table import prepared;"
        "print(hashlib.sha256(prepared(PREPARATION, Path(sys.argv[1])).values.tobytes()).hexdigest())"
    )
    said = set()
    for threads in ("1", "2", "4"):
        known = {**os.environ, "POLARS_MAX_THREADS": threads, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], env=known, capture_output=True, text=True, check=True
        )
        said.add(done.stdout)
    assert len(said) == 1


WORDS = st.lists(st.text("abc123. ", min_size=1, max_size=6).map(str.strip).filter(bool), min_size=1, unique=True)


@settings(max_examples=60)
@given(st.data(), WORDS)
def test_one_hot_leads_back_to_the_word(data: st.DataObject, words: list[str]) -> None:
    import polars as pl

    from participant.tasks.data.preparing.columns import CategoryColumn, Source
    from participant.tasks.data.sources.columns_file import Column, TableReading

    cells = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=20))
    column = CategoryColumn(Category(column="c", vocabulary=tuple(words)), Source(Column("c"), TableReading(), False))
    made = column.add(pl.Series(cells))
    assert made.faults == []
    assert (made.values.sum(1) == 1).all()
    assert [words[place] for place in made.values.argmax(1)] == cells


def test_regression_targets_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2.5\n2,\n3,old\n")
    found = prepared(Preparation(inputs=(Number(column="a", low="0", high="9"),)), path, {"y": number})
    assert found.labels.tolist() == [[2.5]]
    assert [(line, [fault.kind for fault in why]) for line, why in found.unreadable().items()] == [
        (3, ["missing"]),
        (4, ["label: this is not a number"]),
    ]


def test_the_vectors_are_what_the_script_writes() -> None:
    assert script("make_preparation").text() == (FOLDER / "preparation.json").read_text(encoding="utf-8")
