"""Predictions as files: a CSV that spreadsheets read, and beside it a document that says what they are of."""

import csv
import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from ledger.errors import UsageError
from ledger.formats.digest import sha256
from ledger.store import disk
from participant.predicting.meaning import Tensors
from participant.predicting.predictor import Predictor
from participant.predicting.table import Rows
from participant.tasks.data.sources.columns_file import beside

FORMAT = "fedledger/prediction/1"
SUFFIX = ".json"
DIGITS = 6
SHOWN = 1000
"""So many cells that could not be read are listed; all are counted."""


def columns_of(predictor: Predictor, answers: Tensors) -> dict[str, list[Any]]:
    """The answers by column of a table, numbers with six digits behind the point."""
    found: dict[str, list[Any]] = {}
    for name, columns in predictor.description.meaning.fields.items():
        values = answers[name]
        if values.dtype.kind == "f":
            values = values.round(DIGITS)
        wide = values.reshape(len(values), -1)
        found |= {column: wide[:, place].tolist() for place, column in enumerate(columns)}
    return found


def csv_of(predictor: Predictor, rows: Rows, answers: Tensors) -> bytes:
    """`line` of the table, or `row` of arrays, what is predicted, and the root of the model that predicts: a line for
    each row. UTF-8, with the mark by which spreadsheets know it where it is more than ASCII.
    """
    columns = columns_of(predictor, answers)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([rows.place, *columns, "root"])
    root = predictor.released.root.hex()
    for line, *cells in zip(rows.lines, *columns.values(), strict=True):
        writer.writerow([line, *map(_text, cells), root])
    made = text.getvalue()
    return made.encode("utf-8" if made.isascii() else "utf-8-sig")


def document_of(
    predictor: Predictor, rows: Rows, data: Path, output: bytes | None, saturated: int = 0
) -> dict[str, Any]:
    """What the predictions are of, and what was checked (docs/spec/prediction.md). It has no time: equal inputs make
    equal documents, but for the block at which a chain was asked.
    """
    released = predictor.released
    task, asked = released.job.task, released.at_block is not None
    use = released.job.permitted_use
    return {
        "format": FORMAT,
        "release": released.document(),
        "code": {"fedledger": version("fedledger"), "task": task.name, "version": task.version, "digest": task.code},
        "exact": predictor.network.exact,
        "checked": {
            "root": released.root_checked,
            "revoked": f"not revoked at block {released.at_block}" if asked else "not checked whether revoked",
        },
        "permitted_use": msgspec.to_builtins(use) if use is not None else None,
        "data": {
            "file": data.name,
            "sha256": rows.sha256,
            "columns_file": rows.columns_file,
        },
        "rows": {"predicted": len(rows.lines), "unreadable": rows.refused, "saturated": saturated},
        "unreadable": [one.document() for one in rows.unreadable[:SHOWN]],
        "output": sha256(output).hex() if output is not None else None,
    }


def rows_of(predictor: Predictor, rows: Rows, answers: Tensors) -> list[dict[str, Any]]:
    """Each row's prediction as JSON has it."""
    columns = columns_of(predictor, answers)
    names = (rows.place, *columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(rows.lines, *columns.values(), strict=True)]


def require_apart(output: Path, data: Path, folder: Path | None) -> None:
    """Raise UsageError where what is written would replace the table, its columns file, or a file of the release."""
    read = [data, beside(data), *(folder.iterdir() if folder else ())]
    for made in (output, _beside(output)):
        if any(made.resolve() == one.resolve() for one in read):
            raise UsageError("the output would replace a file that is read", advice="name another", file=str(made))


def write(output: Path, table: bytes, document: dict[str, Any]) -> Path:
    """Write both, each whole, the document first: no table is there without it. Returns where the document is."""
    beside_it = _beside(output)
    disk.write_whole(beside_it, [msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"])
    disk.write_whole(output, [table])
    return beside_it


def _beside(output: Path) -> Path:
    return output.with_name(output.name + SUFFIX)


def _text(value: object) -> str:
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)
