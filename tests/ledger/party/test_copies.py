"""What the own store holds of a round, what is called unavailable, and when it is asked for again."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.content.holders import Memory
from support.worlds import committed_set as scored_worlds
from support.worlds.edges import EdgesWorld
from support.worlds.world import LIMITS, World

from ledger.errors import Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.formats.replication import Replication
from ledger.jobs.rules import GeometricMedian
from ledger.jobs.scores import committed_set
from ledger.jobs.server import Momentum
from ledger.party.background import Background
from ledger.party.copies import SOON, Copies, Gathering
from ledger.party.copying import FIRST_PAUSE, LONGEST_PAUSE, LONGEST_UNKEPT
from ledger.rounds.facts import RoundFacts
from ledger.rounds.outcome import recompute
from ledger.store import Buffer, disk
from ledger.store.borrowed import Borrowed
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders, Late


class Home:
    """A party's connection as far as copies are concerned: an own store, and one other holder; time stands still."""

    def __init__(self, store: Embedded) -> None:
        self.store, self.other, self.now = store, Memory(), 0.0
        self.borrowed = Borrowed(store.folder.parent / "borrowed")
        self.holders = Holders(store, [self.other], near=self.borrowed)
        self.background, self.nudged = Background(), threading.Event()
        self.follower = SimpleNamespace(nudge=self.nudged.set)
        self.network = SimpleNamespace(replication=Replication())
        self.history = SimpleNamespace(members={})
        self.said: Collection[int] = ()
        self.kept: Collection[int] | None = None
        self.copies = Copies(self, lambda: self.now, self.keeps, lambda _facts, _author: self.said)  # type: ignore[arg-type]

    def keeps(self, facts: RoundFacts) -> Collection[int]:
        return facts.round.updates if self.kept is None else self.kept

    def put(self, pieces: list[bytes], pin: str) -> Cid:
        return self.store.put(pieces, pin)

    def put_all(self, files: list[tuple[str, bytes]]) -> None:
        self.store.put_all(files)

    def holds(self, cid: Cid) -> bool:
        return self.store.has(cid)

    def keep(self, cid: Cid, pin: str, **options: Any) -> None:
        self.holders.keep(cid, pin, **options)

    def borrow(self, cid: Cid, round_: tuple[int, int], **options: Any) -> None:
        for block, data in self.holders.blocks(cid, **options):
            self.borrowed.take(*round_, block, data)

    def fetch(self, cid: Cid, start: int, stop: int, **options: Any) -> Any:
        return self.holders.read(cid, start, stop, **options)

    def at_rest(self, gather: Callable[..., Gathering], *arguments: Any) -> Gathering:
        """How it stands once no copy is being made, nor a further one due: however long that takes."""
        while True:
            gathering = gather(*arguments)
            if not self.copies.settle(60):
                return gathering

    def gathered(self, world: World) -> Gathering:
        """The updates of a round that is under way."""
        return self.at_rest(self.copies.gather, world.facts, 60)

    def missing(self, world: World) -> set[int]:
        """The members whose updates are missing."""
        return set(self.gathered(world).missing)

    def round(self, world: World) -> set[int]:
        """The same once everything that a finalised round was made of was asked for."""
        return set(self.at_rest(self.copies.round, world.facts, 60).missing)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    store = Embedded(tmp_path / "store", create=True)
    home = Home(store)
    yield home
    home.background.cancel()
    home.background.join(60)
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
    home.copies.job(world.job)
    home.at_rest(home.copies.base, world.facts, 60)
    assert home.round(world) == set()
    first, second, third = (world.round.updates[index] for index in (0, 1, 2))
    assert {pin: cid.digest for pin, cid in home.store.pins().items()} == {
        f"job/{world.job.digest.hex()}": world.job.cid.digest,
        f"initial/{world.job.initial_root.hex()}": world.job.initial_cid.digest,
        "update/1/1/0": first.cid,
        "update/1/1/1": second.cid,
        "update/1/1/2": third.cid,
        "model/1/1": world.round.final.cid,
        "receipts/1/1/1": world.round.final.receipts,
    }, "one whose weight is refused as well: who can have it says so"


