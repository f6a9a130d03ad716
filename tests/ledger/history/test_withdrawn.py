"""Data that are withdrawn on the ledger: the fold, and what an audit says of an update that comes after it."""

from copy import deepcopy
from typing import Any

import pytest
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.signing import sign
from support.worlds.world import World

from ledger.audit import Question
from ledger.events import records as r
from ledger.history.fold import HistoryError

STATEMENT = bytes([7]) * 32


def withdrawn(world: World, member: int = 1, **fields: Any) -> World:
    world.emit(r.DataWithdrawn, **{"job": 1, "member": world.keys[member], "statement": STATEMENT} | fields)
    return world


def test_it_is_known_who_withdrew_in_which_block_and_after_which_round() -> None:
    world = withdrawn(World(4).open_job().honest_round())
    withdrawn(world, 2, statement=bytes([8]) * 32)
    found = world.state.withdrawn
    assert {index: (said.last_round, said.statement[0]) for index, said in found.items()} == {1: (1, 7), 2: (1, 8)}
    assert (found[1].member, found[1].block) == (world.keys[1], world.block - 1)
    assert found[1].tx in world.transactions
    early = withdrawn(World(4).open_job())
    assert early.state.withdrawn[1].last_round == 0


LIES: dict[str, dict[str, Any]] = {
    "twice": {},
    "a job that nobody proposed": {"job": 2, "member": 0},
    "nothing stated": {"member": 0, "statement": bytes(32)},
    "a stranger": {"key": "0x000000000000000000000000000000000000dEaD"},
}


@pytest.mark.parametrize("name", LIES)
def test_what_the_contract_cannot_have_logged_is_refused_and_leaves_no_trace(name: str) -> None:
    world, lie = withdrawn(World(4).open_job()), dict(LIES[name])
    before = deepcopy(world.state)
    who = lie.pop("key", None) or world.keys[lie.pop("member", 1)]
    with pytest.raises(HistoryError, match=r"cannot have withdrawn|never proposed|0x|allowed"):
        world.emit(r.DataWithdrawn, **{"job": 1, "member": who, "statement": STATEMENT} | lie)
    assert world.state == before


def test_the_round_under_way_is_none_of_those_to_come() -> None:
    """A home that trains already may still commit: the withdrawal and the update cross on their way."""
    world = withdrawn(World(4).open_job().open_round())
    for member in range(4):
        world.submit(member)
    world.open_pending()
    assert world.state.broken_by(1) == ()
    assert not [one for one in world.audit().open.list if "withdrawn" in one.why]


def broken(last: int = 1) -> World:
    """Member 1 commits to an update of the round after its withdrawal."""
    world = World(4).open_job()
    for _ in range(last):
        world.honest_round()
    return withdrawn(world).honest_round()


def test_an_update_after_it_is_its_party_s_own_breach_and_changes_no_answer() -> None:
    world = broken()
    assert (world.state.broken_by(1), world.state.broken_by(0)) == ((2,), ())
    report = world.audit()
    (found,) = [one for one in report.open.list if "withdrawn" in one.why]
    assert (found.job, found.round, found.fault) == (1, 2, f"east ({world.keys[1]})")
    assert found.why == "its party had withdrawn its data from the job, for all rounds after round 1"
    assert found.tx == world.state.rounds[2].commitments[1].tx.hex()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")


def test_nobody_is_blamed_whose_withdrawal_cannot_be_shown() -> None:
    """A node that makes up a withdrawal shows no transaction of the member's."""
    world = broken()
    del world.transactions[world.state.withdrawn[1].tx]
    report = world.audit()
    assert not [one for one in report.open.list if one.fault and "east" in one.fault]
    assert [one.fault for one in report.open.list if "withdrawData" in one.what] == ["the chain node"]


def test_a_node_that_puts_a_withdrawal_before_updates_blames_itself() -> None:
    """Both calls are the member's, and it signed them in the other order."""
    world = broken()
    said = world.state.withdrawn[1]
    call = {"job": 1, "member": said.member, "digest": world.state.digest, "statement": said.statement}
    later = sign(r.DataWithdrawn, call, ADDRESSES["budgets"], CHAIN, 1000)
    assert later is not None
    world.transactions[said.tx] = later, said.block
    report = world.audit()
    assert not [one for one in report.open.list if one.fault and "east" in one.fault]
    assert [one.fault for one in report.open.list if "who signed commitUpdate" in one.what] == ["the chain node"]
    assert report.right.answer == "unknown"


def test_an_audit_of_the_job_says_who_kept_to_its_withdrawal() -> None:
    """And of who did not, that it is open: the note does not clear it."""
    world = World(4).open_job().honest_round()
    for member in (1, 2):
        withdrawn(world, member, statement=bytes([member]) * 32)
    world.open_round()
    for member in (0, 1, 3):
        world.submit(member)
    (claim,) = (one for one in world.audit(question=Question.of_job(1)).right.claims if one.claim == "job 1")
    said = f"data withdrawn, and no update committed since: {world.history.name(2)}"
    assert (claim.answer, claim.note) == ("yes", said)
    assert next(one.note for one in World(4).open_job().audit().right.claims if one.claim == "job 1") is None
