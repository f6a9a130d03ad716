"""On a phone the rows of wide tables are cards: each value has the name of its column with it."""

from html.parser import HTMLParser

import pytest
from support.web.reports import measured
from support.web.server import PATHS, get, served, view_of
from support.worlds.scorers import COSINE, ScoredWorld

from web.drawing.language import LANGUAGES
from web.view import View


class Tables(HTMLParser):
    """The stacked tables of a page: each row's cells as (tag, label, is a wide cell), under the columns' names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.columns: list[str] = []
        self.rows: list[tuple[list[str], list[tuple[str, str, bool]]]] = []
        self._stacked = self._head = self._reading = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "table":
            self._stacked = "stacked" in (found.get("class") or "").split()
            self.columns = []
        elif tag in ("thead", "tbody"):
            self._head = tag == "thead"
        elif self._stacked and tag == "tr" and not self._head:
            self.rows.append((self.columns, []))
        elif self._stacked and tag in ("th", "td"):
            self._reading = self._head
            if self._head:
                self.columns.append("")
            else:
                self.rows[-1][1].append((tag, found.get("data-label") or "", "colspan" in found))

    def handle_endtag(self, tag: str) -> None:
        self._reading = self._reading and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._reading:
            self.columns[-1] += data


def scored() -> View:
    """Two models; the updates of the first are scored."""
    world = ScoredWorld(COSINE)
    world.open_job().honest_round().open_scoring()
    world.score()
    return view_of(world.honest_round())


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_value_has_the_name_of_its_column(language: str) -> None:
    found = 0
    for view in (measured().view, scored()):
        with served(view) as url:
            for path in PATHS:
                page = get(f"{url}{path}", params={"lang": language}, headers={"Accept": "text/html"})
                for columns, cells in Tables(page.text).rows:
                    if any(wide for _, _, wide in cells):
                        continue
                    found += 1
                    assert len(columns) == len(cells), path
                    for name, (tag, label, _) in zip(columns, cells, strict=True):
                        assert label == ("" if tag == "th" else " ".join(name.split())), (path, name)
    assert found > 40
