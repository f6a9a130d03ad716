"""Files that several processes make at the same moment."""

import sqlite3
from multiprocessing import get_context

import pytest

from ledger.errors import FedledgerError
from ledger.files.write_ahead import write_ahead
from ledger.index.file import IndexFile


def _opened(path):
    try:
        IndexFile(path, "0x" + "11" * 20, 0).close()
    except FedledgerError as error:
        return error.message
    return ""


def test_none_of_those_that_make_a_file_at_once_is_turned_away(tmp_path):
    paths = [tmp_path / f"{number}.sqlite" for number in range(40) for _ in range(4)]
    with get_context("spawn").Pool(4) as pool:
        assert set(pool.map(_opened, paths, chunksize=1)) == {""}


def test_a_file_that_stays_locked_is_an_error_in_the_end(tmp_path):
    holder = sqlite3.connect(tmp_path / "held.sqlite", isolation_level=None)
    holder.execute("CREATE TABLE held (a)")
    holder.execute("BEGIN EXCLUSIVE")
    database = sqlite3.connect(tmp_path / "held.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(database, 0.05)
    holder.execute("ROLLBACK")
    write_ahead(database, 0.05)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    holder.close()
