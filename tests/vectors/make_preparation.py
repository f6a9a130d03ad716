"""Writes preparation.json beside it: `python tests/vectors/make_preparation.py`. A change of any byte is a new format.

A job's section `preparation`, a table with its columns file, and what becomes of its rows: their numbers as the
shortest decimals that read back as the same float64, their classes, their leaves, and why the others become nothing.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.vectors import script

from ledger.formats.digest import encode
from participant.tasks.data.columns import class_cell
from participant.tasks.data.leaves import leaves_of_rows
from participant.tasks.data.preparing.table import prepared

CLASSES = ("no", "yes")
COLUMNS = """format = "fedledger/columns/1"
columns = [
    { name = "age", source = "Alter" },
    { name = "chol" },
    { name = "cp" },
    { name = "thal", kind = "category", values = { normal = "3", fest = "6", 7 = "7" } },
    { name = "num" },
]

[file]
delimiter = ";"
decimal = ","
"""
TABLE = """Alter;chol;cp;thal;num
63;233,5;1;normal;0
67,0;0;4,0;fest;2
41;?;2;;1
150;900;2;fest;0
50;60;3;7;1,0
x;200;1;kaputt;9
55;;;normal;0
"""


def text() -> str:
    """What the file must hold."""
    said = script("make_vectors").PREPARATION
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(TABLE, encoding="utf-8")
        path.with_name("table.csv.columns.toml").write_text(COLUMNS, encoding="utf-8")
        table = prepared(said, path, {"num": class_cell(CLASSES)})
    classes = table.labels[:, 0].astype("int64")
    return (
        json.dumps(
            {
                "preparation": encode(said).decode(),
                "columns_file": COLUMNS,
                "table": TABLE,
                "classes": list(CLASSES),
                "names": list(table.names),
                "rows": [_row(*one) for one in zip(table.lines, table.values, classes, strict=True)],
                "leaves": [leaf.hex() for leaf in leaves_of_rows(table.values, classes)],
                "unreadable": {
                    str(line): [[fault.column, fault.kind] for fault in faults]
                    for line, faults in table.unreadable().items()
                },
            },
            indent=1,
        )
        + "\n"
    )


def _row(line: Any, values: Any, label: Any) -> dict[str, Any]:
    return {"line": int(line), "values": [repr(float(value)) for value in values], "class": int(label)}


if __name__ == "__main__":
    Path(__file__).with_name("preparation.json").write_text(text(), encoding="utf-8")
