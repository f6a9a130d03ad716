"""What a file can do to whoever looks at it is bounded, and the error says what is too much."""

import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from support import tables

from ledger.errors import FedledgerError, Malformed, UsageError
from participant.profile.page import page
from participant.profile.profile import ProfileRequest, profile
from participant.tasks.data.sources import excel
from participant.tasks.data.sources.columns_file import beside, encode
from participant.tasks.data.tables import Schema, read_csv

pytestmark = pytest.mark.node
LIMIT = 1 << 29
"""Bytes of memory that a look may take more than an empty one."""
_PEAK = """
import resource, sys
from pathlib import Path
from ledger.errors import FedledgerError
from participant.profile.profile import ProfileRequest, profile
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
profile(ProfileRequest(Path(sys.argv[1])))
before = peak()
try:
    found = profile(ProfileRequest(Path(sys.argv[2])))[0]
    print("; ".join(one.message for one in found.faults))
except FedledgerError as error:
    print(error.message)
print(peak() - before)
"""


def looked_at(folder: Path, path: Path) -> tuple[str, int]:
    """What was said of a file, and the memory that it took, in a process of its own."""
    plain = folder / "plain.csv"
    plain.write_text(tables.text())
    command = [sys.executable, "-c", _PEAK, str(plain), str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    message, _, grown = said.strip().rpartition("\n")
    return message, int(grown)


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        file.truncate(1 << 30)  # a gigabyte of zero bytes, which take no room on the disk
    message, grown = looked_at(tmp_path, path)
    assert "a line is too long" in message or "field larger than field limit" in message
    assert grown < LIMIT


@pytest.mark.parametrize("header", [True, False])
def test_a_million_columns_are_refused(tmp_path: Path, header: bool) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join("a" if header else "1" for _ in range(1_000_000)) + "\n1,2\n")
    with pytest.raises(Malformed, match="too many columns") as caught:
        profile(ProfileRequest(path))
    assert caught.value.facts["actual"] == 1_000_000, "the header is read whole"
    if header:
        with pytest.raises(Malformed, match="too many columns"):
            read_csv(path, Schema(("a",), "b", ("no", "yes")))