def test_a_finalised_rounds_state_is_kept_with_the_file_that_names_it(home: Home) -> None:
    """As by a member that did not make the outcome itself."""
    world = World(server=Momentum(rate="1", beta="0.9")).open_job().honest_round()
    for data in world.files.files.values():
        home.other.add(data)
    assert home.round(world) == set()
    assert {"carried/1/1", "state/1/1/m"} <= home.store.pins().keys()


def test_no_round_waits_for_shares_that_an_earlier_one_carried(home: Home) -> None:
    """Nobody holds them any more, and nothing that follows is made of them."""
    world = World(rule=GeometricMedian()).open_job().honest_round().open_round()
    final = world.state.rounds[1].final
    assert final is not None
    del world.files.files[Cid(RAW, final.carried)]
    for data in world.files.files.values():
        home.other.add(data)
    home.at_rest(home.copies.base, world.facts, 60)
    home.copies.check_base(world.facts)
    assert "model/1/1" in home.store.pins()


def test_the_members_whose_bytes_nobody_has_are_missing(home: Home) -> None:
    world, data = missing_update(home)
    assert home.missing(world) == {1}
    (error,) = home.copies.gather(world.facts, 60).missing.values()
    assert "no holder returned block" in error.message
    home.other.add(data)
    home.now += FIRST_PAUSE
    assert home.missing(world) == set()


def test_gathering_asks_again_only_after_a_pause_that_doubles(home: Home) -> None:
    world, data = missing_update(home)
    assert home.copies.retry_in(1) is None
    pause = FIRST_PAUSE
    for _ in range(8):
        assert home.missing(world) == {1}
        asked = len(home.other.asked)
        assert home.copies.retry_in(1) == pause
        home.now += pause / 2
        assert home.missing(world) == {1}
        assert len(home.other.asked) == asked
        home.now += pause / 2
        pause = min(2 * pause, LONGEST_PAUSE)
    assert pause == LONGEST_PAUSE
    home.other.add(data)
    assert home.missing(world) == set()
    assert home.copies.retry_in(1) is None


def test_an_update_that_was_lost_after_all_is_asked_for_again(home: Home) -> None:
    world, data = missing_update(home)
    cid = home.other.add(data)
    assert home.missing(world) == set()
    asked = len(home.other.asked)
    assert home.missing(world) == set()
    assert len(home.other.asked) == asked, "what was had is not read again"
    home.store.unpin("update/1/1/1")
    home.copies.lost(world.facts, cid)
    assert home.missing(world) == set()
    assert "update/1/1/1" in home.store.pins()


