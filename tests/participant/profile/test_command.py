"""`fedledger data profile`: what it prints, what it leaves behind, and its exit codes."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import tables

from ledger.cli.main import fedledger
from ledger.store import disk

pytestmark = pytest.mark.node
FAULTY = tables.text().replace(",40,", ",forty,")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(fedledger, ["data", "profile", *map(str, arguments)], catch_exceptions=True)


def test_it_says_what_it_found_out_and_writes_it_down_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(tables.text(";", ","))
    said = run(path)
    assert said.exit_code == 0, said.output
    assert "semicolons make 5 columns" in said.output
    assert "every row can be read" in said.output
    columns = tmp_path / "t.csv.columns.toml"
    first = columns.read_bytes()
    assert stat.S_IMODE(columns.stat().st_mode) == 0o600
    assert b'delimiter = ";"' in first
    columns.write_bytes(first.replace(b'name = "age"', b'name = "years", source = "age"'))
    again = run(path)
    assert "years" in again.output
    assert "made now" not in again.output
    assert columns.read_bytes() != first, "it is the owner's from then on"
    assert run(path, "--again").exit_code == 0
    assert columns.read_bytes() == first
    assert b"years" in (tmp_path / "t.csv.columns.toml.bak").read_bytes()


def test_faults_are_told_with_lines_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(FAULTY + "1,2\n")
    said = run(path)
    assert said.exit_code == 2
    for words in ("another number of cells", "'2 cells'", "text stands in a column of numbers", "'forty'"):
        assert words in said.output
    document = json.loads(run(path, "--json").stdout)
    assert document["format"] == "fedledger/profile/1"
    assert [(one["kind"], one["lines"]) for one in document["faults"]] == [
        ("uneven-row", [8]),
        ("text-in-numbers", [3]),
    ]


def test_the_page_is_for_its_owner_alone(tmp_path: Path) -> None:
    path, page = tmp_path / "t.csv", tmp_path / "t.html"
    path.write_text(tables.text())
    assert run(path, "--html", page).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_the_same_file_gives_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(tables.text())
    run(path)
    assert run(path, "--json").stdout == run(path, "--json").stdout


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    assert getattr(run(tmp_path / "t.csv").exception, "exit_code", None) == 2
    assert not list(tmp_path.iterdir())


def test_the_columns_file_is_never_away_while_it_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, columns = tmp_path / "t.csv", tmp_path / "t.csv.columns.toml"
    path.write_text(tables.text(";", ","))
    run(path)
    first, write, seen = columns.read_bytes(), disk.write_private, list[bytes]()

    def watched(to: Path, pieces: list[bytes]) -> None:
        seen.append(columns.read_bytes())
        write(to, pieces)

    monkeypatch.setattr(disk, "write_private", watched)
    assert run(path, "--again").exit_code == 0
    assert seen == [first, first], "a node that reads the table now, or after a kill, reads it by the old one"
    assert (tmp_path / "t.csv.columns.toml.bak").read_bytes() == first


def test_faults_and_warnings_have_the_names_that_the_document_explains(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(FAULTY + "1,2\n")
    said = run(path).output.splitlines()
    first = {line.split()[0] for line in said if line}
    assert {"uneven-row", "text-in-numbers"} <= first, said


def test_rows_that_are_left_out_are_told_so_and_a_constant_counts_its_values(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,?\n" * 5 + "2,7\n3,7\n")
    look = {one["kind"]: one for one in json.loads(run(path, "--json").stdout)["warnings"]}
    assert look["constant"]["count"] == 2
    assert "rows_with_missing" in look["missing"]["advice"]
    columns = tmp_path / "t.csv.columns.toml"
    columns.write_text(columns.read_text().replace('"refuse"', '"leave out"'))
    look = {one["kind"]: one for one in json.loads(run(path, "--json").stdout)["warnings"]}
    assert look["missing"]["advice"] == "a job that asks for this column leaves these rows out, unless it fills them in"


def test_the_second_look_says_how_the_table_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(tables.text(";", ","))
    run(path)
    again = run(path)
    for words in ("encoding utf-8: the columns file says so", "delimiter", "semicolons", "a header", "decimal mark"):
        assert words.split(":")[0] in again.output, words


def test_it_says_how_many_rows_are_left(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(tables.text().replace(",40,", ",?,"))
    assert json.loads(run(path, "--json").stdout)["whole_rows"] is None
    columns = tmp_path / "t.csv.columns.toml"
    columns.write_text(columns.read_text().replace('"refuse"', '"leave out"'))
    assert json.loads(run(path, "--json").stdout)["whole_rows"] == len(tables.ROWS) - 1
    assert "rows left" in run(path).output


def test_a_number_that_stands_apart_is_named_in_a_small_table_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("chol,sex\n" + "".join(f"{200 + 7 * row},{row % 2}\n" for row in range(12)) + "0,1\n")
    warned = {(one["kind"], one["column"]) for one in json.loads(run(path, "--json").stdout)["warnings"]}
    assert ("sentinel", "chol") in warned
    assert ("sentinel", "sex") not in warned, "codes of 0 and 1 are values"
