"""Names of members: what the ledger says is shown where it keeps the rule, and stops nothing where it does not."""

import pytest
from support.worlds.decisions import Chamber
from support.worlds.signing import key
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.events import records as r
from ledger.events.actions import AdmitMember, encode_action, parse_action
from ledger.formats.member_name import NameWords
from ledger.history.naming import NameTaken, confusion, require_new_name


def admitted(data: bytes) -> Chamber:
    """Members that admitted one more, under these bytes."""
    data = data.ljust(64, b"\x00")
    words = NameWords(data[:32], data[32:])
    world = World()
    index, epoch = len(world.keys), world.history.epoch + 1
    kind, encoded = encode_action(AdmitMember(key(index), 1, "x"))
    action = parse_action(kind, encoded[:64] + data)
    chamber = Chamber(world, 9_000)
    chamber.decide(action)
    world.emit(r.MemberAdmitted, index=index, key=key(index), roles=1, epoch=epoch, name=words)
    return chamber


def newcomer(data: bytes) -> str:
    world = admitted(data).world
    return world.history.name(len(world.keys))


@pytest.mark.parametrize("name", ["Delta", "臺大醫院", "n" * 64])
def test_a_member_admitted_later_has_the_name_that_was_voted_on(name: str) -> None:
    assert newcomer(name.encode()) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 64,
        "Delta\u202e".encode(),
        b"\x1b[2J",
        b" Delta",
        b"member 0",
        b"member 77",
        b"Member 1",
        b"MEMBER 77",
    ],
    ids=[
        "none",
        "not UTF-8",
        "bidi",
        "control",
        "blank first",
        "another member's number",
        "nobody's number",
        "with a capital",
        "in capitals",
    ],
)
def test_a_name_that_breaks_the_rule_stops_nothing_and_is_not_shown(data: bytes) -> None:
    assert newcomer(data) == "member 4"


def test_a_name_is_never_used_twice() -> None:
    chamber = admitted(b"Delta")
    world = chamber.world
    words = NameWords(b"Delta".ljust(32, b"\x00"), bytes(32))
    chamber.decide(AdmitMember(key(5), 1, "Delta"))
    world.emit(r.MemberAdmitted, index=5, key=key(5), roles=1, epoch=world.history.epoch + 1, name=words)
    assert [world.history.name(index) for index in (4, 5)] == ["Delta", "member 5"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Delta", "is that of member 4"),
        ("D\u0435lta", "look-alike signs"),
        ("DELTA", "upper and lower case"),
        ("Del-ta", "spaces, _ or -"),
        ("member 9", "which member is meant"),
        ("Member-9", "which member is meant"),
        ("m\u0435mber 9", "which member is meant"),
        ("member 999", "which member is meant"),
        ("De\u034flta", "invisible signs"),
        ("Delta\u2800", "invisible signs"),
        ("Del\U0001d159ta", "invisible signs"),
    ],
)
def test_a_newcomer_gets_no_name_that_another_has_or_seems_to_have(name: str, why: str) -> None:
    members = admitted(b"Delta").world.history.members.values()
    assert why in confusion(name, members)
    with pytest.raises(NameTaken, match="name"):
        require_new_name(name, members)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("B, 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed, as scorer", "a comma"),
        ("South、East", "a comma"),
        ('South" and "East', "a quotation mark"),
        ("South” and “East", "a quotation mark"),
        ("South 0x5aAe…eAed", "an address"),
        ("\u04170х5аАе", "an address"),
        ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "an address"),
        ("\u2800", "shows nothing"),
        ("\u034f", "shows nothing"),
    ],
)
def test_a_newcomer_gets_no_name_that_passes_for_more_than_one_or_none(name: str, why: str) -> None:
    assert why in confusion(name, [])
    with pytest.raises(Malformed, match=why):
        require_new_name(name, [])


@pytest.mark.parametrize("name", ["", "n" * 65, "Echo\u202e", "0x" + "ff" * 64])
def test_a_newcomer_gets_no_name_that_breaks_the_rule(name: str) -> None:
    with pytest.raises(Malformed):
        require_new_name(name, [])


def test_a_new_name_is_nobody_elses() -> None:
    require_new_name("Echo", admitted(b"Delta").world.history.members.values())


def test_an_action_says_bytes_that_are_not_a_name_as_they_are() -> None:
    kind, encoded = encode_action(AdmitMember(key(4), 1, "Delta"))
    action = parse_action(kind, encoded[:64] + b"\xff" * 64)
    assert isinstance(action, AdmitMember)
    assert action.name == "0x" + "ff" * 64
    assert encode_action(action) == (kind, encoded[:64] + b"\xff" * 64)
