"""What a member owes to masks stands on its desk while it can be done: set-up, words, seeds and shares."""

from support.web.server import view_of
from support.worlds.masked import MaskedWorld

from web.documents.desk import Duty
from web.reading.desk.desk import desk
from web.reading.ledger import Reading


def duties(world: MaskedWorld, index: int, now: int) -> list[Duty]:
    view = view_of(world, now=now)
    return list(desk(Reading(view.network, view.latest.state), index).duties)


def kinds(world: MaskedWorld, index: int, now: int) -> list[str]:
    return [one.kind for one in duties(world, index, now)]


def test_a_segment_is_set_up_by_each_of_its_roster_until_it_is_over() -> None:
    world = MaskedWorld().open_job().cast()
    world.open_segment(2)
    segment = world.history.masks[1].segments[2]
    (due,) = duties(world, 3, segment.deadline)
    assert (due.kind, due.round, due.deadline, due.path) == ("set_up", 4, segment.deadline, "/jobs/1")
    world.set_up(2, 3)
    assert kinds(world, 3, segment.deadline) == []
    assert kinds(world, 0, segment.deadline + 1) == []


def test_a_round_under_masks_waits_for_its_cast_alone() -> None:
    world = MaskedWorld().open_job().cast(cast=(0, 1, 2, 4))
    world.open_round()
    left = world.round.deadline
    assert kinds(world, 1, left) == ["commit"]
    assert kinds(world, 3, left) == [], "it is outside of the cast"


def test_a_set_is_agreed_with_then_unmasked_then_shares_are_given() -> None:
    world = MaskedWorld().open_job().cast()
    world.begin((0, 1, 2, 3)).propose_set()
    deadline = world.said.proposals[-1].deadline
    assert kinds(world, 1, deadline) == ["agree_set"]
    assert kinds(world, 0, deadline) == [], "who proposed it agrees"
    assert kinds(world, 1, deadline + 1) == []
    world.agree_set()
    until = world.said.unmask_deadline
    (due,) = duties(world, 1, until)
    assert (due.kind, due.deadline, due.path) == ("unmask", until, "/jobs/1/rounds/1#h-masks")
    assert kinds(world, 4, until) == [], "it is outside of the set"
    world.unmask(0)
    assert kinds(world, 0, until) == []
    assert kinds(world, 0, until + 1) == ["give_shares"], "others are silent"
    assert kinds(world, 0, world.said.share_deadline + 1) == []
