"""The pages in a real Chromium: drawn as meant, kept up to date, usable by keyboard alone and without scripts."""

import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from support.web.crowd import crowd
from support.web.relay import link_to_sign_in
from support.web.server import HOSTILE, PATHS, governed, network, served, until, view_of
from support.web.signers import world_with
from support.worlds.decisions import evaluation
from support.worlds.scorers import COSINE, ScoredWorld
from support.worlds.world import World

from ledger.keys import ephemeral
from web.reading.latest import FetchedReport
from web.reading.snapshot import freeze

pytestmark = pytest.mark.browser
WIDTHS = (360, 1200)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_its_window(site, page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in PATHS:
        page.goto(site.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colours_that_its_reader_prefers(site, page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(site.url + "/")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) > 200) == (scheme == "light")


def test_a_reader_without_scripts_sees_all(site, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-TW")
    page = context.new_page()
    page.goto(site.url + "/jobs/1/models/2")
    assert page.locator("html").get_attribute("lang") == "zh-Hant"
    assert page.locator("svg.trace circle.model").count() == 3
    assert page.locator("svg.trace .flow").count() == 8
    assert page.locator("svg.trace .flow.cut").count() == 1
    page.get_by_role("link", name="任務", exact=True).first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "任務"
    context.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(site, page: Any) -> None:
    page.goto(site.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto(site.url + "/")
    wanted = page.evaluate("document.querySelectorAll('a[href], [tabindex=\"0\"]').length")
    seen = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        seen.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(seen) == wanted


def test_pages_have_names_landmarks_and_headers_for_screen_readers(site, page: Any) -> None:
    for path in PATHS:
        page.goto(site.url + path)
        for role in ("banner", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1, (path, role)
        levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), path
        assert page.locator("th:not([scope])").count() == 0
        names = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
        assert len(names) == len(set(names)), path


@pytest.mark.parametrize("width", WIDTHS)
def test_scores_fit_their_window_with_any_party(page: Any, width: int) -> None:
    """Twenty parties, hostile names and long ones among them; scores far above zero and below, some forfeited."""
    world = ScoredWorld(COSINE, members=20)
    world.open_job().honest_round().open_scoring()
    world.score(honest=[(-10) ** (member % 10) for member in range(20)], without=(2, 4))
    view = view_of(world, known=network((*HOSTILE, *(f"a clinic of the region {n}" for n in range(16)))))
    page.set_viewport_size({"width": width, "height": 800})
    with served(view) as url:
        for path in ("/jobs/1/scores", "/jobs/1/rounds/1", "/jobs/1/models/1", "/jobs/1", "/members/2"):
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))")
            assert all(after - before <= 1 for before, after in pairwise(levels)), path
            names = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
            assert len(names) == len(set(names)), path
        page.goto(url + "/jobs/1/scores")
        bars = page.locator("svg.balance rect.for, svg.balance rect.against")
        assert bars.count() == 20
        assert page.locator("table.matrix s").count() == 2, "each had a positive score, and withheld"
        page.goto("about:blank")


@pytest.mark.parametrize("language", ["en-GB", "zh-TW"])
def test_on_a_phone_no_page_of_many_parties_is_wider_than_its_screen(browser: Any, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 360, "height": 800})
    page = context.new_page()
    with served(crowd(20)) as url:
        for path in (*PATHS, *(f"/jobs/1/rounds/2?list={name}" for name in ("updates", "scores", "scorers"))):
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            wide = page.locator(".wide:has(> table:not(.narrow))")
            cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
            assert wide.evaluate_all(cut) == [], path
        page.goto(url + "/jobs/1/rounds/2")
        assert page.locator("table.matrix.stacked tbody tr").count() == 6
        page.goto("about:blank")
    context.close()


