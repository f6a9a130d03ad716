"""What a release's page says at a glance: read in the background, shown once it was, and never of a revoked one."""

from typing import Any

import pytest
from support.content.holders import Memory
from support.preparation import PREPARATION, USE
from support.web.released import bytes_of, holder_of, read_again, shop
from support.web.server import get, served
from support.worlds.releases import release, report_on, revoke
from support.worlds.world import World

from ledger.formats.digest import sha256
from web.reading import backlog
from web.reading.backlog import Backlog

HTML = {"Accept": "text/html"}


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round().honest_round()


def about(view: Any, url: str) -> Any:
    Backlog(view.latest, view.content).catch_up()
    return get(url + "/releases/cardio/1.0.json").json()["about"]


def test_a_release_at_a_glance_has_size_digest_and_card(world: World) -> None:
    report = report_on(world, "North", "South")
    world.files.put(report.encode())
    made = release(world, report=report.digest)
    view, whole = shop(world), bytes_of(world, made)
    with served(view) as url:
        assert get(url + "/releases/cardio/1.0.json").json()["about"] is None
        assert "has not been read yet" in get(url + "/releases/cardio/1.0", headers=HTML).text
        found = about(view, url)
        card = get(url + "/releases/cardio/1.0/README.md").text
        page = get(url + "/releases/cardio/1.0", headers=HTML).text
    assert (found["size"], found["sha256"], found["card"]) == (len(whole), sha256(whole).hex(), card)
    assert found["license"] == report.license
    assert "<h3>Parties</h3>" in page
    assert sha256(whole).hex() in page


def test_what_no_holder_has_is_left_out_and_tried_again(world: World) -> None:
    report = report_on(world, "North")
    release(world, report=report.digest)
    view = shop(world, Memory("an empty holder"))
    with served(view) as url:
        found = about(view, url)
        page = get(url + "/releases/cardio/1.0", headers=HTML).text
    assert (found["sha256"], found["license"], found["card"]) == (None, None, None)
    assert 'id="card"' not in page


def test_a_large_model_is_not_read_before_anyone_asks_for_it(world: World, monkeypatch: Any) -> None:
    made = release(world)
    monkeypatch.setattr(backlog, "LARGEST_MODEL", 10)
    holder = holder_of(world)
    view = shop(world, holder)
    with served(view) as url:
        found = about(view, url)
    assert (found["size"], found["sha256"]) == (len(bytes_of(world, made)), None)


def test_a_revoked_release_has_no_card(world: World) -> None:
    made = release(world)
    view = shop(world)
    with served(view) as url:
        assert about(view, url)
        revoke(world, made)
        read_again(view, world)
        assert about(view, url) is None
        assert 'id="about"' not in get(url + "/releases/cardio/1.0", headers=HTML).text


def test_a_card_says_what_the_model_is_for_and_how_tables_are_prepared() -> None:
    world = World(preparation=PREPARATION, permitted_use=USE).open_job().honest_round().honest_round()
    release(world)
    with served(shop(world)) as url:
        card = get(url + "/releases/cardio/1.0/README.md").text
    assert "## Permitted use\n\n| what | which |" in card
    assert "| purpose | predict heart disease from routine measurements |" in card
    assert "## Preparation" in card
    assert "| num | 0 is no, 1 is yes" in card
    assert "agreed on CC" in card
