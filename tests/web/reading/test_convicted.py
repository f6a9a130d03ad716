"""A job whose model the court convicted, on every page that shows it; and what became of it after a rewind."""

from typing import Any

import msgspec
import pytest
from support.web.server import get, served, view_of
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import World

from ledger.events import records as r
from ledger.events.actions import RewindJob
from ledger.events.court import Ground
from web.reading.desk.desk import desk
from web.reading.ledger import Reading

HTML = {"Accept": "text/html"}


def convicted() -> tuple[World, Chamber]:
    """Three final rounds, two released; the second is convicted while a fourth is under way."""
    world = World(4).open_job()
    for _ in range(3):
        world.honest_round()
    chamber = Chamber(world, 2**32)
    for number, version in ((1, "1.0"), (2, "2.0")):
        chamber.release(chamber.model(version=version, number=number))
    world.open_round()
    claim = world.state.rounds[2].aggregates[0].claim
    found: dict[str, Any] = {"ground": Ground.VALUE, "member": 0, "value": 7, "expected": 1, "actual": 2}
    world.emit(r.Convicted, job=1, round=2, before=1, claim=claim, caller=key(3), **found)
    world.emit(r.ModelConvicted, job=1, round=2, before=1)
    world.emit(r.RoundAbandoned, job=1, round=4, reason=r.Reason.BASE_CONVICTED)
    return world, chamber


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_pages_say_what_is_convicted_and_what_the_job_waits_for(language: str) -> None:
    world, _ = convicted()
    words = {"en": "The court convicted", "zh-Hant": "法庭判定"}[language]
    with served(view_of(world)) as url:
        for path in ("/jobs/1", "/jobs/1/rounds/2", "/jobs/1/models/3", "/activity"):
            page = get(f"{url}{path}?lang={language}", headers=HTML).text
            assert words in page, path
        job = get(f"{url}/jobs/1?lang={language}", headers=HTML).text
        assert "fedledger proposal propose rewind 1" in job
        assert "fedledger proposal propose close-job 1" in job
        sound = get(f"{url}/jobs/1/models/1?lang={language}", headers=HTML).text
        assert words not in sound


def test_documents_mark_what_stands_on_a_convicted_model() -> None:
    world, _ = convicted()
    with served(view_of(world)) as url:
        job = get(url + "/jobs/1.json").json()["job"]
        assert (job["stage"], job["convicted"], job["sound"]) == ("convicted", 2, 1)
        rounds = {one["round"]: one["convicted"] for one in get(url + "/jobs/1/rounds.json").json()["rounds"]}
        assert rounds == {1: False, 2: True, 3: True, 4: False}
        releases = {one["version"]: one for one in get(url + "/releases.json").json()["releases"]}
        assert [(releases[name]["convicted"], releases[name]["current"]) for name in ("1.0", "2.0")] == [
            (False, False),
            (True, False),
        ]
        gone = get(url + "/releases/cardio/2.0/model.safetensors")
        assert gone.status_code == 410
        assert gone.json()["error"] == "ConvictedRelease"
        news = get(url + "/atom.xml").text
        assert "stands convicted" in news


@pytest.mark.parametrize("language", ["en", "zh-Hant"])
def test_a_job_that_begins_from_what_was_convicted_is_marked(language: str) -> None:
    world, _ = convicted()
    final = world.state.rounds[3].final
    assert final is not None
    terms = msgspec.structs.replace(world.job.model_terms, initial=final.root)
    said = {"digest": b"\x02" * 32, "proposer": key(0), "terms": world.job.terms, "model": terms}
    world.emit(r.JobProposed, job=2, **said)
    words = {"en": "begins from a model that the court convicted", "zh-Hant": "以一個不可靠的模型為起點"}[language]
    view = view_of(world)
    with served(view) as url:
        page = get(f"{url}/jobs/2?lang={language}", headers=HTML).text
        assert words in page
        assert 'href="/jobs/1/models/3"' in page
        assert words not in get(f"{url}/jobs/1?lang={language}", headers=HTML).text
        assert get(url + "/jobs/2.json").json()["begins"] == {"job": 1, "round": 3, "why": "above"}
        assert get(url + "/jobs/1.json").json()["begins"] is None
    (waiting,) = desk(Reading(view.network, view.latest.state), 1).jobs
    assert waiting.begins is not None


def test_a_halted_job_is_on_every_desk_until_somebody_proposes_what_becomes_of_it() -> None:
    world, chamber = convicted()
    chamber.deadline = 2**32

    def halted() -> list[int]:
        view = view_of(world)
        return [one.job for one in desk(Reading(view.network, view.latest.state), 1).halted]

    assert halted() == [1]
    chamber.propose(RewindJob(1, 2))
    assert halted() == []


def test_after_a_rewind_the_job_goes_on_and_what_it_left_stays_marked() -> None:
    world, chamber = convicted()
    chamber.decide(RewindJob(1, 2))
    world.emit(r.JobRewound, job=1, round=2, latest=1)
    world.honest_round()
    with served(view_of(world)) as url:
        job = get(url + "/jobs/1.json").json()["job"]
        assert (job["stage"], job["convicted"], job["latest"]["round"]) == ("open", None, 5)
        assert get(url + "/jobs/1/rounds/5.json").json()["round"]["base"] == 1
        traced = get(url + "/jobs/1/models/5.json").json()["models"]
        assert [one["round"] for one in traced] == [5, 1, 0]
        left = get(url + "/jobs/1/models/3.json").json()["models"]
        assert [one.get("convicted", False) for one in left] == [True, True, False, False]
