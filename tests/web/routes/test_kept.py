"""Responses are made once while nothing changes, within a bound of memory, and are as they would be made again."""

from dataclasses import replace
from typing import Any

import pytest
from support.web.reports import Measured, measured
from support.web.server import AT, get, served

from ledger.index import BlockTime
from web.drawing.reports import MOST_REPORTS, _drawn
from web.reading.ledger import Reading
from web.routes import ledger
from web.routes.kept import EACH, MOST_BYTES, Bodies, BoundedCache

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def made() -> Measured:
    return measured()


def test_no_more_bytes_are_kept_than_may_be() -> None:
    kept = BoundedCache(most := 10 * EACH)
    for number in range(100):
        kept.keep(number, b"x" * (number % 7) * 40)
        assert kept.get(0) is not None, "what is asked for stays"
        assert kept.size <= most
    assert kept.get(1) is None and kept.get(99) is not None
    kept.keep("large", b"x" * most)
    assert kept.get("large") is None and kept.size <= most
    kept.clear()
    assert (kept.size, kept.get(99)) == (0, None)


def test_keys_count_as_bodies_do() -> None:
    kept = BoundedCache(most := 10 * EACH)
    for number in range(100):
        kept.keep((str(number), "k" * EACH), b"")
        assert kept.size <= most
    assert sum(kept.get((str(number), "k" * EACH)) is not None for number in range(100)) == 4
    kept.keep("k" * most, b"")
    assert kept.get("k" * most) is None


def test_a_body_that_is_replaced_counts_once() -> None:
    kept = BoundedCache(10 * EACH)
    for size in (900, 10, 700):
        kept.keep("one", b"x" * size)
        assert kept.size == EACH + len(repr("one")) + size
    assert kept.made("two", lambda: b"yes") == b"yes" == kept.made("two", lambda: b"no")


def test_of_an_older_state_nothing_is_kept(made: Measured) -> None:
    view, bodies = made.view, Bodies(2 * EACH)
    before = Reading(view.network, view.latest.state)
    bodies.keep(before, b"old", "html")
    assert bodies.get(before, "html") == b"old"
    view.latest.post()
    now = Reading(view.network, view.latest.state)
    assert bodies.get(now, "html") is None
    bodies.keep(now, b"new", "html")
    assert bodies.get(before, "html") is None, "a request that began before"
    assert (bodies.get(now, "html"), bodies.size < 2 * EACH) == (b"new", True)
    assert Bodies().size == 0 and MOST_BYTES < 64 << 20