@contextmanager
def without_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The own store takes nothing meanwhile."""

    def full(*_arguments: Any, **_options: Any) -> None:
        raise Unavailable("cannot write: No space left on device")

    with monkeypatch.context() as patch:
        for way in ("put", "put_all", "put_checked"):
            patch.setattr(home.store, way, full)
        yield


def test_a_full_disk_is_no_reason_to_call_an_update_unavailable(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    world, data = missing_update(home)
    home.other.add(data)

    with without_room(home, monkeypatch):
        assert home.missing(world) == home.round(world) == set()
    assert not home.store.pins()
    home.now += LONGEST_PAUSE
    assert home.round(world) == set()
    assert {"update/1/1/0", "update/1/1/1"} <= home.store.pins().keys(), "kept once there is room"


def test_what_a_disk_does_not_take_is_had_from_others_ever_less_often(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, data = missing_update(home)
    home.other.add(data)
    pause = FIRST_PAUSE
    with without_room(home, monkeypatch):
        home.gathered(world)
        while pause < LONGEST_UNKEPT:
            home.now += pause
            asked = len(home.other.asked)
            home.gathered(world)
            assert len(home.other.asked) > asked
            pause = min(2 * pause, LONGEST_UNKEPT)
        asked = len(home.other.asked)
        home.now += LONGEST_UNKEPT / 2
        assert not home.gathered(world).missing
        assert len(home.other.asked) == asked


def test_what_a_full_disk_did_not_take_is_held_once_there_is_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    world, data = missing_update(home)
    home.other.add(data)

    with without_room(home, monkeypatch):
        found = home.gathered(world)
        assert (found.held, dict(found.missing)) == (frozenset(), {})
    home.now += FIRST_PAUSE
    assert home.copies.retry_in(1) == 0.0
    again = home.copies.gather(world.facts, 60)
    assert not again.copying, "what is had is not waited for"
    assert home.gathered(world).held == {0, 1}, "while the round is under way, so that it is signed for"
    assert home.copies.retry_in(1) is None


def test_what_was_not_kept_and_is_gathered_no_more_wakes_one_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the base model, once the update that was trained on it is committed to."""
    world, data = missing_update(home)
    home.other.add(data)

    def full(*_arguments: Any, **_options: Any) -> None:
        raise Unavailable("cannot write: No space left on device")

    with monkeypatch.context() as patch:
        for way in ("put", "put_all", "put_checked"):
            patch.setattr(home.store, way, full)
        home.gathered(world)
    home.now += FIRST_PAUSE
    assert home.copies.retry_in(1) == 0.0
    home.now += SOON
    assert home.copies.retry_in(1) is None, "the look that this woke gathered nothing"


def test_a_holder_that_is_gone_when_it_is_offered_again_makes_nothing_missing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, data = missing_update(home)
    cid = home.other.add(data)

    with without_room(home, monkeypatch):
        home.gathered(world)
    del home.other.blocks[cid]
    home.now += FIRST_PAUSE
    assert home.missing(world) == set()


def test_a_file_that_is_not_of_the_job_was_had(home: Home) -> None:
    world = World().open_job().open_round()
    world.submit(0, data=b"not an artifact, and longer than it may be" * 1000)
    for data in world.files.files.values():
        home.other.add(data)
    assert home.missing(world) == home.round(world) == set()


def test_a_base_that_nobody_has_stops_nothing(home: Home) -> None:
    world = World().open_job().open_round()
    world.submit(0, np.zeros(world.layout.values, "<i4"))
    home.copies.job(world.job)
    home.at_rest(home.copies.base, world.facts, 60)
    assert list(home.store.pins()) == [f"job/{world.job.digest.hex()}"], "the document that it was given"
    assert world.job.cid not in home.other.asked


class Gated(Memory):
    """A holder that returns no block before a test lets it."""

    def __init__(self) -> None:
        super().__init__("gated")
        self.gate = threading.Event()

    def copy(self, cid: Cid) -> Buffer:
        self.gate.wait(60)
        return super().copy(cid)


class Tardy(Memory):
    """A holder that has a block from the second time on that it is asked for one."""

    def copy(self, cid: Cid) -> Buffer:
        if cid not in self.asked:
            self.asked.append(cid)
            raise Unavailable("not yet")
        return super().copy(cid)


def test_what_a_holder_has_a_moment_later_is_kept_all_the_same(home: Home) -> None:
    world, data = missing_update(home)
    tardy = Tardy()
    cid = tardy.add(data)
    home.holders.replace([home.other, tardy])
    assert home.missing(world) == {1}
    home.now += FIRST_PAUSE
    assert home.gathered(world).held == {0, 1}
    assert home.store.pins()["update/1/1/1"] == cid


