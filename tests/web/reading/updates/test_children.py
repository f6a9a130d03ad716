"""What pages show of edges: who they are, how many children a sum has, and which."""

from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from support.web.server import get, network, served, view_of
from support.worlds.chain import CHAIN, CONTRACT
from support.worlds.edges import EdgesWorld

from web.reading.backlog import Backlog
from web.reading.updates import children

NAMES = ("North", "East", "South", "West")
HTML = {"Accept": "text/html"}


def world_of(many: int = 3) -> EdgesWorld:
    world = EdgesWorld(children=many)
    world.open_job().open_round()
    world.submit_sum(0, [world.child(0, number, weight=10 + number) for number in range(many)])
    world.submit(2)
    world.submit(3)
    world.publish(2)
    return world


def view(world: EdgesWorld) -> Any:
    """A server's view whose background has read what it reads of sums."""
    made = view_of(world, known=network(NAMES))
    ledger = SimpleNamespace(address=CONTRACT)
    place = SimpleNamespace(chain=SimpleNamespace(id=CHAIN), contracts=SimpleNamespace(ledger=ledger))
    library = SimpleNamespace(network=place, fetch=world.files.fetch)
    snapshot = made.latest.state.snapshot
    assert snapshot is not None
    Backlog(made.latest, library)._read_children(snapshot)  # type: ignore[arg-type]
    return made


def test_a_round_shows_the_children_of_its_sums() -> None:
    world = world_of()
    with served(view(world)) as url:
        document = get(url + "/jobs/1/rounds/1.json").json()
        address, languages = url + "/jobs/1/rounds/1", ("en", "zh-Hant")
        pages = [get(address, headers={**HTML, "Accept-Language": one}).text for one in languages]
    sums = [one["children"] for one in document["round"]["updates"]]
    assert [one and one["count"] for one in sums] == [3, None, None]
    assert sorted(one["weight"] for one in sums[0]["children"]) == [10, 11, 12]
    for child in sums[0]["children"]:
        assert all(child["party"][:6] in page for page in pages)
    assert "Children of" in pages[0]
    assert "總和" in pages[1]
    assert document["round"]["updates"][0]["cid"] == str(world.job.file_of(0, world.round.updates[0].cid))


def test_a_job_says_who_its_edges_are() -> None:
    with served(view(world_of())) as url:
        page = get(url + "/jobs/1", headers=HTML).text
        edges = get(url + "/jobs/1.json").json()["edges"]
    assert [one["name"] for one in edges] == ["North", "East"], "people know names, not numbers"
    assert "bring sums of their children" in page.replace("&#39;", "'")
    assert "before they attest" in page


def test_of_many_children_the_first_are_shown() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(children, "SHOWN", 2)
        with served(view(world_of())) as url:
            document = get(url + "/jobs/1/rounds/1.json").json()
            page = get(url + "/jobs/1/rounds/1", headers=HTML).text
    said = document["round"]["updates"][0]["children"]
    assert (said["count"], len(said["children"])) == (3, 2)
    assert "--children" in page


def test_a_list_that_cannot_be_had_is_not_read_yet() -> None:
    world = world_of()
    world.files.files = {cid: data for cid, data in world.files.files.items() if b"children/1" not in data}
    made = view(world)
    with served(made) as url:
        document = get(url + "/jobs/1/rounds/1.json").json()
        page = get(url + "/jobs/1/rounds/1", headers=HTML).text
    assert document["round"]["updates"][0]["children"] == {"count": None, "cid": None, "children": []}
    assert "Children of" in page
    assert made.latest.state.children == MappingProxyType({})
