"""The corpus in a real Chromium, by the page as one file with no server: the verdict that it saves is the one here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from web.drawing.saved.verifier import saved

pytestmark = pytest.mark.browser
FOLDER = Path(__file__).resolve().parent
LISTED = json.loads((FOLDER / "corpus.json").read_text(encoding="utf-8"))
FIRST = [one for one in LISTED if one["file"].endswith("-0")]
"""The first file of each class."""


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of the saved file, which asks no network for anything."""
    path = tmp_path_factory.mktemp("saved") / "verify.html"
    path.write_bytes(saved())
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "blob:")) else wrong.append(asked.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert wrong == []


def verdict_of(page: Any, bundle: Path, *network: Path) -> bytes:
    page.locator("#bundle input[name=bundle]").set_input_files([])
    page.locator("#bundle input[name=network]").set_input_files(network)
    page.locator("#bundle input[name=bundle]").set_input_files(bundle)
    page.locator("#bundle input[name=bundle]:enabled").wait_for(timeout=60_000)
    with page.expect_download() as found:
        page.get_by_role("link", name="Save the verdict").click()
    return Path(found.value.path()).read_bytes()


def test_the_page_in_a_browser_answers_alike(page: Any) -> None:
    for one in FIRST:
        file, network = one["file"], [FOLDER / one["network"]] if "network" in one else []
        assert verdict_of(page, FOLDER / f"{file}.car", *network) == (FOLDER / f"{file}.json").read_bytes(), file
