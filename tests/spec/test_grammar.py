"""docs/spec/grammar.md says what the code does: its examples, its table of code points, its digest."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import SHOWN, Malformed
from ledger.formats.grammar import check_json, check_name, check_text
from ledger.formats.member_name import check_member_name

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "spec" / "grammar.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^(name|text|member|document) +(accepted|refused) +(.+)$", PAGE, re.MULTILINE)
CHECKS: dict[str, Callable[[str], None]] = {
    "name": lambda said: check_name(said, "it"),
    "text": lambda said: check_text(said, "it"),
    "member": lambda said: check_member_name(said, "it"),
    "document": lambda said: check_json(said.encode(), "it"),
}


def test_there_are_examples() -> None:
    assert {(kind, end) for kind, end, _ in EXAMPLES} == {(k, e) for k in CHECKS for e in ("accepted", "refused")}


@pytest.mark.parametrize(("kind", "end", "said"), EXAMPLES)
def test_each_example_is_true(kind: str, end: str, said: str) -> None:
    if end == "accepted":
        CHECKS[kind](said)
        return
    with pytest.raises(Malformed):
        CHECKS[kind](said)


def points(text: str) -> set[int]:
    """The code points of a cell of the table: `U+0020–007E, U+061C`."""
    ranges = re.findall(r"U\+([0-9A-F]+)(?:–([0-9A-F]+))?", text)
    return {point for first, last in ranges for point in range(int(first, 16), int(last or first, 16) + 1)}


def test_the_table_is_the_set() -> None:
    rows = re.findall(r"^\| (.+) \| (?:allowed|refused)", PAGE, re.MULTILINE)
    allowed, planes, *refused = rows
    assert planes.startswith("the last two of each plane")
    ends = {plane << 16 | low for plane in range(1, 14) for low in (0xFFFE, 0xFFFF)}
    made = points(allowed) - ends - set().union(*map(points, refused))
    marks = bytes(point in made for point in range(0x110000))
    assert marks == bytes(SHOWN.fullmatch(chr(point)) is not None for point in range(0x110000))
    assert hashlib.sha256(marks).hexdigest() in PAGE
    assert f"{len(made):,}" in PAGE