def test_hostile_names_do_nothing_in_a_browser(page: Any) -> None:
    world = World()
    job = msgspec.structs.replace(world.job, name=HOSTILE[1])
    governed(world.open_job(digest=job.digest).honest_round().honest_round())
    page.set_viewport_size({"width": 360, "height": 800})
    with served(view_of(world, job, network(HOSTILE, title=HOSTILE[0]))) as url:
        for path in PATHS:
            page.goto(url + path)
            assert page.title() != "taken"
            assert page.locator("img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.goto(url + "/members")
        assert page.locator("tbody th").first.inner_text() == HOSTILE[0]
        page.goto("about:blank")


def test_the_overview_with_everything_it_needs_is_small(site) -> None:
    page = site.get("/", headers={"Accept-Encoding": "identity"}).text
    parts = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))
    assert any("wallet" in path for path in parts)
    sizes = [len(site.get(path, headers={"Accept-Encoding": "identity"}).content) for path in parts]
    assert len(parts) < 10
    assert len(page.encode()) + sum(sizes) < 100_000


def test_a_reader_without_scripts_sees_the_vote_the_figures_and_the_command(site, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(site.url + "/proposals/1")
    assert (
        page.get_by_role("heading", level=1).inner_text() == "Release the model of round 1 of synthetic as cardio 1.0"
    )
    assert page.locator("main button").count() == 0, "what needs a script is not there"
    assert page.locator("figure.chart svg[role=group]").count() == 2
    page.locator("figure.chart summary").first.click()
    assert page.locator("figure.chart table").first.is_visible()
    page.goto(site.url + "/proposals/4")
    assert "fedledger proposal vote 4 for --sign-only" in page.locator("main").inner_text()
    page.goto(site.url + "/releases")
    assert page.locator("a.struck").inner_text() == "early 0.1"
    context.close()


def test_a_form_of_a_member_is_reached_by_keyboard_and_labelled(site, page: Any) -> None:
    page.goto(site.url + "/jobs/1/models/1")
    page.evaluate("document.documentElement.dataset.member = '0'")
    page.locator("details.propose > summary").focus()
    page.keyboard.press("Enter")
    names = []
    for _ in range(5):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        names.append(page.evaluate("document.activeElement.name || document.activeElement.type"))
    assert names == ["name", "version", "report", "file", "submit"]
    inputs = page.locator("details.propose :is(input:not([type=hidden]), select)")
    for place in range(inputs.count()):
        assert inputs.nth(place).evaluate("field => field.labels.length") == 1


def test_what_was_opened_stays_open_when_the_page_is_brought_up_to_date(page: Any) -> None:
    world = World().open_job().honest_round().honest_round()
    chamber = governed(world)
    report = evaluation(world, 2, ("north",), 31337, network().contracts.ledger.address)
    chamber.propose(chamber.model(version="2.0", number=2, report=report.digest))
    view = view_of(world)
    view.latest.post(evaluations={report.digest: FetchedReport(report, report.mean)})
    with served(view) as url:
        page.goto(url + "/proposals/2")
        page.locator("figure.chart summary").first.click()
        chamber.vote(1)
        view.latest.post(snapshot=freeze(world.history, len(world.events)))
        until(lambda: "For 1" in page.locator("#vote .counts").inner_text())
        assert page.locator("figure.chart details").first.get_attribute("open") is not None
        page.goto("about:blank")


@pytest.mark.parametrize("scripts", [True, False])
def test_without_a_wallet_a_member_is_told_how_to_sign_in(browser: Any, scripts: bool) -> None:
    signer = ephemeral()
    view = view_of(world_with(signer), hosts=("127.0.0.1",), read="members")
    context = browser.new_context(locale="en-GB", java_script_enabled=scripts)
    with served(view) as url:
        page = context.new_page()
        page.goto(url + "/jobs")
        assert f"fedledger web sign-in {url}" in page.locator("main").inner_text()
        missing = page.get_by_text("No wallet was found")
        if scripts:
            missing.wait_for()
        assert missing.is_visible() == scripts
        opened = link_to_sign_in(url, signer)
        page.goto(opened)
        assert page.get_by_role("heading", level=1).inner_text() == "You are signed in"
        page.get_by_role("link", name="Back to the overview").click()
        assert page.url == url + "/"
        if scripts:
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("nothing can be signed here").wait_for()
        page.goto(opened)
        assert "This link has been used" in page.locator("main").inner_text()
    context.close()
