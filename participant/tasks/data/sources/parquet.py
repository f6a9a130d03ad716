"""Parquet files by Polars, in batches; every column becomes texts, as `cells.text_of` writes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from ledger.errors import Malformed, UsageError
from participant.tasks.data.sources.columns_file import TableReading
from participant.tasks.data.sources.table import MAX_ROWS, RawTable, Row, named

CHUNK = 1 << 16


@contextmanager
def open_parquet(path: Path, file: TableReading) -> Iterator[RawTable]:
    """Header and rows, numbered from 1. Raises UsageError for a file that is not there, Malformed for what it holds."""
    with open_frames(path) as (header, frames):
        yield RawTable(header, _rows(frames))


def _rows(frames: Iterator[pl.DataFrame]) -> Iterator[Row]:
    number = 0
    for frame in frames:
        for cells in frame.iter_rows():
            number += 1
            yield number, list(cells)


@contextmanager
def open_frames(path: Path) -> Iterator[tuple[list[str], Iterator[pl.DataFrame]]]:
    """Header, and frames of texts. Raises as `open_parquet`."""
    if not path.is_file():
        raise UsageError("no such data file", file=str(path))
    try:
        scan = pl.scan_parquet(path, glob=False)
        schema = scan.collect_schema()
        rows = scan.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Malformed(f"the file is not Parquet: {_first_line(error)}", file=str(path)) from error
    if rows > MAX_ROWS:
        raise Malformed("the table has too many rows", file=str(path), expected=MAX_ROWS, actual=rows)
    header = named(path, schema.names())
    texts = [_as_text(path, name, kind) for name, kind in schema.items()]
    yield header, _frames(path, scan.select(texts))


def _frames(path: Path, scan: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    try:
        for frame in scan.collect_batches(chunk_size=CHUNK, maintain_order=True):
            yield from frame.iter_slices(CHUNK)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Malformed(f"the file is not whole: {_first_line(error)}", file=str(path)) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def _as_text(path: Path, name: str, kind: pl.DataType) -> pl.Expr:
    """A column as texts; of numbers those that read back as the same float64, whole ones without a decimal point."""
    column = pl.col(name)
    if kind.is_float():
        wide = column.cast(pl.Float64)
        whole = (wide == wide.round()) & (wide.abs() < 2.0**53)
        text = pl.when(whole).then(wide.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(wide.cast(pl.String))
    elif kind.is_nested() or kind in (pl.Binary, pl.Object):
        raise Malformed(
            f"column {name!r} holds lists, records or bytes, which are no cells of a table",
            advice="write a column for each value, or leave the column out",
            file=str(path),
            actual=str(kind)[:80],
        )
    elif isinstance(kind, pl.Datetime):
        text = (
            column.dt.cast_time_unit("us")
            .dt.to_string("iso")
            .str.replace(r"\.0+($|[+-])", "$1")
            .str.strip_suffix(" 00:00:00")
        )
    elif kind.is_decimal():
        text = column.cast(pl.String).str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")
    else:
        text = column.cast(pl.String)
    return text.fill_null("")
