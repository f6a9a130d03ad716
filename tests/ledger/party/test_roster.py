"""What a gateway's desk answers by is put together where something changed it, and is what the ledger says then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consortia.neighbours import Neighbour
from support.worlds.world import World

from ledger.errors import Unavailable
from ledger.events.rounds import Form
from ledger.jobs.document import Job
from ledger.party.sharing.duties import Duties, Roster, duties_of


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Neighbour]:
    found = Neighbour(World(4).open_job(), 0, tmp_path)
    yield found
    found.close()


def test_what_is_owed_follows_each_step_of_a_round(home: Neighbour) -> None:
    world, roster = home.world, Roster(home)  # type: ignore[arg-type]
    seen: list[Duties] = []

    def look() -> None:
        seen.append(roster.now())
        assert seen[-1] == duties_of(home)  # type: ignore[arg-type]

    look()
    world.open_round()
    look()
    for member in range(4):
        world.submit(member)
        look()
    world.open_pending()
    look()
    aggregate = world.publish(0)
    look()
    world.say(1, Form.OTHER, bytes([9]) * 32, bytes([7]) * 32)
    look()
    for member in (2, 3):
        world.attest(member, claim=aggregate.claim)
        look()
    world.open_round(1)
    look()
    assert [len(one.files) for one in seen] == [0] * 6 + [4, 5, 6, 6, 2, 0]


def test_where_nothing_changed_nothing_is_put_together(home: Neighbour) -> None:
    """Agreeing attestations are most of what happens while a round has its files."""
    world, roster = home.world, Roster(home)  # type: ignore[arg-type]
    world.open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    aggregate = world.publish(0)
    first = roster.now()
    world.attest(1, claim=aggregate.claim)
    second = roster.now()
    assert second.files is first.files
    assert second.rolls is first.rolls
    assert (first.tip + 1, second) == (second.tip, duties_of(home))  # type: ignore[arg-type]


def test_a_document_that_comes_late_is_noticed(home: Neighbour, monkeypatch: pytest.MonkeyPatch) -> None:
    world, roster = home.world, Roster(home)  # type: ignore[arg-type]

    def lacking(state: object) -> Job:
        raise Unavailable("it is on its way")

    world.open_round()
    world.submit(0)
    world.open_pending()
    with monkeypatch.context() as patched:
        patched.setattr(home, "document", lacking)
        assert not roster.now().files
    assert len(roster.now().files) == 1