def packed(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def changed(content: bytes, name: str, new: bytes) -> dict[str, bytes]:
    """The parts of a workbook, one of them another."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {part: new if part == name else archive.read(part) for part in archive.namelist()}


GOOD = [tables.HEADER, *tables.ROWS]
SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    parts = changed(tables.workbook(GOOD), SHEET, b"")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            with archive.open(name, "w", force_zip64=True) as part:
                part.write(content)
                for _ in range(1100 if name == SHEET else 0):
                    part.write(bytes(1 << 20))
    message, grown = looked_at(tmp_path, path)
    assert "too many unpacked bytes" in message
    assert grown < LIMIT


@pytest.mark.parametrize(
    ("name", "before", "junk"),
    [("xl/styles.xml", b"</styleSheet>", b"<x/>"), (SHEET, b"</row>", b"<c/>"), (SHEET, b"</sheetData>", b"<x/>")],
)
def test_a_small_workbook_of_millions_of_elements_is_refused(
    tmp_path: Path, name: str, before: bytes, junk: bytes
) -> None:
    content = tables.workbook(GOOD)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        first, mark, rest = archive.read(name).partition(before)
    path = packed(tmp_path / "bomb.xlsx", changed(content, name, first + junk * (8 << 20) + mark + rest))
    assert path.stat().st_size < 100_000
    with pytest.raises(Malformed, match="more than 100 times as large once unpacked"):
        profile(ProfileRequest(path))


def test_shared_texts_are_bounded_whatever_their_part_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "MAX_SHARED", 1 << 20)
    parts = changed(tables.workbook(GOOD), "", b"")
    path = packed(tmp_path / "t.xlsx", {**parts, "xl/texts.xml": bytes(2 << 20)})
    with pytest.raises(Malformed, match="too many bytes of shared texts"):
        profile(ProfileRequest(path))


def test_a_part_that_says_it_is_larger_packed_than_the_file_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "t.xlsx", changed(tables.workbook(GOOD), "", b""))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 20 : entry + 24] = (1 << 24).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(Malformed, match="too many bytes, as it says, for its size"):
        profile(ProfileRequest(path))


def test_a_sheet_that_claims_the_largest_size_is_as_large_as_its_cells(tmp_path: Path) -> None:
    content = tables.workbook(GOOD)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        sheet = archive.read(SHEET).replace(b'<dimension ref="A1:E7"', b'<dimension ref="A1:XFD1048576"')
    assert b"XFD1048576" in sheet
    path = packed(tmp_path / "claims.xlsx", changed(content, SHEET, sheet))
    found, columns = profile(ProfileRequest(path))
    assert (found.rows, len(columns.columns), found.right) == (6, 5, True)


def test_entities_that_grow_are_refused(tmp_path: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    content = tables.workbook(GOOD)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        sheet = archive.read(SHEET)
    path = packed(tmp_path / "entities.xlsx", changed(content, SHEET, bomb + sheet.partition(b"?>")[2]))
    with pytest.raises(Malformed, match="not an Excel workbook"):
        profile(ProfileRequest(path))


def test_a_sheet_of_too_many_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "MAX_CELLS", 20)
    path = tmp_path / "t.xlsx"
    path.write_bytes(tables.workbook(GOOD))
    with pytest.raises(Malformed, match="the sheet is too large"):
        profile(ProfileRequest(path))


BROKEN = {
    "no workbook in the archive": ("t.xlsx", b"PK\x03\x04" + bytes(100), "not an Excel workbook"),
    "an old workbook": ("t.xls", b"\xd0\xcf\x11\xe0" + bytes(100), "an Excel workbook of the old kind"),
    "packed": ("t.csv.gz", b"\x1f\x8b" + bytes(100), "packed by gzip"),
    "no Parquet": ("t.parquet", b"PAR1" + bytes(100), "not Parquet"),
    "nothing": ("t.csv", b"", "the file is empty"),
    "line ends alone": ("t.csv", b"\n\n \n", "the file is empty"),
    "bytes": ("t.csv", bytes(range(256)) * 10, ""),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_table_is_an_error_of_ours(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        found = profile(ProfileRequest(path))[0]
    except FedledgerError as error:
        assert message in error.message
        assert error.exit_code == 2
    else:
        assert not message
        assert not found.right


@pytest.mark.parametrize("place", [10, 100, -200, -20])
def test_a_damaged_workbook_or_parquet_file_is_an_error_of_ours(tmp_path: Path, place: int) -> None:
    for name, content in (("t.xlsx", tables.workbook(GOOD)), ("t.parquet", tables.parquet())):
        path = tmp_path / name
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        for bytes_ in (bytes(damaged), content[:place]):
            path.write_bytes(bytes_)
            try:
                profile(ProfileRequest(path))
            except FedledgerError as error:
                assert error.exit_code == 2


def test_the_address_of_a_database_is_private_and_in_no_message(tmp_path: Path) -> None:
    query, url = tmp_path / "t.sql", tmp_path / "where.url"
    query.write_text("SELECT * FROM absent")
    url.write_text("sqlite:///none.db")
    url.chmod(0o644)
    with pytest.raises(UsageError, match="others may read") as caught:
        profile(ProfileRequest(query, url_file="where.url"))
    assert "chmod 600" in caught.value.advice
    url.chmod(0o600)
    with pytest.raises(UsageError, match="no such SQLite database"):
        profile(ProfileRequest(query, url_file="where.url"))
    (tmp_path / "none.db").write_bytes(b"")
    with pytest.raises(Malformed, match="no such table: absent"):
        profile(ProfileRequest(query, url_file="where.url"))
    url.write_text("postgresql+nothing://ann:geheim@127.0.0.1:1/none")
    with pytest.raises(FedledgerError) as other:
        profile(ProfileRequest(query, url_file="where.url"))
    assert "geheim" not in str(other.value) + other.value.advice
    with pytest.raises(UsageError, match="nothing says where the database is"):
        profile(ProfileRequest(query))


def test_a_columns_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "t.csv", tmp_path / "other.toml"
    path.write_text(tables.text())
    other.write_bytes(encode(profile(ProfileRequest(path))[1], "t.csv"))
    beside(path).symlink_to(other)
    with pytest.raises(Malformed, match="is a link"):
        profile(ProfileRequest(path))


def test_a_columns_file_that_is_a_link_to_nothing_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(tables.text())
    beside(path).symlink_to(tmp_path / "unmounted" / "t.csv.columns.toml")
    for look in (lambda: profile(ProfileRequest(path)), lambda: read_csv(path, Schema(("age",), "ill", ("no", "yes")))):
        with pytest.raises(Malformed, match="is a link"):
            look()


@pytest.mark.parametrize("statement", ["DROP TABLE cohort", "DELETE FROM cohort RETURNING age"])
def test_a_query_changes_nothing(tmp_path: Path, statement: str) -> None:
    query, url, database = (tmp_path / name for name in ("t.sql", "where.url", "t.db"))
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE cohort (age); INSERT INTO cohort VALUES (61)")
    url.write_text("sqlite:///t.db")
    url.chmod(0o600)
    query.write_text(statement)
    with pytest.raises(Malformed, match="readonly"):
        profile(ProfileRequest(query, url_file="where.url"))
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM cohort").fetchall() == [(61,)]


@pytest.mark.parametrize(
    "numbers",
    [
        ("1e308", "-1e308", "0"),
        ("1e16", "1e16"),
        ("1e300", "1e300"),
        ("1e16", "10000000000000002"),
        ("5e-324", "0"),
        ("1.7e308", "1.79e308", "-1.79e308"),
    ],
)
def test_numbers_at_the_ends_of_float64_have_a_histogram(tmp_path: Path, numbers: tuple[str, ...]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{one}\n" for one in ("dose", *numbers)))
    found = profile(ProfileRequest(path))[0]
    told = found.columns[0].numbers
    assert told is not None
    for one in map(float, numbers):
        assert sum(place.low <= one < place.high for place in told.histogram) == 1
    assert sum(place.count for place in told.histogram) == len(numbers)
    assert "nan" not in page(found).split("<h2>Columns</h2>")[1]
