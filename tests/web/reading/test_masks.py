"""What pages say of masks is what the board has: segments and casts, sets, and who answered."""

import copy
from typing import Any

from msgspec.structs import replace
from support.web.server import get, network, served, view_of
from support.worlds import mask_groups
from support.worlds.masked import MaskedWorld
from support.worlds.world import World

from web.reading.snapshot import freeze
from web.reading.updates.groups import read, wanted

NAMES = ("North", "East", "South", "West", "Centre")
HTML = {"Accept": "text/html"}


def begun() -> MaskedWorld:
    """Four of five bring an update; the set is fixed, one member has unmasked."""
    world = MaskedWorld().open_job().cast()
    world.begin((0, 1, 2, 3)).fix_set()
    world.unmask(0)
    return world


def shown(world: World, path: str, language: str = "en") -> tuple[dict[str, Any], str]:
    """A page's document and the page."""
    with served(view_of(world, known=network(NAMES))) as url:
        page = get(url + path, headers={**HTML, "Accept-Language": language}).text
        return get(url + path + ".json").json(), page


def names(parties: list[dict[str, Any]]) -> list[str]:
    return [party["name"] for party in parties]


def test_a_round_has_its_set_its_deadlines_and_who_unmasked() -> None:
    world = begun()
    document, page = shown(world, "/jobs/1/rounds/1")
    masking = document["masking"]
    assert masking["agreement"] | {"proposer": "North"} == {
        "stage": "fixed", "proposer": "North", "agreeing": 3, "needed": 3, "deadline": None, "lapsed": 0,
    }  # fmt: skip
    assert names(masking["set"]) == ["North", "East", "South", "West"]
    assert (masking["unmask_deadline"], masking["share_deadline"]) == (
        world.said.unmask_deadline,
        world.said.share_deadline,
    )
    states = {one["party"]["name"]: one["state"] for one in masking["members"]}
    assert states == {
        "North": "unmasked",
        "East": "waiting",
        "South": "waiting",
        "West": "waiting",
        "Centre": "outside",
    }
    assert masking["members"][0]["shares"] == 1
    assert "sum of 4 updates" in page
    assert "outside of the set" in page
    assert "集合" in shown(world, "/jobs/1/rounds/1", "zh-Hant")[1]


def test_a_set_that_is_only_proposed_says_by_whom_and_until_when() -> None:
    world = MaskedWorld().open_job().cast()
    world.begin().propose_set()
    masking = shown(world, "/jobs/1/rounds/1")[0]["masking"]
    agreement = masking["agreement"]
    assert (agreement["stage"], agreement["proposer"]["name"], agreement["agreeing"]) == ("proposed", "North", 1)
    assert (agreement["deadline"], masking["set"]) == (world.said.proposals[-1].deadline, None)


def test_a_job_has_its_segments_with_their_casts() -> None:
    world = MaskedWorld().open_job().cast(cast=(0, 1, 2, 4))
    world.open_segment(2)
    world.set_up(2, 3)
    document, page = shown(world, "/jobs/1")
    second, first = document["segments"]
    assert (second["number"], second["first"], second["last"], second["cast"]) == (2, 4, 6, None)
    assert (names(second["set_up"]), len(second["roster"])) == (["West"], 5)
    assert names(first["cast"]) == ["North", "East", "South", "Centre"]
    assert (first["threshold"], first["agreement"]["stage"]) == (4, "fixed")
    assert "Segments" in page


def test_an_opened_update_is_told() -> None:
    world = begun()
    world.advance()
    world.show(1)
    document, page = shown(world, "/jobs/1/rounds/1")
    assert [one["party"]["name"] for one in document["masking"]["members"] if one["opened"]] == ["East"]
    assert "opened its update" in page


def test_an_open_job_has_no_masks() -> None:
    world = World().open_job().honest_round()
    assert shown(world, "/jobs/1/rounds/1")[0]["masking"] is None
    document, page = shown(world, "/jobs/1")
    assert (document["segments"], "Segments" in page) == ([], False)


def test_a_snapshot_does_not_change_with_the_history() -> None:
    world = begun()
    kept = freeze(world.history, world.block)
    before = copy.deepcopy(kept.masks)
    world.unmask(1)
    world.open_segment(2)
    world.set_up(2, 0)
    assert kept.masks == before


def test_a_round_says_who_is_in_which_group() -> None:
    """Once the set-up files that tell are read; before, nothing is said."""
    world = mask_groups.begun().begin().fix_set().answer()
    view = view_of(world, known=network((*NAMES, "Coast", "Valley")))
    assert {one["group"] for one in masked_members(view)} == {None}
    state = view.latest.state
    assert state.snapshot is not None
    (one,) = wanted(state.snapshot, state)
    known = network()
    there = replace(known.contracts, ledger=replace(known.contracts.ledger, address=world.place.contract))
    found = read(replace(known, contracts=there), one, world.files.fetch)
    assert found == world.groups
    view.latest.post(groups={one[-1].tx: found})
    numbers = {member["party"]["index"]: member["group"] for member in masked_members(view)}
    assert numbers == {index: number for number, group in enumerate(world.groups, 1) for index in group}
    with served(view) as url:
        page = get(url + "/jobs/1/rounds/1", headers=HTML).text
    assert "Each group has a sum of its own" in page


def masked_members(view: Any) -> list[dict[str, Any]]:
    with served(view) as url:
        members: list[dict[str, Any]] = get(url + "/jobs/1/rounds/1.json").json()["masking"]["members"]
        return members


def test_of_a_job_without_groups_nothing_is_read() -> None:
    view = view_of(begun(), known=network(NAMES))
    assert view.latest.state.snapshot is not None
    assert list(wanted(view.latest.state.snapshot, view.latest.state)) == []
