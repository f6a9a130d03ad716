"""SQLite files that several processes use."""

import sqlite3
import time

BUSY_SECONDS = 0.01


def write_ahead(database: sqlite3.Connection, patience: float = 10.0) -> None:
    """Switch a file to write-ahead logging (WAL), within so many seconds. Raises sqlite3.Error.

    Where another process does just that, SQLite says that the file is locked at once, however long its timeout is: to
    wait could be a deadlock, as far as it knows.
    """
    until = time.monotonic() + patience
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(BUSY_SECONDS)
        else:
            return
