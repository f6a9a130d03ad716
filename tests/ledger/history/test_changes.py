"""A proposal that would change nothing is refused, and none that changes something is."""

from dataclasses import dataclass
from typing import Any

import pytest
from support.worlds.world import World

from ledger.events import actions as a
from ledger.events.ballots import Rules
from ledger.events.members import SuccessorNamed
from ledger.events.proposals import Release, release_id
from ledger.history.changes import ChangesNothing, require_change
from ledger.history.decisions import Decisions

NONE, KEY = bytes(32), "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
RULES = Rules(5_000, 60, 0, 60)


def of(version: str, **more: Any) -> Release:
    return Release(release_id("cardio", version), "cardio", version, 1, 1, NONE, NONE, NONE, NONE, **more)


@dataclass
class Job:
    number: int
    closed: bool
    convicted: int = 0


@dataclass
class Decided:
    """Three releases, the first the current one, the last revoked; a job that is closed."""

    members: Any
    jobs: Any
    decisions: Decisions
    successor: SuccessorNamed | None = None


@pytest.fixture
def present() -> Decided:
    history = World(4).history
    releases = [of("1.0"), of("1.1"), of("1.2", revoked=True)]
    decisions = Decisions(RULES, releases={one.id: one for one in releases}, current={"cardio": releases[0]})

    successor = SuccessorNamed(chain=5, ledger=KEY, block=1, log=0, tx=NONE, leaf=NONE)
    return Decided(history.members, {1: Job(1, False), 2: Job(2, True), 3: Job(3, False, 4)}, decisions, successor)


def same(present: Decided) -> list[a.Action]:
    """What is so already."""
    first = present.members[0]
    return [
        a.AdmitMember(first.key, 1, "Delta"),
        a.ChangeRoles(0, int(first.roles)),
        a.ChangeRules(RULES),
        a.CloseJob(2),
        a.ReleaseModel("cardio", "1.1", 1, 1, "0a" * 32),
        a.RevokeRelease("cardio", "1.2"),
        a.RollBack("cardio", "1.2"),
        a.RollBack("cardio", "1.0"),
        a.NameSuccessor(5, KEY),
        a.RewindJob(1, 1),
        a.RewindJob(1, 0),
        a.RewindJob(2, 1),
        a.RewindJob(3, 2),
    ]


def other(present: Decided) -> list[a.Action]:
    """What is next to it, and changes something."""
    return [
        a.AdmitMember(KEY, 1, "Delta"),
        a.RemoveMember(0),
        a.ChangeRoles(0, int(present.members[0].roles) ^ 4),
        a.ChangeRules(Rules(5_001, 60, 0, 60)),
        a.CloseJob(1),
        a.ReleaseModel("cardio", "1.3", 1, 1, "0a" * 32),
        a.RevokeRelease("cardio", "1.0"),
        a.RollBack("cardio", "1.1"),
        a.NameSuccessor(6, KEY),
        a.RewindJob(3, 4),
    ]


def test_what_is_so_already_is_not_proposed(present: Decided) -> None:
    for action in same(present):
        with pytest.raises(ChangesNothing, match="would change nothing: "):
            require_change(present, action)
    for action in other(present):
        require_change(present, action)


def test_every_kind_of_action_is_tried(present: Decided) -> None:
    assert {type(action) for action in other(present)} == set(a.ACTIONS)
