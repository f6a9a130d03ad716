"""Markdown (CommonMark, with GitHub's tables) in which foreign text is text: no markup, no HTML, no link of its own."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import punctuation

from ledger import errors

_HARMLESS = ",-()%"
_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in punctuation if sign not in _HARMLESS})


def plain(text: str) -> str:
    """Text of others within a line of ours: every sign that means something is escaped, as CommonMark allows."""
    return errors.plain(text).replace("\n", "\\n").translate(_ESCAPES)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of cells that are Markdown already."""
    yield _row(head)
    yield _row(["---"] * len(head))
    for row in rows:
        yield _row(row)


def fenced(language: str, *lines: str) -> Iterator[str]:
    """A block of code; no line of it may begin with a fence."""
    yield f"```{language}"
    yield from lines
    yield "```"


def json_lines(document: Mapping[str, object]) -> Iterator[str]:
    """A flat document as JSON in ASCII, a line for each name: nothing in it can begin a line."""
    entries = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(document.items())]
    yield "{"
    yield from (entry + "," for entry in entries[:-1])
    yield from entries[-1:]
    yield "}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
