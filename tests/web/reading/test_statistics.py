"""The page of an analysis: what everyone's answers add up to, drawn, in both languages; and why there is nothing."""

from typing import Any

import msgspec
import numpy as np
import pytest
from support.analyses import BY_ILL, rows_of
from support.web.server import get, network, served, view_of
from support.worlds.world import World

from ledger.config import Network
from ledger.events.records import Terms
from ledger.jobs.analysis import limits_of
from ledger.jobs.document import Admission
from ledger.statistics.answers import answer
from ledger.statistics.findings import JobStatistics, findings
from ledger.statistics.table import integers_of
from web.reading.latest import MissingFile
from web.reading.statistics import read, wanted

HTML = {"Accept": "text/html"}
TABLES = [[(0, 2 + age // 30, 3, 2 + sex, age, 2, 0) for age in range(60) for sex in (0, 1)] for _ in range(3)]


@pytest.fixture(scope="module")
def world() -> World:
    """Three of four members answered, and the round is final."""
    weight, value, norm = limits_of(BY_ILL)
    limits = Admission(min_updates=2, max_weight=weight, max_value=value, max_norm=norm)
    values = sum(tensor.values for tensor in BY_ILL.tensors)
    made = World(tensors=BY_ILL.tensors, limits=limits, terms=Terms(1, 60, 60, 60, 60, 2), initial=[0] * values)
    task = msgspec.structs.replace(made.job.task, name="statistics", settings={})
    made.job = msgspec.structs.replace(made.job, task=task, hold_out=0, analysis=BY_ILL)
    made.files.put(made.job.encode())
    made.open_job().open_round()
    for member, table in enumerate(TABLES):
        integers = integers_of(BY_ILL, answer(BY_ILL, rows_of(BY_ILL, table)))
        made.submit(member, np.array(integers, "<i4"), weight=1)
    made.publish(0)
    for member in (1, 2):
        made.attest(member)
    return made


def there(world: World) -> Network:
    """The network of the world's ledger."""
    known = network(("North", "East", "South", "West"))
    ledger = msgspec.structs.replace(known.contracts.ledger, address=world.place.contract)
    return msgspec.structs.replace(known, contracts=msgspec.structs.replace(known.contracts, ledger=ledger))


def shown(world: World, found: Any, language: str = "en") -> tuple[dict[str, Any], str]:
    view = view_of(world, known=network(("North", "East", "South", "West")))
    if found is not None:
        view.latest.post(statistics={world.job.digest: found})
    with served(view) as url:
        page = get(url + "/jobs/1", headers={**HTML, "Accept-Language": language}).text
        return get(url + "/jobs/1.json").json()["statistics"], page


def test_the_background_reads_what_the_page_shows(world: World) -> None:
    view = view_of(world)
    state = view.latest.state
    assert state.snapshot is not None
    (one,) = wanted(state.snapshot, state)
    found = read(there(world), one, world.files.fetch)
    assert isinstance(found, JobStatistics)
    assert found == findings(world.place, world.state, world.job, world.files.fetch)
    document, page = shown(world, found)
    assert [party["name"] for party in document["answers"]] == ["North", "East", "South"]
    first = document["classes"][0]
    assert (first["name"], first["rows"]) == ("no", 360)
    age = first["columns"][0]
    assert (age["mean"], sum(bin_["rows"] for bin_ in age["bins"])) == ("49.5", 360)
    for words in ("ill = no", "No model is trained", "49.5", "40 – 50", "column-0", "fewer than 3 rows"):
        assert words in page, words
    chinese = shown(world, found, "zh-Hant")[1]
    for words in ("統計", "此任務不訓練模型", "少於 3 列"):
        assert words in chinese, words


def test_what_is_asked_is_said_before_anybody_answers_and_names_are_alone_in_their_direction(world: World) -> None:
    _, page = shown(world, None)
    assert "counts, means and variances, correlations of age" in page
    view = view_of(world)
    state = view.latest.state
    assert state.snapshot is not None
    (one,) = wanted(state.snapshot, state)
    page = shown(world, read(there(world), one, world.files.fetch))[1]
    assert '<th scope="row"><bdi class="short">age</bdi></th>' in page


def test_histograms_are_files_too(world: World) -> None:
    view = view_of(world)
    state = view.latest.state
    assert state.snapshot is not None
    (one,) = wanted(state.snapshot, state)
    view.latest.post(statistics={world.job.digest: read(there(world), one, world.files.fetch)})
    with served(view) as url:
        table = get(url + "/jobs/1/figures.csv?figure=column-0").text
        drawing = get(url + "/jobs/1/figures.svg?figure=column-2").text
    assert table.removeprefix("\ufeff").splitlines()[:2] == ["From,To,ill = no", "20,30,180"]
    assert "<svg" in drawing


def test_what_is_not_known_is_said(world: World) -> None:
    document, page = shown(world, None)
    assert document["classes"] == document["answers"] == []
    assert "Nothing is known yet" in page
    document, page = shown(world, MissingFile("a value of the model is the mean of no whole numbers", final=True))
    assert "the mean of no whole numbers" in page
    assert "無法" in shown(world, MissingFile("a value of the model is the mean of no whole numbers"), "zh-Hant")[1]


def test_a_model_of_other_integers_is_no_statistics(world: World) -> None:
    state = view_of(world).latest.state
    assert state.snapshot is not None
    (one,) = wanted(state.snapshot, state)

    def fetch(cid: Any, start: int, stop: int | None) -> Any:
        data = bytearray(b"".join(map(bytes, world.files.fetch(cid, 0, None))))
        data[world.layout.header_size + 4] ^= 1
        yield bytes(data[start:stop])

    found = read(there(world), one, fetch)
    assert isinstance(found, MissingFile)
    assert found.final