def test_what_is_copied_is_not_waited_for(home: Home) -> None:
    world, data = missing_update(home)
    gated = Gated()
    cid = gated.add(data)
    home.at_rest(home.copies.gather, world.facts, 60, [0])
    home.nudged.clear()
    home.holders.replace([home.other, gated])
    gathering = home.copies.gather(world.facts, 60)
    assert not gated.asked
    assert "the update of member 1" in gathering.copying
    assert not gathering.missing
    assert home.copies.busy
    assert home.copies.retry_in(1) == SOON
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ledger.party.copies.PROMPT", 1e6)
        assert home.copies.gather(world.facts, 60) == gathering, "waited for once"
    assert not home.nudged.is_set(), "what was there at once needs no further look"
    gated.gate.set()
    assert home.nudged.wait(60)
    assert home.copies.settle(60)
    assert home.copies.gather(world.facts, 60) == Gathering(held=frozenset({0, 1}))
    assert not home.copies.busy
    assert home.store.pins()["update/1/1/1"] == cid


def test_one_that_came_and_is_asked_for_no_more_is_not_waited_for(home: Home) -> None:
    world, data = missing_update(home)
    gated = Gated()
    gated.add(data)
    home.at_rest(home.copies.gather, world.facts, 60, [0])
    home.nudged.clear()
    home.holders.replace([gated])
    assert "the update of member 1" in home.copies.gather(world.facts, 60, [1]).copying
    gated.gate.set()
    assert home.nudged.wait(60), "it wakes a look"
    assert home.copies.retry_in(1) is None, "and needs no other, where that one did not gather it"
    assert home.copies.settle(60)
    assert not home.copies.settle(60)
    assert home.copies.retry_in(1) is None
    assert (home.copies.busy, home.copies.is_copying) == (True, False), "it waits to be stored"


