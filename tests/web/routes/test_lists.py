"""Long lists of pages: short on their page, part by part by link, whole in all parts together; every page is small."""

import re
from urllib.parse import urljoin

import pytest
from support.web.crowd import MEMBERS, crowd
from support.web.server import PATHS, get, served

from web.routes.lists import BRIEF, FEW, PART, Lists

HTML = {"Accept": "text/html"}
MORE = ("/jobs/1/rounds/1", "/jobs/1/rounds/4", "/proposals/3", "/proposals/4", "/compare?a=1/2&b=1/1", "/members/7")
LISTS = {
    "/jobs/1/rounds/2": {"updates", "signers-0", "attestations-1", "attestations-2", "timeline", "scores", "scorers"},
    "/jobs/1/rounds/4": {"missing"},
    "/jobs/1/models/2": {"parties", "figures"},
    "/jobs/1": {"approvals", "parties"},
    "/members": {"members"},
    "/proposals/1": {"ballots-1", "parties", "contributors", "medians", "figures"},
    "/proposals/3": {"ballots-3"},
    "/releases/cardio/1.0": {"ballots-1", "parties", "contributors", "medians", "figures"},
    "/compare?a=1/2&b=1/1": {"differences"},
}
ROWS = {"/members": 255, "/jobs/1/rounds/2?list=updates": 255, "/jobs/1/rounds/2?list=scorers": 64}


@pytest.fixture(scope="module")
def url():
    with served(crowd()) as found:
        yield found


@pytest.mark.parametrize(("members", "language"), [(FEW, "en"), (20, "zh-Hant"), (MEMBERS, "en"), (MEMBERS, "zh-Hant")])
def test_every_page_and_every_part_of_its_lists_is_small(members: int, language: str) -> None:
    """Who signed is one list for each update: one of them is enough."""
    with served(crowd(members)) as url:
        todo, seen = [*PATHS, *MORE], set()
        while todo:
            path = todo.pop()
            seen.add(path)
            answer = get(url + path, headers=HTML | {"Accept-Language": language})
            assert answer.status_code == 200, path
            assert len(answer.content) < 100_000, path
            links = re.findall(r'<a (?:rel="(?:next|prev)" )?href="([^"]*list=[^"]*)"', answer.text)
            found = {urljoin(path, one.replace("&amp;", "&").partition("#")[0]) for one in links}
            asked = (one for one in found if "lang=" not in one and not re.search(r"signers-(?!7\b)", one))
            todo += [one for one in asked if one not in seen and one not in todo]
    assert len(seen) > len(PATHS) + len(MORE) + (20 if members > FEW else 0)


def test_all_parts_of_a_list_together_are_the_list(url: str) -> None:
    for path, total in ROWS.items():
        rows: list[str] = []
        address: str | None = path
        while address:
            text = get(url + address, headers=HTML).text
            body = re.search(r'<div class="wide" id="list-\w+".*?</table>', text, re.DOTALL)
            assert body
            rows += re.findall(
                r'<tr[^>]*>(?:<td[^>]*>\d+</td>)?<th scope="row"><a class="party" href="([^"]+)"', body[0]
            )
            after = re.search(r'rel="next" href="([^"#]+)', text)
            address = after[1].replace("&amp;", "&") if after else None
        assert rows == [f"/members/{number}" for number in range(total)], path


@pytest.mark.parametrize("path", LISTS)
def test_a_long_list_is_short_on_its_page_and_leads_to_the_rest(url: str, path: str) -> None:
    text = get(url + path, headers=HTML).text
    assert set(re.findall(r"[?;&]list=([a-z]+(?:-\d+)?)", text)) >= LISTS[path]
    for name in LISTS[path]:
        alone = get(f"{url}{path}{'&' if '?' in path else '?'}list={name}", headers=HTML)
        assert f'id="list-{name.split("-")[0] if name.startswith("signers") else name}"' in alone.text, name
        assert len(re.findall("<h1", alone.text)) == 1
        assert f'<a href="{path.replace("&", "&amp;")}"' in alone.text.replace("%2F", "/"), "back to the page"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("list=updates&skip=250", 200),
        ("list=updates&skip=255", 404),
        ("list=nothing", 404),
        ("list=<script>", 400),
        ("list=updates&skip=-1", 400),
        ("list=updates&skip=" + "9" * 30, 400),
        ("skip=50", 200),
    ],
)
def test_a_part_that_is_not_there_is_said_to_be_missing(url: str, query: str, status: int) -> None:
    assert get(f"{url}/jobs/1/rounds/2?{query}", headers=HTML).status_code == status


def test_the_language_changes_and_the_part_stays(url: str) -> None:
    text = get(f"{url}/jobs/1/rounds/2?list=updates&skip=50", headers=HTML).text
    assert "/jobs/1/rounds/2?list=updates&amp;skip=50&amp;lang=zh-Hant" in text
    assert 'href="/jobs/1/rounds/2.json"' in text, "the document is whole"


def test_an_update_of_a_trace_leads_to_the_row_wherever_that_is(url: str) -> None:
    text = get(f"{url}/jobs/1/models/2", headers=HTML).text
    (address, key) = re.findall(r'<a href="(/jobs/1/rounds/2[^"#]*)#(update-\w+)"', text)[-1]
    assert f'<tr id="{key}">' in get(url + address, headers=HTML).text
    assert ">+243</text>" in text


def test_few_rows_are_whole() -> None:
    lists, rows = Lists("/x?a=1"), list(range(FEW + 1))
    few, many = lists.of("few", rows[:FEW]), lists.of("many", rows)
    assert (few.rows, few.after) == (rows[:FEW], None)
    assert (many.rows, many.after, many.brief) == (rows[:BRIEF], "/x?a=1&list=many#list-many", True)
    part = Lists("/x", "many", PART).of("many", list(range(2 * PART + 1)))
    assert (part.first, part.last, part.before, part.after) == (
        PART + 1,
        2 * PART,
        "/x?list=many#list-many",
        f"/x?list=many&skip={2 * PART}#list-many",
    )
