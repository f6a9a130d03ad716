"""The order in which files of tests begin: the longest first, so that no process is left with one at the end.

`tests/longest.txt` lists them, and `tools/longest.py` makes it from what a run of all tests took.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LONGEST = TESTS / "longest.txt"


def listed(text: str) -> list[str]:
    """The files of a list, one a line behind its seconds, first those that begin first; `#` begins a comment."""
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return [file for _seconds, file in lines]


def in_order(items: Iterable[pytest.Item], files: list[str]) -> list[pytest.Item]:
    """The tests of these files, then all others; else, as they stand."""
    places = {TESTS.parent / file: place for place, file in enumerate(files)}
    return sorted(items, key=lambda item: places.get(item.path, len(places)))
