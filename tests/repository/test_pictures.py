"""The pictures of the documents: each is made by `make pictures`, small, and shown by a page that says it in words."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def _shown() -> ModuleType:
    spec = spec_from_file_location("shown_in_pictures", ROOT / "tools" / "pictures" / "shown.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    sys.modules[spec.name] = made  # where dataclasses looks for their module
    spec.loader.exec_module(made)
    return made


SHOWN = _shown()
FILES = sorted(path for path in SHOWN.FOLDER.iterdir())


def images(page: Path) -> list[tuple[str, Path]]:
    """Words and file of every picture that a page shows."""
    return [(words, page.parent / target) for words, target in IMAGE.findall(page.read_text(encoding="utf-8"))]


def test_the_pictures_are_those_that_are_made() -> None:
    assert {path.name for path in FILES} == SHOWN.PICTURES


def test_every_picture_is_shown_by_a_page_and_every_page_shows_pictures_that_are_there() -> None:
    used = {file.resolve() for page in PAGES for _, file in images(page)}
    assert used == set(FILES)


@pytest.mark.parametrize("page", [page for page in PAGES if images(page)], ids=lambda page: page.name)
def test_a_page_says_in_words_what_a_picture_shows(page: Path) -> None:
    assert [file.name for words, file in images(page) if len(words) < 30] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_is_small_and_of_its_kind(file: Path) -> None:
    content = file.read_bytes()
    assert len(content) <= SHOWN.LARGEST
    if file.suffix == ".png":
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert content[25] == 3, "the colours are no palette"
    else:
        assert content.startswith(b"<svg ")
        assert re.findall(rb"(?:src|href)=|url\((?!#)|<script", content) == [], "it fetches or runs something"


def test_all_pictures_together_are_small() -> None:
    assert sum(path.stat().st_size for path in FILES) <= SHOWN.TOTAL
