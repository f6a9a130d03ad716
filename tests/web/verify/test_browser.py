"""Rounds recomputed in a real Chromium, from the blocks that a server passes on."""

from pathlib import Path
from typing import Any

import pytest
from support.web.recomputed import again, codes, is_free, page_of, recompute, round_of

from ledger.formats.cid import Cid

pytestmark = pytest.mark.browser


def test_an_honest_round_is_recomputed_to_the_same_model(site: Any, page: Any) -> None:
    outcome = recompute(page, site.url, 1, 1)
    assert codes(page) == [], page.locator("#findings").inner_text()
    assert outcome.locator(".mark").inner_text() == "RECOMPUTED"
    assert "hashed by WebCrypto" in outcome.inner_text()
    assert "Signatures were not checked." in outcome.inner_text()
    assert "Updates judged: 4." in outcome.inner_text()


def test_a_lie_that_members_refuted_is_found_and_named(site: Any, page: Any) -> None:
    outcome = recompute(page, site.url, 1, 2)
    assert codes(page) == ["CAUGHT ROOT"]
    assert outcome.locator(".mark").inner_text() == "RECOMPUTED", "it does not stand"
    assert site.trial.parties[0].member.address in page.locator("#findings").inner_text()


def test_the_page_is_used_by_keyboard_and_in_chinese(site: Any, browser: Any) -> None:
    context = browser.new_context(locale="zh-TW", viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.goto(f"{site.url}/jobs/1/rounds/1")
    page.get_by_role("link", name="在您的瀏覽器重新計算本回合").click()
    page.wait_for_url("**/verify?**")  # and its scripts: a key before them sends the form instead
    page.locator("#choice").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#outcome").wait_for()
    assert page.evaluate("document.activeElement.id") == "outcome"
    assert "這些位元組與本伺服器所稱的主張相符" in page.locator("#verdict").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_round_of_several_blocks_keeps_the_page_free(page: Any, tmp_path: Path) -> None:
    world = round_of(5, 700_000)
    with page_of(world, tmp_path) as url:
        outcome = recompute(page, url, 1, 1)
        assert outcome.locator(".mark").inner_text() == "RECOMPUTED"
        assert codes(page) == []
        assert is_free(page, lambda: again(page))
        page.goto("about:blank")


def test_a_server_s_own_bytes_are_not_believed(page: Any, tmp_path: Path) -> None:
    """Another block under an update's name: the bytes are not to be had, and nobody is blamed."""
    world = round_of(3, 5_000)
    one = world.history.jobs[1].rounds[1].sorted_updates()[1]
    with page_of(world, tmp_path) as url:

        def bend(route: Any) -> None:
            body = bytearray(route.fetch().body())
            body[-1] ^= 1
            route.fulfill(status=200, body=bytes(body), content_type="application/vnd.ipld.raw")

        page.context.route(f"**/ipfs/{Cid(0x55, one.cid)}*", bend)
        outcome = recompute(page, url, 1, 1)
        assert codes(page) == ["ADMISSION MISSING"]
        assert outcome.locator(".mark").inner_text() == "UNKNOWN"
        page.goto("about:blank")
