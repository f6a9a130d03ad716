"""Batches of columns hold the very rows that are read one by one, whatever the text and wherever it is cut."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from participant.tasks.data.sources import blocks
from participant.tasks.data.sources.columns_file import TableReading
from participant.tasks.data.sources.table import text_table
from participant.tasks.data.sources.text import TextLines

pytestmark = pytest.mark.node
PATH = Path("t.csv")
CELLS = ["a", "", '"x"', '"a""b"', '"q\nr"', '"q\r\nr"', '" "', '""', "é", "\u3000", " ", "1.5", '"a,b"', 'x"y', "\t"]
rows = st.lists(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4).map(",".join), max_size=8)
tables = st.tuples(rows, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()).map(
    lambda made: made[1].join(made[0]) + (made[1] if made[2] else "")
)
texts = st.one_of(tables, st.text(st.sampled_from('a1,;"\r\n é'), max_size=40))


def cut(text: str, places: list[int]) -> Iterator[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return (text[a:b] for a, b in pairwise(edges) if a < b)


def one_by_one(text: Iterator[str], file: TableReading) -> tuple[Any, ...]:
    table = text_table(PATH, TextLines(text, PATH), file)
    all_rows, width = list(table.rows), len(table.header)
    even = [(line, cells) for line, cells in all_rows if len(cells) == width]
    return table.header, even, [(line, len(cells)) for line, cells in all_rows if len(cells) != width]


def in_batches(text: Iterator[str], file: TableReading) -> tuple[Any, ...]:
    found = blocks.text_batches(PATH, text, file)
    even, uneven = [], []
    for part in found.parts:
        even += list(zip(part.lines.tolist(), map(list, part.frame.iter_rows()), strict=True))
        uneven += part.uneven
    return found.header, even, uneven


def outcome(read: Any, *arguments: Any) -> tuple[Any, ...]:
    try:
        return tuple(read(*arguments))
    except Malformed as error:
        return error.message, error.facts.get("line")


@given(
    texts, st.lists(st.integers(0, 40), max_size=3), st.booleans(), st.sampled_from(",;"), st.sampled_from([1, 7, 1000])
)
def test_rows_lines_and_faults_are_those_of_the_module_csv(
    text: str, places: list[int], header: bool, delimiter: str, size: int
) -> None:
    file, usual = TableReading(header=header, delimiter=delimiter), blocks.BLOCK
    blocks.BLOCK = size
    try:
        found = outcome(in_batches, cut(text, places), file)
    finally:
        blocks.BLOCK = usual
    assert found == outcome(one_by_one, cut(text, places), file)


def test_a_cell_longer_than_csv_takes_is_its_fault_in_both(tmp_path: Path) -> None:
    text = "a,b\n1,2\n" + "x" * 200_000 + ",2\n"
    assert outcome(in_batches, iter([text]), TableReading()) == outcome(one_by_one, iter([text]), TableReading())
