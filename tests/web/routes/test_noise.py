"""Noise on the pages in a real Chromium: what it hides, what it costs and what is left, on phones and desks, in both
languages.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from support.web.server import network, served, view_of
from support.worlds.member_lies import begun, member_noise

pytestmark = pytest.mark.browser
NAMES = ("North", "East", "South", "West", "Centre")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(view_of(begun().honest_round().honest_round(), known=network(NAMES))) as address:
        yield address


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize(("locale", "words"), [("en-GB", "whole members"), ("zh-TW", "整個成員")])
def test_a_job_and_its_rounds_show_their_noise(url: str, browser: Any, width: int, locale: str, words: str) -> None:
    context = browser.new_context(locale=locale, viewport={"width": width, "height": 800})
    page, dp = context.new_page(), member_noise()
    for path, shown in (
        ("/jobs/1#noise", (dp.epsilon(dp.cost), dp.epsilon(dp.budget), dp.epsilon(2 * dp.cost))),
        ("/jobs/1/rounds/2", (dp.epsilon(dp.cost), dp.epsilon(2 * dp.cost))),
    ):
        page.goto(url + path)
        section = page.locator("section[aria-labelledby=h-noise]")
        assert section.count() == 1
        text = section.inner_text()
        assert words in text
        assert all(str(one) in text for one in shown)
        assert section.locator("tbody tr").count() == len(NAMES)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.get_by_role("link", name="What that hides, and budgets" if locale == "en-GB" else "隱藏內容與預算").click()
    assert page.url.endswith("/jobs/1#noise")
    context.close()
