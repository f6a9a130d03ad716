"""Many short updates by few requests to the member that gathers them, and what becomes of those that do not come so."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.formats.cid import Cid, raw
from ledger.formats.replication import Replication
from ledger.party import relayed
from ledger.party.background import Background
from ledger.party.copying import Copying
from ledger.party.relayed import FEW, LONGEST, SHORT, TRIES, RelayedUpdates, relay_of
from ledger.store import Unreachable

RELAY = "0x" + "11" * 20
FILES = [bytes([number]) * 100 for number in range(12)]


class Home:
    """A connection whose relay has some blocks; what is asked of it, and singly, is counted."""

    def __init__(self) -> None:
        self.background, self.network = Background(), SimpleNamespace(replication=Replication())
        self.borrowed = SimpleNamespace(take=lambda job, number, cid, block: self.came.append(cid))
        self.relay = {raw(data): data for data in FILES}
        self.own: set[Cid] = set()
        self.fails: FedledgerError | None = None
        self.most, self.takes = len(FILES), 0.0
        self.given: list[float] = []
        self.silent: list[float] = []
        self.asked: list[list[Cid]] = []
        self.came: list[Cid] = []
        self.singly: list[Cid] = []

    def several(self, cids: Sequence[Cid], of: str, seconds: float, silence: float) -> dict[Cid, bytes]:
        assert of == RELAY
        self.asked.append(list(cids))
        self.given.append(seconds)
        self.silent.append(silence)
        time.sleep(min(self.takes, seconds))
        if self.fails is not None:
            raise self.fails
        return {cid: self.relay[cid] for cid in [cid for cid in cids if cid in self.relay][: self.most]}

    def holds(self, cid: Cid) -> bool:
        return cid in self.own

    def borrow(self, cid: Cid, *_: Any, **__: Any) -> None:
        self.singly.append(cid)

    def files(self, size: int = SHORT) -> list[Copying]:
        said: Any = self
        return [Copying(said, raw(data), "pin", "an update", size, borrowed=(1, 1)) for data in FILES]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(relayed, "FIRST_PAUSE", 0.001)
    home = Home()
    yield home
    home.background.cancel()
    home.background.join(60)


def facts(members: int = 100, number: int = 1, seconds: int = 60) -> Any:
    round_ = SimpleNamespace(members=members, job=1, number=number)
    return SimpleNamespace(round=round_, job=SimpleNamespace(terms=SimpleNamespace(aggregate_seconds=seconds)))


def bring(by: RelayedUpdates, files: list[Copying], of: Any = None, seconds: float = 60) -> int:
    """How many files were begun with; all of them are over then."""
    futures = by.begin(of or facts(), files, 0.0, seconds)
    assert not wait(futures, 60).not_done
    for file in files:
        file.look(0.0)
    return len(futures)


@pytest.fixture
def by(home: Home) -> RelayedUpdates:
    said: Any = home
    return RelayedUpdates(said, lambda _: RELAY)


def test_all_that_the_relay_has_come_by_one_request(home: Home, by: RelayedUpdates) -> None:
    files = home.files()
    assert bring(by, files) == len(FILES)
    assert [len(asked) for asked in home.asked] == [len(FILES)]
    assert set(home.came) == set(home.relay)
    assert home.singly == []
    assert all(file.had and file.kept for file in files)


def test_what_is_kept_waits_to_be_stored_with_the_others(home: Home, by: RelayedUpdates) -> None:
    files = home.files()
    for file in files:
        file.borrowed = None
    bring(by, files)
    assert [file.block for file in files] == FILES
    assert not any(file.had for file in files), "before it is stored"


def test_more_than_a_request_may_name_are_asked_for_in_several(
    home: Home, by: RelayedUpdates, monkeypatch: Any
) -> None:
    monkeypatch.setattr(relayed, "MOST", 5)
    bring(by, home.files())
    assert [len(asked) for asked in home.asked] == [5, 5, 2]


def test_what_the_relay_does_not_get_comes_singly(home: Home, by: RelayedUpdates) -> None:
    lacking = [raw(data) for data in FILES[:3]]
    for cid in lacking:
        del home.relay[cid]
    files = home.files()
    bring(by, files)
    assert home.singly == lacking
    assert [len(asked) for asked in home.asked] == [len(FILES), *[3] * TRIES]
    assert all(file.had for file in files)


@pytest.mark.parametrize("error", [Unreachable("gone"), Malformed("no archive")])
def test_a_relay_that_fails_is_asked_no_more_in_that_round(
    home: Home, by: RelayedUpdates, error: FedledgerError
) -> None:
    home.fails = error
    bring(by, home.files())
    assert set(home.singly) == set(home.relay)
    assert bring(by, home.files()) == 0
    assert len(home.asked) == 1
    assert bring(by, home.files(), facts(number=2)) == len(FILES)


@pytest.mark.parametrize("most", [0, 1])
def test_a_relay_that_holds_its_answers_back_leaves_half_of_the_time(
    home: Home, by: RelayedUpdates, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its answers comes in time, with a block at most."""
    now = [0.0]

    def several(*arguments: Any) -> dict[Cid, bytes]:
        now[0] += 10
        return Home.several(home, *arguments)

    monkeypatch.setattr(relayed, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(home, "several", several)
    monkeypatch.setattr(relayed, "spreading", lambda _: 60)
    home.most, files = most, home.files()
    assert bring(by, files, seconds=60) == len(FILES)
    assert now[0] == 30
    assert len(home.singly) + len(home.came) == len(FILES) and len(home.came) <= 4
    assert all(file.had for file in files)
    assert bring(by, home.files()) == 0, "it is asked no more in that round"


@pytest.mark.parametrize(("members", "longest"), [(FEW, LONGEST), (160, 10 * LONGEST)])
def test_a_relay_of_many_has_longer_to_answer(home: Home, by: RelayedUpdates, members: int, longest: float) -> None:
    bring(by, home.files(), facts(members, seconds=6000), seconds=600)
    assert home.given == [longest]
    assert home.silent == [LONGEST], "one that hangs holds up many no longer than few"


def test_a_relay_of_many_that_hangs_leaves_half_of_the_time_too(home: Home, by: RelayedUpdates) -> None:
    bring(by, home.files(), facts(160, seconds=6000), seconds=20)
    assert home.given == [pytest.approx(10, abs=1)]


def test_a_relay_that_failed_is_not_asked_by_work_that_waited(home: Home, by: RelayedUpdates) -> None:
    home.background, home.fails, home.takes = Background(1), Unreachable("gone"), 0.2
    files = home.files()
    futures = [future for at in range(0, 12, 4) for future in by.begin(facts(), files[at : at + 4], 0.0, 60)]
    assert not wait(futures, 60).not_done
    assert len(home.asked) == 1
    assert set(home.singly) == set(home.relay)


def test_what_came_and_the_disk_did_not_take_is_had(home: Home, by: RelayedUpdates) -> None:
    def full(*_: object) -> None:
        raise Unavailable("the disk is full")

    home.borrowed.take = full
    files = home.files()
    bring(by, files)
    assert all(file.had and not file.kept and file.failed is None for file in files)


def test_a_file_longer_than_it_may_be_comes_singly(home: Home, by: RelayedUpdates) -> None:
    bring(by, home.files(size=99))
    assert home.came == []
    assert set(home.singly) == set(home.relay), "where its author is to blame for it"


def test_what_is_here_is_not_asked_for(home: Home, by: RelayedUpdates) -> None:
    home.own = set(list(home.relay)[:5])
    bring(by, home.files())
    assert [len(asked) for asked in home.asked] == [len(FILES) - 5]


def test_few_members_and_long_files_go_to_their_authors(home: Home, by: RelayedUpdates) -> None:
    assert bring(by, home.files(), facts(members=Replication().all_up_to)) == 0
    assert bring(by, home.files(size=SHORT + 1)) == 0
    assert bring(by, home.files()[: relayed.LEAST - 1]) == 0
    assert home.asked == []


def test_what_is_under_way_ends_with_the_connection(
    home: Home, by: RelayedUpdates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayed, "FIRST_PAUSE", 600.0)
    home.relay.clear()
    futures = by.begin(facts(), home.files(), 0.0, 60)
    home.background.cancel()
    home.background.join(60)
    assert all(future.done() for future in futures)


def test_the_relay_is_the_opener_then_the_publisher() -> None:
    keys = {0: "0xa", 1: "0xb", 2: "0xc"}
    round_: Any = SimpleNamespace(keys=keys, opener_index=1, aggregates=[])
    said: Any = SimpleNamespace(round=round_)
    assert relay_of(said, "0xc") == "0xb"
    assert relay_of(said, "0xb") == "", "nobody asks itself"
    round_.aggregates = [SimpleNamespace(aggregator="0xa")]
    assert relay_of(said, "0xc") == "0xa"
