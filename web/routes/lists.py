"""The long lists of a page: each in brief, or one alone, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

FEW, BRIEF, PART = 8, 6, 50
"""A list of a few rows is whole on its page; of a longer one so many rows are, and in a part of it alone."""
MOST_SKIPPED = 100_000

ListName = Annotated[str, Query(alias="list", pattern="^([a-z]{1,12}(-[0-9]{1,5})?)?$")]
Skip = Annotated[int, Query(ge=0, le=MOST_SKIPPED)]


@dataclass(frozen=True, slots=True)
class ListPart:
    """Some of a list's `total` rows, from place `first` to `last`, counted from 1.

    `before` and `after` are the addresses of the parts before and after, None where there is none; of a list in `brief`
    `after` is that of all of it.
    """

    name: str
    rows: Sequence[Any]
    first: int
    last: int
    total: int
    before: str | None
    after: str | None
    brief: bool


class Lists:
    """What of each list is shown on the page at an address: its first rows, or of the list `name` alone those after
    `skip`. Once the page is drawn, `found` says whether there were such rows.
    """

    def __init__(self, address: str, name: str = "", skip: int = 0) -> None:
        self.address, self.name, self.skip = address, name, skip
        self.found = not name

    @property
    def alone(self) -> bool:
        """Whether one list is shown, and nothing else."""
        return bool(self.name)

    @property
    def query(self) -> dict[str, str]:
        """What an address says of it."""
        return self._asked(self.name, self.skip) if self.name else {}

    def shows(self, *names: str) -> bool:
        """Whether one of these lists is on the page."""
        return not self.name or self.name in names

    def of(self, name: str, rows: Sequence[Any], most: int = 0, part: int = PART) -> ListPart:
        """The rows of a list that are shown: of a part of it, or on its page, `most` if that is said."""
        alone, total = self.name == name, len(rows)
        brief = most or (total if total <= FEW else BRIEF)
        start, stop = (self.skip, self.skip + part) if alone else (0, brief)
        self.found |= alone and start < total
        chosen = rows[start:stop]
        step = part if alone or brief >= part else 0
        return ListPart(
            name=name,
            rows=chosen,
            first=start + 1,
            last=start + len(chosen),
            total=total,
            before=self._at(name, max(0, start - part)) if start else None,
            after=self._at(name, start + step) if start + len(chosen) < total else None,
            brief=not step,
        )

    def part_of(self, name: str, place: int, total: int) -> str:
        """What is appended to the page's path to show the row at a place, counted from 0."""
        if total <= FEW:
            return ""
        return "?" + urlencode(self._asked(name, place - place % PART))

    def _at(self, name: str, skip: int) -> str:
        return f"{self.address}{'&' if '?' in self.address else '?'}{urlencode(self._asked(name, skip))}#list-{name}"

    @staticmethod
    def _asked(name: str, skip: int) -> dict[str, str]:
        return {"list": name} | ({"skip": str(skip)} if skip else {})
