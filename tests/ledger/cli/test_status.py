"""What `fedledger status` says of a round: its phase by the chain's clock, who did what, and what is out of the way."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.masked import MaskedWorld
from support.worlds.world import World

from ledger.cli.job_facts import phase
from ledger.cli.status import _job, _job_row, _notes
from ledger.events import records as r
from ledger.formats.text import clock_text
from ledger.rounds.trace import trace

NAMES = ("North", "East", "South", "West", "Centre")


@pytest.fixture
def world() -> World:
    return World(4).open_job()


def said(world: World, now: int) -> dict[str, Any]:
    document = SimpleNamespace(name="Hearts")
    connection = SimpleNamespace(history=world.history, name=NAMES.__getitem__, document=lambda _: document)
    connection.follower = SimpleNamespace(times=lambda _: {})
    return _job(connection, world.state, now)  # type: ignore[arg-type]


def test_a_round_is_where_time_puts_it(world: World) -> None:
    world.open_round()
    world.submit(0)
    assert said(world, 1_000)["round"]["phase"] == "Collecting"
    opening = said(world, 1_001)["round"]
    assert (opening["phase"], opening["deadline"], opening["unopened"]) == ("Opening", 1_060, ["North"])
    waits = f"job 1, round 1 waits to open the updates of North until {clock_text(1_060)}"
    assert list(_notes([said(world, 1_001)])) == [waits]
    assert "job 1, round 1: committed, never opened: North" in list(_notes([said(world, 1_061)]))
    world.advance()
    ended = said(world, 1_061)
    assert "job 1, round 1: abandoned, too few updates" in list(_notes([ended]))
    assert (ended["rounds"], ended["finalised"], ended["of"]) == (1, 0, 5), "no model, not one of the five"


def test_a_proposed_job_says_how_many_must_approve_it() -> None:
    world = World(4)
    proposed = {"digest": world.job.digest, "terms": world.job.terms, "model": world.job.model_terms}
    world.emit(r.JobProposed, job=1, proposer=world.keys[0], **proposed)
    world.emit(r.JobApproved, job=1, member=world.keys[0], approvals=1)
    assert phase(said(world, 0)) == "1 of 3 approvals"


def test_votes_strikes_and_approvals_are_told_by_name(world: World) -> None:
    world.honest_round()
    world.open_round(1)
    for member in range(4):
        world.submit(member)
    world.open_pending().publish(1, root=b"\x09" * 32, cid=b"\x08" * 32)
    world.attest(2)
    world.attest(3)
    job = said(world, 2_000)
    assert (job["approvals"], phase(job)) == (["North", "East", "South"], "open")
    assert job["strikes"] == {"East": 1}
    assert list(_notes([job])) == ["job 1, round 2: attempt 1 opposed by 2 members", "job 1: East has 1 strike"]
    job = said(world, job["round"]["deadline"] - 7)
    until = f"{clock_text(job['round']['deadline'])}, 7 s left"
    row = ("1", "Hearts", "open", "1 of 5", "2", "Aggregating", until, "4 of 4", "4 of 4", "1 of 4")
    assert _job_row(job)[:10] == row
    overdue = _job_row(said(world, job["round"]["deadline"] + 1))
    assert overdue[6].endswith(", overdue")


def test_a_masked_job_says_where_its_cast_and_its_set_are() -> None:
    world = MaskedWorld().open_job()
    assert list(_notes([said(world, 0)])) == ["job 1, masked: no segment is opened yet"]
    world.open_segment()
    world.set_up(1, 2)
    place = "job 1, masked: segment 1 has no cast yet; "
    assert list(_notes([said(world, 0)])) == [place + "1 of 5 members set it up"]
    world.pass_blocks(120)
    world.propose_cast(1, (0, 1, 2, 3))
    assert list(_notes([said(world, 0)])) == [place + "1 of 3 agree with the one that is proposed"]
    world = MaskedWorld().open_job().cast().begin((0, 1, 2, 3))
    world.propose_set()
    *_, told = _notes([said(world, 0)])
    assert told == "job 1, masked: round 1, a set of 4 is proposed; 1 of 3 agree"
    world.agree_set()
    world.unmask(0)
    job = said(world, 0)
    told = (
        "job 1, masked: round 1, the set of 4 is fixed; own masks taken off the sum: 1 of 4, silent: East, South, West"
    )
    assert list(_notes([job]))[1:] == [told]
    assert job["masks"]["latest"]["cast"] == list(NAMES)
    assert job["masks"]["set"]["unmask_deadline"] == world.said.unmask_deadline


def test_an_open_job_says_nothing_of_masks(world: World) -> None:
    assert said(world, 0)["masks"] is None


def test_a_model_is_traced_to_the_set_that_was_summed() -> None:
    world = MaskedWorld().open_job().cast()
    world.honest_round((0, 1, 2, 3), silent=(3,))
    found = trace(world.state, world.job, 1, NAMES.__getitem__, masks=world.masks)
    assert (found.models[0].summed, found.models[0].unmasked) == (NAMES[:4], NAMES[:3])


def test_who_withdrew_its_data_is_said_to_be_waited_for(world: World) -> None:
    world.emit(r.DataWithdrawn, job=1, member=world.keys[3], statement=bytes([7]) * 32)
    world.open_round()
    for member in range(3):
        world.submit(member)
    found = said(world, 990)
    words = f"until {clock_text(1_000)} for West, who withdrew: nobody is left to bring an update"
    assert found["round"]["waits"] == {"for": [], "withdrawn": ["West"], "needed": 1, "until": 1_000, "said": words}
    assert f"job 1, round 1 waits {words}" in list(_notes([found]))


def test_a_round_s_notes_name_whom_it_waits_for(world: World) -> None:
    world.open_round()
    world.submit(0)
    told = f"job 1, round 1 waits for the updates of East, South, West until {clock_text(1_000)}"
    assert told in list(_notes([said(world, 990)]))
