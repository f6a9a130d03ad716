"""Of what kind a column is, by its first cells: numbers, dates, a few categories, or text."""

import re
from collections.abc import Sequence

from participant.profile.dialects import MOST
from participant.tasks.data.numbers import read_number
from participant.tasks.data.sources.cells import Unclear, plain_number
from participant.tasks.data.sources.columns_file import MISSING, Column, Kind, TableReading

CATEGORIES = 20
"""Different texts that a column of categories may have, at least; beside that, a twentieth of its cells."""
MOSTLY = 0.6
FURTHER = frozenset(
    {"#n/a", "#n/a n/a", "#value!", "#div/0!", "#ref!", "#num!", "#null!", "n.a.", "n.d.", ".", "..", "<na>", "nat"}
    | {"unknown", "not done", "none given", "未知", "缺失", "無", "无", "不詳", "不详"}
)
"""Texts that count as missing in a column that otherwise holds numbers; written into the columns file, by column."""
DATE = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}"
    r"([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}",
    re.ASCII,
)


def column_of(name: str, source: str, cells: Sequence[str], file: TableReading) -> Column:
    """The column as its first cells say; one without any is ignored."""
    texts = [cell.strip() for cell in cells]
    texts = [text for text in texts if text.lower() not in MISSING]
    source = "" if source == name else source
    further = sorted({text for text in texts if text.lower() in FURTHER})
    rest = [text for text in texts if text.lower() not in FURTHER]
    if further and rest and _share_of_numbers(rest, file) >= MOST and len(rest) >= MOSTLY * len(texts):
        return Column(name, source, "number", missing=tuple(further))
    return Column(name, source, _kind(texts, file))


def _kind(texts: Sequence[str], file: TableReading) -> Kind:
    if not texts:
        return "ignore"
    if _share_of_numbers(texts, file) >= MOSTLY:
        return "number"
    if sum(bool(DATE.fullmatch(text)) for text in texts) >= MOST * len(texts):
        return "date"
    return "category" if len(set(texts)) <= max(CATEGORIES, len(texts) // 20) else "text"


def _share_of_numbers(texts: Sequence[str], file: TableReading) -> float:
    return sum(_is_number(text, file) for text in texts) / len(texts)


def _is_number(text: str, file: TableReading) -> bool:
    try:
        read_number(plain_number(text, file))
    except (Unclear, ValueError):
        return False
    return True
