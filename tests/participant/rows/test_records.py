"""What a home keeps of its rows: a salt is made once, or taken once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from participant.rows.records import RowRecords

JOB: Any = SimpleNamespace(digest=b"job", hold_out=20)


def test_a_salt_that_was_adopted_is_drawn_with(tmp_path: Path) -> None:
    records = RowRecords(tmp_path / "rows")
    records.adopt(JOB, b"s" * 32)
    assert records.draw(JOB).salt == b"s" * 32
    (file,) = (tmp_path / "rows").rglob("salt")
    assert file.stat().st_mode & 0o077 == 0


def test_the_first_salt_stays(tmp_path: Path) -> None:
    records = RowRecords(tmp_path / "rows")
    drawn = records.draw(JOB).salt
    records.adopt(JOB, b"s" * 32)
    assert records.draw(JOB).salt == drawn != b"s" * 32


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_is_none(tmp_path: Path, length: int) -> None:
    with pytest.raises(ValueError, match=f"not {length}"):
        RowRecords(tmp_path / "rows").adopt(JOB, bytes(length))
