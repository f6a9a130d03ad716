"""The members whose signatures a server shows are those that the founders made: each change is under signatures."""

from collections.abc import Callable

import pytest
from support.worlds.chain import named
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import World, open_matters

from ledger.audit.keys import said_of_keys
from ledger.audit.report import Check
from ledger.events import actions as a
from ledger.events import records as r
from ledger.events.evidence import Said, SignedStatement, Unproven

FOREIGN = key(3, 7)


def rotated() -> World:
    """West replaces its own key."""
    world = World().open_job().honest_round()
    world.emit(r.KeyRotated, index=3, old_key=key(3), new_key=FOREIGN, epoch=2)
    return world


def recovered() -> World:
    """North, east and south replace the key of west."""
    world = World().open_job().honest_round()
    for member in range(3):
        world.emit(r.RotationApproved, index=3, new_key=FOREIGN, member=member, approvals=member + 1)
    world.emit(r.KeyRotated, index=3, old_key=key(3), new_key=FOREIGN, epoch=2)
    return world


def admitted() -> World:
    """The members vote a fifth one in."""
    world = World().open_job().honest_round()
    Chamber(world, deadline=9_000).decide(a.AdmitMember(FOREIGN, 7, "member 4"))
    world.emit(r.MemberAdmitted, index=4, key=FOREIGN, roles=7, epoch=2, name=named(4))
    return world


CHANGES: list[tuple[Callable[[], World], list[str]]] = [
    (rotated, ["rotateKey"]),
    (recovered, ["approveRotation"] * 3),
    (admitted, ["vote"] * 3),
]


@pytest.mark.parametrize(("change", "statements"), CHANGES, ids=["rotated", "recovered", "admitted"])
def test_each_change_of_who_speaks_is_proven(change: Callable[[], World], statements: list[str]) -> None:
    world = change()
    world.keys = [member.key for _, member in sorted(world.history.members.items())]
    world.honest_round(updates=[0, 1, 2])
    assert [said.statement for said in said_of_keys(world.history, world.block)] == statements
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none"), report
    assert report.passed[Check.SIGNED] >= 6 + len(statements)


@pytest.mark.parametrize(("change", "statements"), CHANGES, ids=["rotated", "recovered", "admitted"])
def test_a_change_that_nobody_signed_makes_the_whole_history_the_servers(
    change: Callable[[], World], statements: list[str]
) -> None:
    """All else is signed: the server has the keys of the members that it made up."""
    world = change()
    world.keys = [member.key for _, member in sorted(world.history.members.items())]
    world.honest_round(updates=[0, 1, 2])

    report = world.audit(witness=without(world, statements[-1]))
    (found,) = open_matters(report)
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert (found.check, found.fault) == (Check.SIGNED, "the chain node")
    assert f"did not sign the {statements[-1]} that it shows" in found.why


def test_what_nobody_signed_of_keys_after_the_last_head_is_the_tail() -> None:
    world = rotated()
    assert world.audit(witness=without(world, "rotateKey")).right.answer == "yes"


def without(world: World, statement: str) -> Callable[[Said], SignedStatement]:
    def witness(said: Said) -> SignedStatement:
        if said.statement == statement:
            raise Unproven("the node has no such transaction", tx=said.tx.hex())
        return world.witness(said)

    return witness


def replaced_and_lying(*, by: int) -> World:
    """After an honest round west's key is replaced, and the new one publishes a false model."""
    world = World().open_job().honest_round()
    world.emit(r.KeyRotated, index=by, old_key=key(by), new_key=FOREIGN, epoch=2)
    world.keys = [member.key for _, member in sorted(world.history.members.items())]
    world.open_round(by)
    for member in range(4):
        world.submit(member)
    world.publish(by, root=b"\x07" * 32)
    return world


def test_a_member_is_named_by_a_new_key_where_its_old_one_signed_for_it() -> None:
    report = replaced_and_lying(by=3).audit()
    assert [(lie.who, lie.key) for lie in report.lies.list] == [("west", FOREIGN)]


def test_a_server_that_makes_up_a_new_key_names_nobody_by_it() -> None:
    """A liar's key under an honest member's name: nothing after the last signed head says whose it is."""
    world = replaced_and_lying(by=3)
    report = world.audit(witness=without(world, "rotateKey"))
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert {one.fault for one in open_matters(report) if one.what == "who signed rotateKey"} == {"the chain node"}
