"""Shared profiles in the page: side by side, decided by a clerk, and a draft that the command's own reader makes."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.shared import numbers, profile, values
from support.web.desk import OWN, busy, reader, signed_in
from support.web.relay import post
from support.web.server import HOSTILE, get, served, until

from ledger.profiles.differences import Choices
from ledger.profiles.merging import merge
from ledger.profiles.shared import SharedProfile, encode
from ledger.profiles.writing import draft_text
from web.routes import desk as routes

HTML = {"Accept": "text/html"}
NORTH = profile("North", [numbers("age", 20, 80), numbers("chol", 100, 300, unit="mg/dl")])
SOUTH = profile("South", [numbers("age", 30, 90), numbers("chol", 3, 8, unit="mmol/l")])


def handed(*profiles: SharedProfile, **choices: Any) -> dict[str, Any]:
    return {"profiles": [encode(one).decode() for one in profiles], "choices": choices}


def test_what_differs_is_told_and_once_decided_the_draft_is_the_command_s() -> None:
    with served(busy()) as url, reader(url, OWN) as own:
        first = own.post("/jobs/draft.json", json=handed(NORTH, SOUTH)).json()
        assert (first["undecided"], first["draft"]) == (1, None)
        differs = next(one for one in first["columns"] if one["state"] == "differs")
        assert differs["name"] == "chol" and "units differ" in differs["words"]
        assert ["mg/dl" in side for side in differs["sides"]] == [True, False]
        done = own.post("/jobs/draft.json", json=handed(NORTH, SOUTH, drop=["chol"], rounds=7)).json()
        assert done["undecided"] == 0
        assert done["draft"] == draft_text(merge([NORTH, SOUTH], Choices(drop=("chol",), rounds=7)))
        page = own.post("/jobs/draft", json=handed(NORTH, SOUTH, drop=["chol"]), headers=HTML).text
        assert 'download="draft.toml"' in page and "fedledger job create draft.toml" in page
        assert '<option value="drop" selected>' in page


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"profiles": []}, 400, "length"),
        ({"profiles": ["{}", "{}"]}, 400, "profile 1"),
        ({"profiles": [encode(NORTH).decode(), encode(NORTH).decode() + " "]}, 400, "profile 2"),
        ({"profiles": [encode(NORTH).decode()] * 2}, 400, ""),
        ({"profiles": ["\udce9"]}, 400, ""),
        ({"profiles": [encode(NORTH).decode()], "choices": {"label_map": "=x"}}, 400, "--label-map"),
        ({"profiles": [encode(NORTH).decode()], "choices": {"expires": "2027-13-01"}}, 400, ""),
        ({"profiles": ["[" * 100_000]}, 400, "profile 1"),
        ({"profiles": ["x" * (5 << 20)]}, 413, ""),
    ],
)
def test_what_is_no_profile_is_refused_and_says_which_it_is(body: dict[str, Any], status: int, words: str) -> None:
    content = json.dumps(body).encode("utf-8")
    headers = {"Content-Type": "application/json"}
    with served(busy()) as url, reader(url, OWN) as own:
        answer = own.post("/jobs/draft.json", content=content, headers=headers)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]


def test_what_is_said_of_a_column_stands_beside_it_though_nobody_reads_it() -> None:
    north = profile("North", [numbers("age", 20, 80), numbers("ward", 1, 9)])
    south = profile("South", [numbers("age", 30, 90)])
    with served(busy()) as url, reader(url, OWN) as own:
        made = own.post("/jobs/draft.json", json=handed(north, south)).json()
    ward = next(one for one in made["columns"] if one["name"] == "ward")
    assert ward["state"] == "left_out" and ward["sides"] == ["number: 1 to 9, half of them below 5", ""]


def test_the_draft_is_for_members() -> None:
    with served(busy()) as url:
        assert get(url + "/jobs/draft", headers=HTML).status_code == 401
        assert post(url + "/jobs/draft.json", json=handed(NORTH, SOUTH)).status_code == 401


def test_drafts_are_made_one_at_a_time_and_no_reader_waits_for_their_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    made, drawn, lock, free = routes.merged_draft, routes.plain_page, threading.Lock(), threading.Event()

    def slowly(handed: Any) -> Any:
        assert lock.acquire(blocking=False), "two at once"
        free.wait(60)
        lock.release()
        return made(handed)

    def draw(*parts: Any, **facts: Any) -> bytes:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return drawn(*parts, **facts)

    monkeypatch.setattr(routes, "merged_draft", slowly)
    monkeypatch.setattr(routes, "plain_page", draw)
    monkeypatch.setattr(routes, "MOST_WAITING", 2)
    with served(busy()) as url, reader(url, OWN) as own, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(own.post, "/jobs/draft", json=handed(NORTH, SOUTH), headers=HTML) for _ in range(8)]
        until(lambda: any(one.done() for one in asked))
        free.set()
        statuses = sorted(one.result().status_code for one in asked)
    assert set(statuses) == {200, 429} and statuses.count(200) >= 3


def test_names_of_other_parties_are_text() -> None:
    name = HOSTILE[1][:60]
    one = profile(name, [numbers("age", 20, 80), values("<b>sex</b>", {"f": 50, "m": 50})])
    two = profile("South", [numbers("age", 20, 80), values("<b>sex</b>", {"f": 50, "m": 50})])
    with served(busy()) as url, reader(url, OWN) as own:
        page = own.post("/jobs/draft", json=handed(one, two), headers=HTML).text
        assert "<img" not in page and "<b>sex" not in page


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width"), [("en-GB", 1280), ("zh-TW", 320)])
def test_a_clerk_makes_a_draft_in_the_page(browser: Any, tmp_path: Path, language: str, width: int) -> None:
    from web.drawing.language import texts

    t = texts("en" if language == "en-GB" else "zh-Hant")
    files = [
        {"name": f"{one.name}.json", "mimeType": "application/json", "buffer": encode(one)} for one in (NORTH, SOUTH)
    ]
    axe = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    with served(busy()) as url:
        context = signed_in(browser, url, OWN, locale=language, viewport={"width": width, "height": 900})
        page = context.new_page()
        page.goto(url + "/jobs/draft")
        page.locator("[data-member]").wait_for()
        page.get_by_label(t("draft", "files")).set_input_files(files)
        page.get_by_role("button", name=t("draft", "merge")).click()
        page.locator("#merged select[data-choice=chol]").select_option("drop")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(axe)
        run = 'async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa"]})).violations.map((one) => one.id)'
        assert page.evaluate(run) == []
        page.get_by_role("button", name=t("draft", "merge")).click()
        until(lambda: page.get_by_role("link", name=t("draft", "download")).count() == 1)
        with page.expect_download() as found:
            page.get_by_role("link", name=t("draft", "download")).click()
        assert found.value.suggested_filename == "draft.toml"
        text = Path(found.value.path()).read_text(encoding="utf-8")
        assert text == draft_text(merge([NORTH, SOUTH], Choices(drop=("chol",))))
        page.goto("about:blank")
        context.close()
