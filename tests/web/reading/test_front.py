"""The front page's first lines: what is trained, and one figure with its source, never one of rows trained on."""

import html
import re
from typing import Any

import msgspec
import pytest
from support.web.server import HOSTILE, get, governed, network, served, view_of
from support.worlds.decisions import evaluation
from support.worlds.masked import MaskedWorld
from support.worlds.world import NAMES, World

from ledger.jobs.scores import CommittedSet, Shapley
from ledger.releases.counts import BINS, Counts
from ledger.releases.report import Evaluation
from web.reading.front import front
from web.reading.latest import FetchedReport
from web.reading.ledger import Reading

HTML = {"Accept": "text/html"}


def measured(world: World, *rows: str, number: int = 1, **changes: Any) -> Evaluation:
    """A report in which the first parties measured on rows of these kinds, and have 101 right of each 110."""
    made = evaluation(world, number, NAMES[: len(rows)], 31337, network().contracts.ledger.address)
    scores = ((10,) + (0,) * (BINS - 1), (0,) * (BINS - 1) + (100,))
    counts = Counts(confusion=((1, 9), (0, 100)), scores=scores)
    parties = [
        msgspec.structs.replace(one, rows=kind, samples=110, counts=counts, **changes)
        for one, kind in zip(made.parties, rows, strict=True)
    ]
    return msgspec.structs.replace(made, parties=tuple(parties))


def headline(report: Evaluation, world: World) -> Any:
    view = view_of(world)
    view.latest.post(evaluations={report.digest: FetchedReport(report, report.mean)})
    return front(Reading(view.network, view.latest.state)).headline


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round().honest_round()


def test_held_out_rows_come_before_a_file_and_rows_trained_on_never_come(world: World) -> None:
    chamber = governed(world)
    for rows, kind, samples in (
        (("held_out", "own_file", "trained_on"), "held_out", 110),
        (("trained_on", "own_file", "own_file"), "own_file", 220),
        (("trained_on", "trained_on"), None, 0),
    ):
        report = measured(world, *rows)
        chamber.release(chamber.model(version=f"2.{samples}", report=report.digest))
        found = headline(report, world)
        assert (found and found.rows) == kind
        assert kind is None or found.samples == samples


def test_the_figure_of_several_parties_is_that_of_their_counts(world: World) -> None:
    chamber = governed(world)
    report = measured(world, "held_out", "held_out")
    chamber.release(chamber.model(version="2.0", report=report.digest))
    found = headline(report, world)
    assert (found.value, found.samples) == ("0.918182", 220)
    assert {one.name for one in found.parties} == set(NAMES[:2])


def test_a_figure_of_no_member_is_no_headline(world: World) -> None:
    chamber = governed(world)
    report = measured(world, "held_out", key="0x" + "99" * 20)
    chamber.release(chamber.model(version="2.0", report=report.digest))
    assert headline(report, world) is None


def test_what_a_proposal_says_alone_is_no_headline(world: World) -> None:
    chamber = governed(world)
    report = measured(world, "held_out")
    chamber.propose(chamber.model(version="2.0", report=report.digest))
    assert headline(report, world) is None


def test_the_current_release_comes_before_a_newer_proposal(world: World) -> None:
    chamber = governed(world)
    released, proposed = measured(world, "own_file"), measured(world, "held_out", number=2)
    chamber.release(chamber.model(version="1.1", report=released.digest))
    chamber.propose(chamber.model(version="2.0", number=2, report=proposed.digest))
    view = view_of(world)
    view.latest.post(evaluations={one.digest: FetchedReport(one, one.mean) for one in (released, proposed)})
    found = front(Reading(view.network, view.latest.state)).headline
    assert found is not None
    assert (found.release.version, found.round) == ("1.1", 1)


def test_the_page_says_it_in_a_sentence_with_hostile_names_as_text() -> None:
    world = World()
    job = msgspec.structs.replace(world.job, name=HOSTILE[0])
    settings = {**job.task.settings, "classes": [HOSTILE[1], "benign"]}
    job = msgspec.structs.replace(job, task=msgspec.structs.replace(job.task, settings=settings))
    chamber = governed(world.open_job(digest=job.digest).honest_round().honest_round())
    report = measured(world, "held_out")
    chamber.release(chamber.model(version="1.1", report=report.digest))
    view = view_of(world, job)
    view.latest.post(evaluations={report.digest: FetchedReport(report, report.mean)})
    with served(view) as url:
        text = get(url + "/", headers=HTML).text
        chinese = get(url + "/?lang=zh-Hant", headers=HTML).text
        document = get(url + "/consortium.json").json()["front"]
    words = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", text))
    assert "<img" not in text + chinese
    assert "4 participants train one model together: &lt;script&gt;" in words
    assert f"on 110 rows held out from training by {NAMES[0]}." in words
    assert "Measured by 1 of 4 participants." in words
    assert "Members read each other's" in html.unescape(words) and "evaluation set" not in words
    assert document["headline"]["rows"] == "held_out"
    assert document["trained"]["classes"] == [HOSTILE[1], "benign"]


def test_rows_of_a_committed_set_are_said_to_be_open_to_every_member() -> None:
    world = World()
    evidence = CommittedSet(cid="b", root="00" * 32, samples=113, shape=(8,), classes=2, layers=())
    scoring = Shapley(evidence=evidence, utility="accuracy")
    job = msgspec.structs.replace(world.job, scoring=scoring)
    with served(view_of(world.open_job(digest=job.digest), job)) as url:
        text = get(url + "/", headers=HTML).text
        assert get(url + "/consortium.json").json()["front"]["trained"]["open_rows"] == 113
    assert "its 113 rows are open to every member" in text


def test_a_masked_job_is_not_said_to_have_updates_that_members_read() -> None:
    with served(view_of(MaskedWorld().open_job())) as url:
        text = html.unescape(get(url + "/", headers=HTML).text)
        assert get(url + "/consortium.json").json()["front"]["trained"]["masked"] is True
    assert "They are masked: others read the sum of several" in text
    assert "embers read each other's" not in text


def test_what_no_audit_covered_is_said(world: World) -> None:
    view = view_of(world)
    world.honest_round()
    newer = view_of(world).latest.state.snapshot
    view.latest.post(snapshot=newer)
    with served(view) as url:
        assert "1 round has ended since and is not audited yet." in get(url + "/", headers=HTML).text


def test_the_last_five_events_are_there_newest_first(world: World) -> None:
    with served(view_of(world)) as url:
        recent = get(url + "/consortium.json").json()["front"]["recent"]
        text = get(url + "/", headers=HTML).text
    assert [one["number"] for one in recent] == list(range(len(world.events), len(world.events) - 5, -1))
    assert text.count('<li id="event-') == 5
    assert '<a href="/activity">' in text