def test_a_document_is_made_once_while_nothing_changes(made: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    build = ledger.job_line
    monkeypatch.setattr(ledger, "job_line", lambda *given: calls.append(1) or build(*given))  # type: ignore[func-returns-value]
    view = made.view
    with served(view) as url:
        for path in ("/jobs/1/rounds", "/jobs/1/rounds.json"):
            first = [get(url + path, headers=HTML) for _ in range(3)]
            assert {one.content for one in first} == {first[0].content}
        assert len(calls) == 2
        view.latest.post()
        get(url + "/jobs/1/rounds", headers=HTML)
        assert len(calls) == 3


@pytest.mark.parametrize("path", ["/jobs/1/rounds/3", "/jobs/1/rounds/3.json"])
def test_a_kept_response_marks_no_block_as_ahead_once_the_clock_has_come_to_it(made: Measured, path: str) -> None:
    latest, before = made.view.latest, made.view.latest.state.snapshot
    assert before is not None
    latest.post(snapshot=replace(before, times={block: BlockTime(AT, True) for block in before.times}))
    words = ("in the future", '"time_ahead":true')

    def marked() -> bool:
        return any(word in get(url + path, headers=HTML).text for word in words)

    with served(made.view) as url:
        for read_at, ahead in ((AT - 60, True), (AT - 16, True), (AT, False), (AT - 60, True)):
            latest.tick(before.block, latest.state.time, read_at)
            assert marked() is ahead
        serial = latest.state.serial
        latest.tick(before.block, latest.state.time, AT - 61)
        assert latest.state.serial == serial, "nothing changed that a page says"
    latest.post(snapshot=before, read_at=AT)


@pytest.mark.parametrize("path", ["/", "/jobs/1/models/5", "/jobs/1/rounds/3"])
def test_a_kept_response_says_up_to_which_block_the_chain_is_read_now(made: Measured, path: str) -> None:
    view = made.view
    block = view.latest.state.snapshot.block if view.latest.state.snapshot else 0
    sibling = "/consortium.json" if path == "/" else path + ".json"

    def asked() -> tuple[Any, str]:
        return get(url + sibling).json()["chain"], get(url + path, headers=HTML).text

    with served(view) as url:
        asked()
        view.latest.tick(block + 7_000_000, view.latest.state.time, view.latest.state.read_at)
        chain, page = asked()
    assert chain["block"] == block + 7_000_000
    assert page.count(str(block + 7_000_000)) == 2 and "<!block>" not in page


def test_parts_of_an_address_make_another_response(made: Measured) -> None:
    with served(made.view) as url:
        for path, queries in (
            ("/jobs/1/rounds", ("", "?before=4", "?limit=1", "?lang=zh-Hant")),
            ("/jobs/1/rounds.json", ("", "?before=4", "?limit=1")),
            ("/jobs/1/models/5/figures.csv", ("?figure=roc", "?figure=sites")),
            ("/jobs/1/models/5/figures.svg", ("?figure=roc", "?figure=sites", "?figure=roc&lang=zh-Hant")),
        ):
            answers = {get(url + path + query, headers=HTML).content for query in queries}
            assert len(answers) == len(queries), path
            assert answers == {get(url + path + query, headers=HTML).content for query in queries}


@pytest.mark.parametrize(
    ("path", "ways"),
    [
        ("/jobs.json", ("?q=1", "?q=2", "?job=1&limit=7", "?x=1")),
        ("/jobs", ("?q=1", "?before=2&a=1/1", "?x=1")),
        ("/jobs/1/rounds.json", ("?limit=50", "?limit=050", "?kind=1&limit=50")),
        ("/jobs/1/rounds", ("?limit=50", "?limit=%2050", "?q=z")),
        ("/jobs/1/rounds?before=4&limit=1", ("&q=1",)),
        ("/jobs/1/models/5/figures.svg?figure=roc", ("&q=1", "&limit=6")),
        ("/jobs/1/rounds/3", ("?before=1",)),
    ],
)
def test_another_way_to_write_an_address_is_no_other_response(
    made: Measured, monkeypatch: pytest.MonkeyPatch, path: str, ways: tuple[str, ...]
) -> None:
    keys: list[Any] = []
    keep = Bodies.keep
    monkeypatch.setattr(Bodies, "keep", lambda self, now, body, *key: keys.append(key) or keep(self, now, body, *key))
    with served(made.view) as url:
        first = get(url + path, headers=HTML).content
        for way in ways:
            assert get(url + path + way, headers=HTML).content == first, way
        get(url + path.replace("/jobs/1", "/jobs/01"), headers=HTML)
    assert len(keys) == 1


def test_the_links_of_a_page_have_what_it_depends_on_and_nothing_else(made: Measured) -> None:
    with served(made.view) as url:
        page = get(url + "/jobs/1/rounds?before=4&limit=50&q=said", headers=HTML).text
    assert '"/jobs/1/rounds.json?before=4"' in page and "?before=4&amp;lang=" in page
    assert "said" not in page and "limit=50" not in page


def test_the_figures_of_a_few_reports_are_kept(made: Measured) -> None:
    with served(made.view) as url:
        for model in (3, 5):
            for language in ("en", "zh-Hant"):
                get(f"{url}/jobs/1/models/{model}?lang={language}", headers=HTML)
    assert 0 < len(_drawn) <= MOST_REPORTS
