"""What live.js adds in a real Chromium: it says what changed, asks again for what is not there, opens all to print."""

from dataclasses import replace
from typing import Any

import pytest
from support.web.server import PATHS, governed, network, served, until, view_of
from support.worlds.world import World

from web.reading.latest import Latest
from web.reading.library import Library
from web.reading.snapshot import freeze
from web.view import View

pytestmark = pytest.mark.browser
BYTES, REQUESTS = 100_000, 10


def test_what_changed_is_said_by_the_names_of_its_parts(page: Any) -> None:
    world = World().open_job().honest_round()
    view = view_of(world)
    with served(view) as url:
        page.goto(url + "/jobs/1")
        world.honest_round()
        view.latest.post(snapshot=freeze(world.history, len(world.events)))
        status = page.locator("#live-status")
        until(lambda: status.inner_text().startswith("Updated: Was it computed rightly?, Latest rounds"))
        page.goto("about:blank")


def test_a_page_that_is_not_there_yet_appears_by_itself(browser: Any) -> None:
    world = World().open_job().honest_round()
    ready = view_of(world)
    latest = Latest()
    view = View(network(), latest, Library(latest, network()), rate=0)
    page = browser.new_page(locale="en-GB")
    with served(view) as url:
        page.goto(url + "/jobs/1")
        assert page.get_by_text("asks again by itself").is_visible()
        latest._state = replace(ready.latest.state)
        until(lambda: page.locator("svg.bars").count() == 1)
        page.goto("about:blank")
    page.close()


def test_paper_has_what_proves_it(page: Any) -> None:
    world = World().open_job().honest_round().honest_round()
    governed(world)
    with served(view_of(world)) as url:
        page.goto(url + "/jobs/1/models/2")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert url + "/jobs/1/models/2" in page.locator(".printed").inner_text()
        cut = "[...document.querySelectorAll('.hash')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
        assert page.evaluate(cut) == 0, "every hash is whole"
        assert page.evaluate("getComputedStyle(document.querySelector('main a'), '::after').content") != "none"
        page.goto(url + "/jobs/1/rounds/1")
        closed = page.locator("main details:not(.term, [open])").count()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("main details:not(.term, [open])").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("main details:not(.term, [open])").count() == closed > 0
        page.goto("about:blank")


def test_a_hash_and_its_button_stand_side_by_side_in_a_table(page: Any) -> None:
    world = World().open_job().honest_round()
    page.set_viewport_size({"width": 1280, "height": 800})
    with served(view_of(world)) as url:
        page.goto(url + "/jobs/1/rounds/1")
        buttons = page.locator(".wide td > button.copy")
        assert buttons.count() > 0
        below = "(all) => all.filter((one) => one.offsetTop >= one.previousElementSibling.offsetTop + 20).length"
        assert buttons.evaluate_all(below) == 0
        page.goto("about:blank")


def test_every_page_with_all_that_it_needs_is_small_and_takes_few_requests(site, browser: Any) -> None:
    for path in PATHS:
        answers: list[Any] = []
        page = browser.new_page(locale="en-GB")
        page.on("response", lambda answer, kept=answers: kept.append(answer))
        page.goto(site.url + path, wait_until="load")
        sizes = {one.url: len(one.body()) for one in answers if not one.url.endswith("/events")}
        page.close()
        assert len(sizes) < REQUESTS, path
        assert sum(sizes.values()) < BYTES, path
