"""What a SQL query gives, by SQLAlchemy: the query is the data file, the address of the database in a file of its own.

An address holds a password: it is in a file that its owner alone reads, named in the columns file, and in no message.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import URL, Connection, Engine, Result
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ledger.errors import Malformed, Unavailable, UsageError
from participant.tasks.data.sources.cells import Unclear, text_of
from participant.tasks.data.sources.columns_file import TableReading
from participant.tasks.data.sources.table import MAX_ROWS, RawTable, Row, named
from participant.tasks.data.sources.text import open_table

MAX_SQL = 1 << 20
MAX_URL = 1 << 12
AT_ONCE = 4096


@contextmanager
def open_query(path: Path, file: TableReading) -> Iterator[RawTable]:
    """Header and rows, numbered from 1. Raises UsageError for files that are not there or open to others, Malformed
    for a query that the database does not take, Unavailable where it cannot be reached.
    """
    with open_table(path, MAX_SQL) as stream:
        query = stream.read().decode("utf-8-sig", "replace").strip().removesuffix(";")
    url = _url(path, file)
    try:
        engine = create_engine(url)
    except (NoSuchModuleError, ImportError) as error:
        driver = url.drivername
        raise UsageError(
            f"no driver for {driver} is installed", advice="install it with pip, beside fedledger", file=str(path)
        ) from error
    try:
        with closing(_connected(path, url, engine)) as connection:
            result = connection.exec_driver_sql(query)
            yield RawTable(named(path, list(result.keys())), _rows(path, result, file))
    except SQLAlchemyError as error:
        raise _refused(path, url, error) from error
    finally:
        engine.dispose()


def _connected(path: Path, url: URL, engine: Engine) -> Connection:
    """A connection; one to SQLite, which knows no users, takes no statement that would change the database."""
    try:
        connection = engine.connect().execution_options(stream_results=True, yield_per=AT_ONCE)
        if url.get_backend_name() == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        return connection
    except SQLAlchemyError as error:
        raise Unavailable(f"the database cannot be reached: {_told(url, error)}", file=str(path)) from error


def _rows(path: Path, result: "Result[tuple[object, ...]]", file: TableReading) -> Iterator[Row]:
    for number, row in enumerate(result, 1):
        if number > MAX_ROWS:
            raise Malformed("the query gives too many rows", file=str(path), maximum=MAX_ROWS)
        try:
            yield number, [text_of(value, file.decimal) for value in row]
        except Unclear as error:
            raise Malformed(f"a cell cannot be read: {error}", file=str(path), row=number) from error


def _refused(path: Path, url: URL, error: SQLAlchemyError) -> Malformed | Unavailable:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Unavailable(f"the database is gone: {_told(url, error)}", file=str(path))
    return Malformed(
        f"the database refuses the query: {_told(url, error)}",
        advice="correct the query in the file, or the address that its columns file names",
        file=str(path),
    )


def _told(url: URL, error: SQLAlchemyError) -> str:
    """What the database said, in one line, without the password."""
    said = str(getattr(error, "orig", None) or type(error).__name__).split("\n", 1)[0][:200]
    return said.replace(str(url.password), "***") if url.password else said


def _url(path: Path, file: TableReading) -> URL:
    """The address. A relative path of its file begins at the query's folder, so does that of a SQLite database."""
    if not file.url_file:
        raise UsageError(
            "nothing says where the database is",
            advice="write its SQLAlchemy URL into a file with mode 0600, and pass it by --url-file",
            file=str(path),
        )
    where = path.parent / Path(file.url_file).expanduser()
    try:
        with where.open("rb") as stream:
            _require_private(where, os.fstat(stream.fileno()))
            line = stream.read(MAX_URL).decode("utf-8-sig", "replace").strip()
    except FileNotFoundError as error:
        raise UsageError("there is no such file with the address of a database", file=str(where)) from error
    except OSError as error:
        raise Unavailable(f"the file cannot be read: {error.strerror}", file=str(where)) from error
    try:
        url = make_url(line)
    except (ArgumentError, ValueError):
        message = "the file holds no address of a database"
        raise Malformed(message, advice="such as sqlite:///cohort.db", file=str(where)) from None
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_absolute():
        located = path.parent / url.database
        if not located.is_file():
            raise UsageError("no such SQLite database", file=str(located))
        return url.set(database=str(located.resolve()))
    return url


def _require_private(path: Path, found: os.stat_result) -> None:
    if os.name != "nt" and (stat.S_IMODE(found.st_mode) & 0o177 or found.st_uid != os.geteuid()):
        raise UsageError(
            "others may read the file with the address of a database, which holds its password",
            advice=f"chmod 600 {path}",
            file=str(path),
            expected="0600, of this user",
            actual=f"{stat.S_IMODE(found.st_mode):04o}",
        )
