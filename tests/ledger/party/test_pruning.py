"""A home lets go of what others keep, and of nothing that an audit needs from it."""

import os
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.content.folders import indexed_again
from support.content.holders import Memory
from support.worlds.world import LIMITS, World

from ledger.formats.cid import CHUNK, Cid, of_file
from ledger.formats.replication import Replication
from ledger.http.networks import EVERYWHERE
from ledger.party.named_gateways import NamedGateway
from ledger.party.pins import (
    child_pin,
    children_pin,
    model_pin,
    named_update,
    named_with_update,
    receipts_pin,
    update_pin,
)
from ledger.party.sharing.openings import ROUNDS_KEPT
from ledger.party.sharing.sweeping import DEEP
from ledger.party.upkeep.pruning import Pruning, _returned, said
from ledger.rounds.assignment import assigned, kept_by
from ledger.rounds.receipts import bitmap_of, encode, merged
from ledger.store import maintenance, packs
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders

ASKED = Replication(copies=2, all_up_to=0)
ME = 0
OTHER = "0x" + "ab" * 20


class ByRank(World):
    """A world whose members sign for what they keep by rank."""

    def receipts(self, without: Collection[int] = ()) -> bytes:
        opened = self.round.updates.keys() - set(without)
        haves = [
            self.have(member, bitmap_of(mine))
            for member in range(len(self.keys))
            if (mine := opened & kept_by(member, self.round, ASKED))
        ]
        data = encode(merged(haves))
        self.files.put(data)
        return data


