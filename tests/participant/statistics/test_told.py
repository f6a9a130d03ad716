"""The home's record: written before an answer is, owned by its owner, and never in doubt."""

import stat
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock
from support.analyses import BY_ILL, rows_of

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.statistics.answers import answer
from participant.statistics import told
from participant.statistics.told import FILE, ToldFile
from participant.tasks.data.tabulating import digests

ROWS = rows_of(BY_ILL, [(0, 2, 2, 2, 5, 1, 0)] * 9 + [(1, 3, 3, 3, 15, 3, 0)] * 7)
DIGESTS = {name: digest.hex() for name, digest in digests(BY_ILL, ROWS).items()}


def tell(home: Path, job: int, rows: dict[str, str] = DIGESTS) -> None:
    ToldFile(home).tell(bytes([job]) * 32, BY_ILL, answer(BY_ILL, ROWS), rows)


def test_the_same_question_is_answered_again_and_stands_once_for_each_job(tmp_path: Path) -> None:
    for job in (1, 1, 2):
        tell(tmp_path, job)
    assert len(ToldFile(tmp_path).read().told) == 2
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_changed_rows_are_refused_until_the_owner_forgets_and_that_stays_on_record(tmp_path: Path) -> None:
    tell(tmp_path, 1)
    changed = DIGESTS | {"age": "11" * 32}
    with pytest.raises(UsageError, match="rows have changed in column 'age'"):
        tell(tmp_path, 2, changed)
    with pytest.raises(UsageError, match="nothing was told"):
        ToldFile(tmp_path).forget("weight", "it was never asked")
    assert ToldFile(tmp_path).forget("age", "rows of a new year") == 1
    with pytest.raises(UsageError, match="column 'dose' was correlated with other columns, or other rows"):
        tell(tmp_path, 2, changed | {"": "22" * 32})
    assert ToldFile(tmp_path).forget("dose", "its correlations are of another year") == 1
    tell(tmp_path, 2, changed | {"": "22" * 32})
    record = ToldFile(tmp_path).read()
    assert [len(record.told), record.forgotten[0].reason] == [2, "rows of a new year"]
    assert record.forgotten[0].question.names == {"age", "dose", "sex", "ill"}


def test_a_column_that_is_forgotten_takes_no_other_one_with_it(tmp_path: Path) -> None:
    """The owner decided about age. One row more in sex, or in the classes, is refused as before."""
    tell(tmp_path, 1)
    for column in ("age", "dose"):
        ToldFile(tmp_path).forget(column, "rows of a new year")
    with pytest.raises(UsageError, match="rows have changed in column 'sex'"):
        tell(tmp_path, 2, DIGESTS | {"sex": "11" * 32})
    with pytest.raises(UsageError, match="rows have changed in the job's classes"):
        tell(tmp_path, 2, DIGESTS | {"ill": "11" * 32})
    ToldFile(tmp_path).forget("ill", "all of it is of another year")
    tell(tmp_path, 2, DIGESTS | {"sex": "11" * 32, "ill": "11" * 32})


def test_a_small_number_is_not_put_on_record(tmp_path: Path) -> None:
    numbers = answer(BY_ILL, ROWS)
    numbers["column.000.cells"][2] = 1
    with pytest.raises(Malformed, match="too few rows"):
        ToldFile(tmp_path).tell(bytes(32), BY_ILL, numbers, DIGESTS)
    assert not (tmp_path / FILE).exists()


def test_a_damaged_record_lets_nothing_out(tmp_path: Path) -> None:
    tell(tmp_path, 1)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[:-3])
    with pytest.raises(Malformed, match="is damaged"):
        tell(tmp_path, 1)
    (tmp_path / FILE).write_bytes(msgspec.json.encode({"told": [], "more": 1}))
    with pytest.raises(Malformed, match="is damaged"):
        tell(tmp_path, 1)


def test_a_record_that_another_process_keeps_lets_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "PATIENCE", 0.1)
    with FileLock(tmp_path / f"{FILE}.lock"), pytest.raises(Unavailable, match="keeps the record of statistics locked"):
        tell(tmp_path, 1)
    assert not (tmp_path / FILE).exists()
    tell(tmp_path, 1)
    assert len(ToldFile(tmp_path).read().told) == 1
