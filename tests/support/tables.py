"""Tables as people have them: one small table in the bytes of many programs, and what each must be read as."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

HEADER = ("name", "age", "dose", "units", "ill")
ROWS: Sequence[tuple[str, int, float, float, str]] = (
    ("Ann", 61, 0.5, 1234.5, "yes"),
    ("Bob", 40, 0.25, 1100.0, "no"),
    ("Cid", 72, 1.75, 12.25, "yes"),
    ("Dee", 55, 3.5, 1234567.0, "no"),
    ("Eve", 38, 2.125, 900.5, "no"),
    ("Fay", 47, 0.875, 45000.75, "yes"),
)
CHINESE = ("王小明", "陳美麗", "林志豪", "張淑芬", "李建國", "黃怡君")
GERMAN = ("Jürgen Müller", "Käthe Größe", "Björn Weiß", "Ursula Schön", "Ülkü Öz", "Françoise Lévêque")
VALUES = [[float(age), dose, units] for _, age, dose, units, _ in ROWS]
TARGETS = [1 if ill == "yes" else 0 for *_, ill in ROWS]


@dataclass(frozen=True, slots=True)
class Variant:
    """`content` of a file called `name`; `columns` are what age, dose, units and ill are called, `reading` what must be
    found out. `beside` are files that belong to it.
    """

    name: str
    content: bytes
    columns: Sequence[str] = HEADER[1:]
    reading: dict[str, object] = field(default_factory=dict)
    beside: dict[str, bytes] = field(default_factory=dict)


def number(value: float, decimal: str = ".", thousands: str = "") -> str:
    """A number as a program of some country writes it."""
    text = f"{value:,.3f}".rstrip("0").rstrip(".") if value != int(value) else f"{value:,.0f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def text(
    delimiter: str = ",",
    decimal: str = ".",
    thousands: str = "",
    *,
    names: Sequence[str] = (),
    header: Sequence[str] = HEADER,
    end: str = "\n",
    quote: Callable[[str], str] = str,
) -> str:
    """The table as text."""
    lines = [delimiter.join(map(quote, header))] if header else []
    for place, (name, age, dose, units, ill) in enumerate(ROWS):
        cells = [names[place] if names else name, str(age)]
        cells += [number(dose, decimal, thousands), number(units, decimal, thousands), ill]
        lines.append(delimiter.join(map(quote, cells)))
    return end.join(lines) + end


def quoted(cell: str) -> str:
    """A cell between quotation marks."""
    return '"' + cell.replace('"', '""') + '"'


def where_needed(cell: str) -> str:
    """A cell between quotation marks where it has a comma in it."""
    return quoted(cell) if "," in cell else cell


def workbook(rows: Sequence[Sequence[Any]], change: Callable[[Any], None] = lambda _: None) -> bytes:
    """An Excel workbook with one sheet."""
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    change(book.active)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def parquet() -> bytes:
    """The table in Parquet."""
    import polars as pl

    stream = BytesIO()
    pl.DataFrame([list(row) for row in ROWS], schema=list(HEADER), orient="row").write_parquet(stream)
    return stream.getvalue()


def sqlite(folder: Path) -> bytes:
    """The table in a SQLite database."""
    path = folder / "made.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cohort (name TEXT, age INTEGER, dose REAL, units REAL, ill TEXT)")
        database.executemany("INSERT INTO cohort VALUES (?, ?, ?, ?, ?)", ROWS)
    database.close()
    content = path.read_bytes()
    path.unlink()
    return content


def right(folder: Path) -> dict[str, Variant]:
    """Variants that are read right with nothing edited."""
    return {**_encodings(), **_dialects(), **_marks(), **_others(folder)}


def _encodings() -> dict[str, Variant]:
    chinese, german = text(names=CHINESE), text(names=GERMAN)
    return {
        "plain": Variant("t.csv", text().encode(), reading={"encoding": "utf-8", "delimiter": ","}),
        "UTF-8 with a mark": Variant("t.csv", b"\xef\xbb\xbf" + chinese.encode(), reading={"encoding": "utf-8"}),
        "Big5": Variant("t.csv", chinese.encode("big5"), reading={"encoding": "big5hkscs"}),
        "GB 18030": Variant("t.csv", text(names=[*"张李王赵孙周"]).encode("gb18030"), reading={"encoding": "gb18030"}),
        "Shift JIS": Variant(
            "t.csv",
            text(names=["山田さくら", "鈴木タロウ", "たかはし", "佐藤ユキ", "わたなべ", "伊藤"]).encode("cp932"),
            reading={"encoding": "cp932"},
        ),
        "UTF-16 with a mark": Variant("t.csv", chinese.encode("utf-16"), reading={"encoding": "utf-16"}),
        "UTF-16, big end": Variant("t.csv", b"\xfe\xff" + chinese.encode("utf-16-be"), reading={"encoding": "utf-16"}),
        "UTF-16 without a mark": Variant("t.csv", text().encode("utf-16-le"), reading={"encoding": "utf-16-le"}),
        "Windows-1252": Variant("t.csv", german.encode("cp1252"), reading={"encoding": "cp1252"}),
    }


def _dialects() -> dict[str, Variant]:
    notes = [f'line one\nand "{name}", two' for name, *_ in ROWS]
    return {
        "CRLF": Variant("t.csv", text(end="\r\n").encode()),
        "CR": Variant("t.csv", text(end="\r").encode()),
        "no last line end": Variant("t.csv", text().rstrip().encode()),
        "semicolons": Variant("t.csv", text(";").encode(), reading={"delimiter": ";", "decimal": "."}),
        "tabs": Variant("t.txt", text("\t").encode(), reading={"delimiter": "\t"}),
        "bars": Variant("t.dat", text("|").encode(), reading={"delimiter": "|"}),
        "sep=;": Variant("t.csv", ("sep=;\r\n" + text(";", ",", end="\r\n")).encode(), reading={"skip": 1}),
        "sep=, in UTF-16": Variant("t.csv", ("sep=\t\r\n" + text("\t")).encode("utf-16"), reading={"delimiter": "\t"}),
        "no header": Variant(
            "t.data",
            text(header=()).encode(),
            ("column 2", "column 3", "column 4", "column 5"),
            {"header": False},
        ),
        "all in quotes": Variant("t.csv", text(quote=quoted).encode()),
        "quotes with line ends": Variant("t.csv", text(names=notes, quote=quoted).encode()),
        "quotation marks within cells": Variant("t.csv", text(names=[f'{row[0]} 5" tall' for row in ROWS]).encode()),
        "delimiter at the end of each row": Variant(
            "t.csv", text(end=",\n").encode(), reading={"trailing": True, "header": True}
        ),
        "delimiter at the end of each row but the header": Variant(
            "t.csv", text(end=",\n").replace(",\n", "\n", 1).encode(), reading={"trailing": True}
        ),
        "blank lines": Variant("t.csv", ("\n \n" + text(end="\n\n")).encode()),
        "titles before the header": Variant(
            "t.csv", ("Cohort 2024\nfor the study, all wards\n" + text()).encode().replace(b", all", b" all")
        ),
        "spaces around": Variant("t.csv", text(quote=lambda cell: f"  {cell} ").encode()),
    }


def _marks() -> dict[str, Variant]:
    def marked(delimiter: str, decimal: str, thousands: str, encoding: str = "utf-8") -> Variant:
        content = text(delimiter, decimal, thousands, quote=where_needed if delimiter == "," else str)
        return Variant("t.csv", content.encode(encoding), reading={"decimal": decimal, "thousands": thousands})

    return {
        "decimal commas": marked(";", ",", ""),
        "decimal commas in quotes": marked(",", ",", ""),
        "commas before thousands": marked(",", ".", ","),
        "points before thousands": marked(";", ",", "."),
        "spaces before thousands": marked(";", ",", " "),
        "fixed spaces before thousands": marked(";", ",", "\u00a0", "cp1252"),
        "apostrophes before thousands": marked(",", ".", "'"),
    }


def _others(folder: Path) -> dict[str, Variant]:
    def formulas(sheet: Any) -> None:
        sheet.insert_cols(1)
        for place, cell in enumerate(["visit", *(date(2024, 1, day) for day in range(1, 7))], 1):
            sheet.cell(place, 1, cell)

    url = {"where.url": b"sqlite:///cohort.db\n", "cohort.db": sqlite(folder)}
    return {
        "Excel": Variant("t.xlsx", workbook([HEADER, *ROWS]), reading={"kind": "excel"}),
        "Excel with dates": Variant("t.xlsx", workbook([HEADER, *ROWS], formulas)),
        "Excel with a title": Variant("t.xlsx", workbook([["Cohort"], [], HEADER, *ROWS]), reading={"skip": 2}),
        "Excel with numbers in texts": Variant(
            "t.xlsx", workbook([HEADER, *([a, str(b), str(c), str(d), e] for a, b, c, d, e in ROWS)])
        ),
        "Parquet": Variant("t.parquet", parquet(), reading={"kind": "parquet"}),
        "SQLite": Variant("t.sql", b"SELECT * FROM cohort ORDER BY name;\n", beside=url),
    }