class Home:
    """A member's home that kept every file of every round, and one other holder that has them all."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world, self.other = world, Memory()
        self.store = Embedded(folder / "store", create=True)
        for round_ in world.state.rounds.values():
            final = round_.final
            for index, update in round_.updates.items():
                self.keep(update_pin(1, round_.number, index), self.cid(update.cid))
            if final is not None:
                self.keep(model_pin(1, round_.number), self.cid(final.cid))
                self.keep(receipts_pin(1, round_.number, 1), Cid.parse(str(self.raw(final.receipts))))

    def cid(self, digest: bytes) -> Cid:
        return of_file(digest, self.world.layout.size)

    def raw(self, digest: bytes) -> Cid:
        return of_file(digest, 0)

    def keep(self, pin: str, cid: Cid) -> None:
        data = self.world.files.files[cid]
        self.store.put([data], pin)
        self.other.add(data)

    def plan(self, tip: int | None = None) -> Any:
        """What would go where the chain is `tip` blocks high: by default, as high as all rounds need."""
        connection: Any = SimpleNamespace(
            history=self.world.history,
            network=SimpleNamespace(replication=ASKED),
            elsewhere=lambda key: {NamedGateway("other", "http://other", EVERYWHERE, key=OTHER): self.other},
            follower=SimpleNamespace(tip=SimpleNamespace(number=self.world.block + DEEP if tip is None else tip)),
        )
        return Pruning(connection, self.store, self.world.keys[ME]).plan()


@pytest.fixture
def world() -> World:
    world = ByRank(4).open_job()
    for _ in range(ROUNDS_KEPT + 1):
        world.honest_round()
    return world


def test_what_others_keep_goes_and_what_an_audit_needs_from_here_stays(tmp_path: Path, world: World) -> None:
    home = Home(tmp_path, world)
    plan = home.plan()
    gone = {named_update(pin) for pin in plan.goes}
    kept = kept_by(ME, world.state.rounds[1], ASKED)
    assert gone == {(1, 1, author) for author in range(4) if author not in kept}
    assert gone, "of the round that no fork brings back"
    assert plan.stays == {"model": 4, "receipts": 4, "update": 16 - len(gone)}
    assert "4 of model/" in said(plan)
    home.store.unpin_all(plan.goes)
    maintenance.collect(home.store)
    assert not any(home.store.has(cid) for cid in plan.goes.values())
    assert list(maintenance.check_pinned(home.store)) == []
    assert home.plan().goes == {}


def test_what_a_sum_is_made_of_goes_with_it_and_not_without(tmp_path: Path, world: World) -> None:
    """The list and the children's files of an edge: of the own one's they stay, and of one that is kept by rank."""
    home = Home(tmp_path, world)
    plain = {named_update(pin) for pin in home.plan().goes}
    assert plain and (1, 1, ME) not in plain
    parts = []
    for author in range(4):
        for name in (children_pin(1, 1, author), *(child_pin(1, 1, author, place) for place in range(3))):
            parts.append(name)
            home.store.put([name.encode()], name)
            if name != child_pin(1, 1, author, 2):
                home.other.add(name.encode())
    plan, alone = home.plan(), {child_pin(*named, 2) for named in plain if named}
    assert set(plan.alone) == alone
    gone = {pin for pin in plan.goes if pin.startswith("children/")}
    assert gone == {name for name in parts if named_with_update(name) in plain} - alone


def test_nothing_goes_that_no_other_member_returns(tmp_path: Path, world: World) -> None:
    home = Home(tmp_path, world)
    home.other.blocks.clear()
    plan = home.plan()
    assert plan.goes == {}
    assert plan.alone
    assert "no other member returned" in said(plan)


def test_nothing_goes_before_its_round_is_beyond_any_fork(tmp_path: Path, world: World) -> None:
    home, ended = Home(tmp_path, world), world.state.rounds[1].ended_in
    assert home.plan(ended + DEEP - 1).goes == {}
    assert {named_update(pin)[:2] for pin in home.plan(ended + DEEP).goes} == {(1, 1)}


def test_the_first_block_of_a_file_is_not_the_file(tmp_path: Path) -> None:
    store, other = Embedded(tmp_path / "store", create=True), Memory()
    data = bytes(CHUNK) + b"more than a block"
    cid = store.put([data], "update/1/1/0")
    assert other.add(data) == cid
    assert _returned(Holders(None, (other,)), cid) == len(data)
    other.blocks = {cid: other.blocks[cid]}
    assert _returned(Holders(None, (other,)), cid) is None


def test_a_damaged_own_copy_is_let_go_of_like_any_other(tmp_path: Path, world: World) -> None:
    home = Home(tmp_path, world)
    whole = home.plan()
    pin, cid = next(iter(whole.goes.items()))
    os.truncate(home.store.packs / packs.name_of(cid), 100)
    home.store = indexed_again(home.store)
    assert not home.store.has(cid)
    plan = home.plan()
    assert pin in plan.goes
    assert (plan.goes, plan.size) == (whole.goes, whole.size)


def test_what_was_signed_for_stays_and_so_does_what_cannot_be_told(tmp_path: Path) -> None:
    """In this world everyone signed for everything; and without the receipts nobody knows."""
    world = World(4).open_job()
    for _ in range(ROUNDS_KEPT + 1):
        world.honest_round()
    home = Home(tmp_path, world)
    assert home.plan().goes == {}
    lost = ByRank(4).open_job()
    for _ in range(ROUNDS_KEPT + 1):
        lost.honest_round()
    home = Home(tmp_path / "lost", lost)
    home.store.unpin(receipts_pin(1, 1, 1))
    maintenance.collect(home.store)
    assert home.plan().goes == {}


def test_refused_updates_are_evidence_and_stay(tmp_path: Path) -> None:
    world = ByRank(4).open_job().open_round()
    refused = next(author for author in range(4) if ME not in assigned(_committed(world, author), author, ASKED))
    for member in range(4):
        world.submit(member, weight=LIMITS.max_weight + 1 if member == refused else 10)
    world.publish(0)
    world.attest(1)
    world.attest(2)
    for _ in range(ROUNDS_KEPT):
        world.honest_round()
    assert update_pin(1, 1, refused) not in Home(tmp_path, world).plan().goes


def _committed(world: World, author: int) -> Any:
    """The round as it will be once all four committed."""
    round_ = world.round
    return SimpleNamespace(number=round_.number, keys=round_.keys, members=4, commitments=dict.fromkeys(range(4)))


@pytest.mark.parametrize("pin", ["update/1/1/x", "update/1/01/1", "update/0/1/1", "model/1/1", "update/1/1/1/1", ""])
def test_names_that_are_not_of_an_update(pin: str) -> None:
    assert named_update(pin) is None
    assert named_with_update(pin) is None


@pytest.mark.parametrize(
    "pin", ["children/1/1/x", "children/1/01/1", "children/1/1", "children/1/1/1/x", "children/1/1/1/1/1"]
)
def test_names_that_are_not_of_what_a_sum_is_made_of(pin: str) -> None:
    assert named_with_update(pin) is None


def test_names_of_what_a_sum_is_made_of() -> None:
    names = [children_pin(3, 2, 1), child_pin(3, 2, 1, 0), child_pin(3, 2, 1, 17), update_pin(3, 2, 1)]
    assert {named_with_update(name) for name in names} == {(3, 2, 1)}
    assert named_update(names[0]) is None
