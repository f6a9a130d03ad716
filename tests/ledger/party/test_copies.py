"""What the own store holds of a round, what is called unavailable, and when it is asked for again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.content.holders import Memory
from support.worlds.world import LIMITS, World

from ledger.errors import Unavailable
from ledger.formats.cid import Cid
from ledger.party.copies import FIRST_PAUSE, LONGEST_PAUSE, Copies
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders


class Home:
    """A party's connection as far as copies are concerned: an own store, and one other holder; time stands still."""

    def __init__(self, store: Embedded) -> None:
        self.store, self.other, self.now = store, Memory(), 0.0
        self.holders = Holders(store, [self.other])
        self.copies = Copies(self, lambda: self.now)  # type: ignore[arg-type]

    def keep(self, cid: Cid, pin: str, *, limit: int) -> None:
        self.holders.keep(cid, pin, limit=limit)

    def fetch(self, cid: Cid, start: int, stop: int) -> Any:
        return self.holders.read(cid, start, stop)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = Embedded(tmp_path / "store", create=True)
    yield Home(store)
    store.close()


def finalised(home: Home) -> World:
    """A round of three updates, one of a weight that is refused; all its files are at the other holder."""
    world = World().open_job().open_round()
    world.submit(0)
    world.submit(1)
    world.submit(2, weight=LIMITS.max_weight + 1)
    world.publish(0)
    for data in world.files.files.values():
        home.other.add(data)
    return world


def missing_update(home: Home) -> tuple[World, bytes]:
    """A round whose second update nobody has; its bytes."""
    world = World().open_job().open_round()
    world.submit(0)
    sent = world.submit(1)
    for data in world.files.files.values():
        home.other.add(data)
    data = world.files.files[sent.cid]
    del home.other.blocks[sent.cid]
    return world, data


def test_what_the_store_holds_after_a_round_is_the_table(home: Home) -> None:
    world = finalised(home)
    for member in (1, 2):
        world.attest(member)
    assert world.round.final is not None
    facts = world.facts
    home.copies.job(world.job)
    home.copies.base(facts)
    home.copies.round(facts)
    first, second = (world.round.updates[index] for index in (0, 1))
    assert {pin: cid.digest for pin, cid in home.store.pins().items()} == {
        f"job/{world.job.digest.hex()}": world.job.cid.digest,
        f"initial/{world.job.initial_root.hex()}": world.job.initial_cid.digest,
        "update/1/1/0": first.cid,
        "update/1/1/1": second.cid,
        "model/1/1": world.round.final.cid,
    }, "an update whose weight is refused needs no bytes"


def test_the_members_whose_bytes_nobody_has_are_missing(home: Home) -> None:
    world, data = missing_update(home)
    assert home.copies.updates(world.facts) == home.copies.gather(world.facts) == {1}
    home.other.add(data)
    assert home.copies.updates(world.facts) == set(), "asked for at once"


def test_gathering_asks_again_only_after_a_pause_that_doubles(home: Home) -> None:
    world, data = missing_update(home)
    assert home.copies.retry_in(1) is None
    pause = FIRST_PAUSE
    for _ in range(8):
        assert home.copies.gather(world.facts) == {1}
        asked = len(home.other.asked)
        assert home.copies.retry_in(1) == pause
        home.now += pause / 2
        assert home.copies.gather(world.facts) == {1}
        assert len(home.other.asked) == asked
        home.now += pause / 2
        pause = min(2 * pause, LONGEST_PAUSE)
    assert pause == LONGEST_PAUSE
    home.other.add(data)
    assert home.copies.gather(world.facts) == set()
    assert home.copies.retry_in(1) is None


def test_an_update_that_was_lost_after_all_is_asked_for_again(home: Home) -> None:
    world, data = missing_update(home)
    cid = home.other.add(data)
    assert home.copies.gather(world.facts) == set()
    assert home.copies.updates(world.facts) == set()
    asked = len(home.other.asked)
    assert home.copies.gather(world.facts) == set()
    assert len(home.other.asked) == asked, "what was had is not read again"
    home.store.unpin("update/1/1/1")
    home.copies.lost(world.facts, cid)
    assert home.copies.gather(world.facts) == set()
    assert "update/1/1/1" in home.store.pins()


def test_a_full_disk_is_no_reason_to_call_an_update_unavailable(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    world, data = missing_update(home)
    home.other.add(data)

    def full(*_arguments: Any, **_options: Any) -> None:
        raise Unavailable("cannot write: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(home.store, "put", full)
        assert home.copies.gather(world.facts) == home.copies.updates(world.facts) == set()
    assert not home.store.pins()
    assert home.copies.updates(world.facts) == set()
    assert set(home.store.pins()) == {"update/1/1/0", "update/1/1/1"}, "kept once there is room"


def test_a_file_that_is_not_of_the_job_was_had(home: Home) -> None:
    world = World().open_job().open_round()
    world.submit(0, data=b"not an artifact, and longer than it may be" * 1000)
    for data in world.files.files.values():
        home.other.add(data)
    assert home.copies.updates(world.facts) == set()


def test_a_base_that_nobody_has_stops_nothing(home: Home) -> None:
    world = World().open_job().open_round()
    world.submit(0, np.zeros(world.layout.values, "<i4"))
    home.copies.job(world.job)
    home.copies.base(world.facts)
    assert home.store.pins() == {}
