"""A made-up table: the columns of a shared profile, in its proportions, and nothing else."""

import csv
import io
from pathlib import Path

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import shared

from ledger.errors import UsageError
from ledger.profiles.shared import SharedColumn, encode
from participant.cli.profiles.mock import mock as command
from participant.profile.mocking import mock

PROFILE = shared.profile(
    "Clinic A",
    [
        shared.numbers("age", 20, 80, missing=100),
        shared.numbers("dose", 0, 2),
        shared.values("sex", {"F": 70, "M": 30}),
        SharedColumn(name="note", kind="text", missing=0),
    ],
)


def table(text: str) -> dict[str, list[str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_columns_and_proportions_are_those_of_the_profile() -> None:
    found = table(mock(PROFILE, 4000))
    assert list(found) == ["age", "dose", "sex", "note", "ill"]
    assert all(len(cells) == 4000 for cells in found.values())
    known = [int(cell) for cell in found["age"] if cell]
    assert min(known) >= 20
    assert max(known) < 80
    assert 1800 < len(known) < 2200, "half of the ages are missing"
    assert 2600 < found["sex"].count("F") < 3000
    assert set(found["ill"]) == {"no", "yes"}
    assert len(set(found["dose"])) > 10, "a bin has room for ten numbers"
    assert set(found["note"]) == {"made up"}


@given(st.integers(1, 50), st.integers())
def test_the_same_asked_gives_the_same_table(rows: int, seed: int) -> None:
    assert mock(PROFILE, rows, seed) == mock(PROFILE, rows, seed)
    assert mock(PROFILE, rows, seed) != mock(PROFILE, rows, seed + 1) or rows < 3


def test_a_column_is_the_same_whatever_stands_beside_it() -> None:
    alone = shared.profile("Clinic A", [PROFILE.columns[2]])
    assert table(mock(alone, 50))["sex"] == table(mock(PROFILE, 50))["sex"]


def test_the_command_writes_a_table_that_can_be_profiled(tmp_path: Path) -> None:
    (tmp_path / "a.shared.json").write_bytes(encode(PROFILE))
    done = CliRunner().invoke(
        command, [str(tmp_path / "a.shared.json"), "--rows", "30", "--output", str(tmp_path / "mock.csv")]
    )
    assert done.exit_code == 0, done.output
    assert "30 made-up rows of 5 columns" in done.output
    assert (tmp_path / "mock.csv").read_text() == mock(PROFILE, 30)


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "none.json"), "--output", str(tmp_path / "mock.csv")])
    assert isinstance(done.exception, UsageError)
    assert "no such shared profile" in done.exception.message
