"""A member that withdrew its data, on the pages of its job."""

import pytest
from support.web.server import get, served, view_of
from support.worlds.world import World

from ledger.events import records as r

HTML = {"Accept": "text/html"}
WORDS = {
    "en": (
        "Data withdrawn",
        "for rounds after 1",
        "It committed to updates all the same, in round",
        "withdrew its data",
    ),
    "zh-Hant": ("已撤出的資料", "適用於回合 1 之後", "但其仍於下列回合承諾更新：", "撤出任務 1"),
}


def world() -> World:
    """Member 1 withdraws after the first round, and commits to an update of the second."""
    made = World(4).open_job().honest_round()
    made.emit(r.DataWithdrawn, job=1, member=made.keys[1], statement=bytes([7]) * 32)
    return made.honest_round()


@pytest.mark.parametrize("language", WORDS)
def test_pages_say_who_withdrew_and_that_it_did_not_keep_to_it(language: str) -> None:
    title, after, broken, happened = WORDS[language]
    with served(view_of(world())) as url:
        page = get(f"{url}/jobs/1?lang={language}", headers=HTML).text
        assert all(words in page for words in (title, after, broken))
        assert '<a href="/jobs/1/rounds/2">2</a>' in page
        assert happened in get(f"{url}/activity?lang={language}", headers=HTML).text


def test_the_job_s_document_has_it() -> None:
    made = world()
    said = made.state.withdrawn[1]
    with served(view_of(made)) as url:
        (one,) = get(url + "/jobs/1.json").json()["withdrawn"]
        assert (one["party"]["index"], one["after_round"], one["block"]) == (1, 1, said.block)
        assert one["broken_in"] == [2]
        assert one["statement"].startswith("bafkrei")
        other = get(url + "/activity.json?kind=data_withdrawn").json()
        assert [line["job"] for line in other["events"] if line["kind"] == "data_withdrawn"] == [1]


WAITS = {
    "en": (
        "Waits for the updates of",
        "Counted still, though they withdrew their data and bring none:",
        "Each later round counts",
    ),
    "zh-Hant": ("等待下列成員的更新：", "仍計入已撤出資料、不再提出更新的成員：", "此後的回合仍將其計入"),
}


@pytest.mark.parametrize("language", WAITS)
def test_pages_say_for_whom_a_round_waits_until_when_and_how_that_ends(language: str) -> None:
    made = World(4).open_job()
    made.emit(r.DataWithdrawn, job=1, member=made.keys[1], statement=bytes([7]) * 32)
    made.open_round()
    made.submit(0)
    made.submit(2)
    with served(view_of(made, now=made.round.deadline - 10)) as url:
        found = get(url + "/jobs/1/rounds/1.json").json()["round"]
        assert found["awaited"] == get(url + "/jobs/1.json").json()["awaited"]
        waits = found["awaited"]
        assert [one["index"] for one in waits["parties"]] == [3]
        assert [one["index"] for one in waits["withdrawn"]] == [1]
        assert (waits["phase"], waits["needed"], waits["until"]) == ("Collecting", 2, found["update_deadline"])
        for path in ("/jobs/1", "/jobs/1/rounds/1"):
            page = get(f"{url}{path}?lang={language}", headers=HTML).text
            assert all(words in page for words in WAITS[language][:2])
            assert f'<p class="down" role="note">{WAITS[language][1]}' in page, "a line of its own: it has a frame"
        page = get(f"{url}/jobs/1?lang={language}", headers=HTML).text
        assert WAITS[language][2] in page
        assert "fedledger proposal propose roles 1 --roles aggregator" in page


def test_a_round_that_waits_for_nobody_says_nothing() -> None:
    with served(view_of(World(4).open_job().honest_round())) as url:
        assert get(url + "/jobs/1/rounds/1.json").json()["round"]["awaited"] is None
        assert 'id="awaited"' not in get(url + "/jobs/1/rounds/1", headers=HTML).text