def test_an_update_that_is_late_is_missing_and_the_reason_is_known(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.party.copies.PROMPT", 60)
    world, data = missing_update(home)
    home.other.add(data)
    gathering = home.copies.gather(world.facts, 0)
    assert not gathering.copying
    assert set(gathering.missing) == {0, 1}
    assert all(isinstance(error, Late) for error in gathering.missing.values())
    home.now += FIRST_PAUSE
    assert home.missing(world) == set(), "asked for again, in a new time"


def test_one_that_is_asked_for_again_counts_as_missing_until_it_is_there(home: Home) -> None:
    """So that a holder that fails again and again holds up nothing."""
    world, data = missing_update(home)
    assert home.missing(world) == {1}
    gated = Gated()
    gated.add(data)
    home.holders.replace([gated])
    home.now += FIRST_PAUSE
    gathering = home.copies.gather(world.facts, 60)
    assert (gathering.copying, set(gathering.missing)) == ((), {1})
    assert home.copies.busy
    gated.gate.set()
    home.copies.settle(60)
    assert home.missing(world) == set()


def test_closing_ends_what_is_being_copied(home: Home) -> None:
    world, data = missing_update(home)
    gated = Gated()
    gated.add(data)
    home.holders.replace([gated])
    assert home.copies.gather(world.facts, 60).copying
    home.background.cancel()
    home.holders.stop()
    gated.gate.set()
    home.background.join(60)
    assert not home.copies.busy
    assert not home.store.pins()
    assert home.background.start(lambda: None).cancelled()


def test_what_scores_are_made_from_is_copied_beside_the_thread_that_decides(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that is silent at the evaluation set holds up nothing."""
    world = scored_worlds.play(scored_worlds.world())
    for data in world.files.files.values():
        home.other.add(data)
    chosen = committed_set(world.job.scoring)
    assert chosen is not None
    wanted, answers, ask = Cid.parse(chosen.cid), threading.Event(), home.other.copy

    def copy(cid: Cid) -> Buffer:
        if cid == wanted:
            answers.wait(60)
        return ask(cid)

    monkeypatch.setattr(home.other, "copy", copy)
    assert "the evaluation set" in home.copies.scored(world.facts, 60).copying
    answers.set()
    home.at_rest(home.copies.scored, world.facts, 60)
    home.copies.check_scored(world.facts)
    assert not home.copies.busy
    assert home.store.has(wanted)


def test_a_set_that_nobody_has_opened_is_named(home: Home) -> None:
    world = scored_worlds.play(scored_worlds.world())
    chosen = committed_set(world.job.scoring)
    assert chosen is not None
    for cid, data in world.files.files.items():
        if str(cid) != chosen.cid:
            home.other.add(data)
    home.at_rest(home.copies.scored, world.facts, 60)
    with pytest.raises(Unavailable):
        home.copies.check_scored(world.facts)


def test_small_files_of_a_round_are_one_pack_and_one_wait_for_the_disk(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = finalised(home)
    waits: list[Path] = []
    sync = disk.sync

    def counted(handle: int, path: Path) -> None:
        waits.append(path)
        sync(handle, path)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "sync", counted)
        patch.setattr("ledger.party.copies.PROMPT", 60)
        assert not home.copies.gather(world.facts, 60).copying
    assert len(home.store.pack_paths()) == 1
    assert len(waits) == 2, "the pack, and the journal of pins"
    pins = home.store.pins()
    assert {f"update/1/1/{member}" for member in range(3)} <= pins.keys()
    for cid in pins.values():
        assert bytes(home.store.get(cid)) == world.files.files[cid]


def test_what_others_keep_is_borrowed_for_the_round_and_kept_once_it_is_wanted(home: Home) -> None:
    world = finalised(home)
    home.kept = {0}
    gathering = home.gathered(world)
    assert (gathering.held, dict(gathering.missing)) == (frozenset({0}), {}), "what is borrowed is not signed for"
    assert "update/1/1/1" not in home.store.pins()
    home.holders.replace([])
    assert b"".join(home.fetch(Cid.parse(str(world.facts.entries[1].cid)), 0, 10**6)), "read without any other holder"
    home.kept = {0, 1}
    assert home.gathered(world).held == {0, 1}
    assert home.store.pins()["update/1/1/1"] == world.facts.entries[1].cid
    home.borrowed.sweep(lambda path: path.name == "1-1")
    home.copies.lost(world.facts, world.facts.entries[2].cid)
    assert home.missing(world) == {2}


def test_a_borrowed_file_that_a_crash_damaged_is_had_again(home: Home) -> None:
    world = finalised(home)
    home.kept = ()
    home.borrowed._left = 0
    home.gathered(world)
    cid = world.facts.entries[0].cid
    (home.borrowed._folder / "1-1" / str(cid)).write_bytes(b"")
    assert b"".join(home.fetch(cid, 0, 10**6)) == world.files.files[cid]
    assert not home.holders.bad_copies


def sums(home: Home, check: str, *, without: str = "") -> EdgesWorld:
    """A round of an edge and two others, whose files are at the other holder, all or all but one."""
    world = EdgesWorld(3, edges=1, terms_of_edges={"check": check})
    world.open_job().open_round()
    children = [world.child(0, number) for number in range(3)]
    made = world.submit_sum(0, children)
    world.submit(1)
    world.submit(2)
    lost = {
        "list": made.children.cid,
        "members": world.lists[0].cid,
        "child": world.job.file_of(1, bytes.fromhex(children[1].cid)),
    }
    for cid, data in world.files.files.items():
        if cid != lost.get(without):
            home.other.add(data)
    return world


@pytest.mark.parametrize("check", ["children", "sums"])
def test_who_holds_a_sum_has_all_that_it_is_judged_by(home: Home, check: str) -> None:
    world = sums(home, check)
    assert home.gathered(world).held == {0, 1, 2}
    pins = home.store.pins()
    found = {pin for pin in pins if pin.split("/")[0] in {"update", "children", "edge"}}
    due = {"update/1/1/0", "update/1/1/1", "update/1/1/2", "children/1/1/0", "edge/1/0"}
    assert found == due | ({f"children/1/1/0/{place}" for place in range(3)} if check == "children" else set())
    home.holders = Holders(home.store, [])
    assert recompute(world.facts, home.fetch, {0, 1, 2}).verdicts == bytes(3)


@pytest.mark.parametrize(
    ("check", "without"), [(c, f) for c in ("children", "sums") for f in ("list", "members", "child")]
)
def test_a_sum_that_lacks_a_file_is_not_held(home: Home, check: str, without: str) -> None:
    world = sums(home, check, without=without)
    gathering = home.gathered(world)
    if (check, without) == ("sums", "child"):
        assert (gathering.held, gathering.missing) == ({0, 1, 2}, {})
    else:
        assert gathering.held == {1, 2}
        assert set(gathering.missing) == {0}


@pytest.mark.parametrize("unread", ["sum", "list", "members"])
def test_a_sum_is_not_held_while_it_cannot_be_said_what_it_is_made_of(
    home: Home, monkeypatch: pytest.MonkeyPatch, unread: str
) -> None:
    """Its files are here, and the own disk does not answer for a moment: nobody signs for children's updates then."""
    world = sums(home, "children", without="child")
    (entry,) = (one for one in world.facts.entries if one.update.index == 0)
    listed = next(cid for cid, data in world.files.files.items() if b'"children/1"' in data[-40:])
    broken = {"sum": entry.cid, "list": listed, "members": world.lists[0].cid}[unread]
    real = Home.fetch

    def fetch(self: Home, cid: Cid, start: int, stop: int, **options: Any) -> Any:
        if cid == broken and not options:
            raise Unavailable("the disk does not answer")
        return real(self, cid, start, stop, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Home, "fetch", fetch)
        assert home.gathered(world).held == {1, 2}
    assert home.gathered(world).held == {1, 2}
    for data in world.files.files.values():
        home.other.add(data)
    home.now += LONGEST_PAUSE
    assert home.gathered(world).held == {0, 1, 2}


def test_what_sums_were_made_of_is_not_remembered_after_their_round(home: Home) -> None:
    """Two thousand children of each of many edges, in each of many rounds, would fill a node's memory."""
    world = sums(home, "children")
    home.gathered(world)
    assert home.copies._children
    world.publish(1)
    world.attest(2)
    world.open_round()
    home.gathered(world)
    assert not home.copies._children


def test_a_sum_whose_list_is_not_in_order_is_held_without_its_children(home: Home) -> None:
    world = EdgesWorld(3, edges=1)
    world.open_job().open_round()
    world.submit_false(0, [world.child(0, 77), world.child(0, 1)], np.zeros(610))
    world.submit(1)
    world.submit(2)
    for data in world.files.files.values():
        home.other.add(data)
    assert home.gathered(world).held == {0, 1, 2}
    assert not [pin for pin in home.store.pins() if pin.startswith("children/1/1/0/")]


def test_children_of_a_finalised_round_are_kept_with_their_sum(home: Home) -> None:
    world = sums(home, "children")
    world.publish(1)
    world.attest(2)
    for data in world.files.files.values():
        home.other.add(data)
    assert home.round(world) == set()
    assert {f"children/1/1/0/{place}" for place in range(3)} <= home.store.pins().keys()


def test_children_of_a_borrowed_sum_are_borrowed(home: Home) -> None:
    world = sums(home, "children")
    home.kept = {1}
    home.gathered(world)
    assert not [pin for pin in home.store.pins() if pin.startswith("children")]
    home.kept = {0, 1}
    assert 0 in home.gathered(world).held
    assert {"children/1/1/0", *(f"children/1/1/0/{place}" for place in range(3))} <= home.store.pins().keys()


@pytest.mark.parametrize("signed", [False, True])
def test_those_that_have_an_update_are_asked_first(home: Home, signed: bool) -> None:
    """Its author, or else those that signed for it: those that are to keep it may be copying it still."""
    world = World().open_job().open_round()
    sent = world.submit(1)
    home.history.members = {index: SimpleNamespace(name=f"member {index}") for index in range(5)}
    home.said = [3] if signed else []
    others = [Memory(f"member {index}") for index in range(5)]
    home.holders.replace(others)
    having = 3 if signed else 1
    for data in world.files.files.values():
        others[having].add(data)
        others[0].add(data)
    home.gathered(world)
    of_update = [place for place, one in enumerate(others) if sent.cid in one.asked]
    assert set(of_update) <= {1, having}
    assert having in of_update
