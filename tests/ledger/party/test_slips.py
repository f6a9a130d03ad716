"""Slips that members hand to each other: what fits the round is kept, once; the rest is refused, and comes again."""

from dataclasses import replace
from pathlib import Path

import coincurve
import pytest
from support.seals import POINTS, READERS, signed
from support.worlds.sealed_updates import MEMBERS, SealedWorld, values_of

from ledger.errors import Malformed, UsageError
from ledger.formats.digest import keccak
from ledger.formats.typed import typed_digest
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.reader import SealReader
from ledger.party.sharing.desk import Desk
from ledger.party.sharing.duties import Duties
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.openings import Openings
from ledger.party.sharing.slips import DrawerDesk, take_slips
from ledger.rounds.sealed import Erased
from ledger.seals.bundles import split_bundle
from ledger.seals.erasure import ERASURE_TYPES, Erasure
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.slips import Slips, make_slips
from ledger.store.gateway import Request


def private(member: int) -> bytes:
    return keccak(b"member %d, key 0" % member)


@pytest.fixture(scope="module")
def world() -> SealedWorld:
    world = SealedWorld()
    for member in range(MEMBERS):
        world.seal(member, values_of(member))
    world.open_pending()
    return world


def slips_of(world: SealedWorld, member: int, *, by: int | None = None, points: tuple[bytes, ...] = POINTS) -> bytes:
    cid = world.round.updates[member].cid
    return signed(make_slips(world.sealed[cid], cid, points), private(member if by is None else by))


def erasure_of(world: SealedWorld, member: int) -> bytes:
    said = Erasure(world.update_name(member), world.round.updates[member].cid)
    chain, ledger, _, _ = said.name.round
    digest = typed_digest(chain, ledger, ERASURE_TYPES, said.to_sign()[2])
    signature = coincurve.PrivateKey(private(member)).sign_recoverable(digest, hasher=None)
    return said.encode(signature[:64] + bytes([signature[64] + 27]))


def test_what_fits_the_round_is_kept_once(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll = Drawer(tmp_path), world.facts.roll
    assert take_slips(drawer, roll, slips_of(world, 0))
    assert not take_slips(drawer, roll, slips_of(world, 0))
    assert take_slips(drawer, roll, slips_of(world, 0, by=1, points=POINTS[:1]))
    assert len(drawer.all()) == 2
    assert take_slips(drawer, roll, slips_of(world, 0, by=1, points=POINTS[:2])), "it is for one more"
    assert not take_slips(drawer, roll, slips_of(world, 0, by=1, points=POINTS[:1])), "an old one comes again"
    assert [len(kept.slips.packets) for kept in drawer.all()] in ([3, 2], [2, 3])


def test_what_does_not_fit_is_refused(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll = Drawer(tmp_path), world.facts.roll
    good = slips_of(world, 0)
    unopened = replace(roll, opened={index: cid for index, cid in roll.opened.items() if index != 0})
    with pytest.raises(UsageError, match="no update that is open"):
        take_slips(drawer, unopened, good)
    with pytest.raises(UsageError, match="no update that is open"):
        take_slips(drawer, replace(roll, round=9), good)
    stranger = signed(
        make_slips(world.sealed[world.round.updates[0].cid], world.round.updates[0].cid, POINTS), b"\x07" * 32
    )
    with pytest.raises(UsageError, match="only members"):
        take_slips(drawer, roll, stranger)
    for junk in (b"", b"junk", good[:-1]):
        with pytest.raises(Malformed):
            take_slips(drawer, roll, junk)
    assert drawer.all() == []


def test_an_erasure_that_is_heard_deletes_slips_and_keeps_others_out(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll = Drawer(tmp_path), world.facts.roll
    take_slips(drawer, roll, slips_of(world, 0))
    take_slips(drawer, roll, slips_of(world, 1))
    assert take_slips(drawer, roll, erasure_of(world, 0))
    assert not take_slips(drawer, roll, erasure_of(world, 0))
    assert [kept.slips.name.party for kept in drawer.all()] == [world.keys[1]]
    with pytest.raises(UsageError, match="erased"):
        take_slips(drawer, roll, slips_of(world, 0))


def test_a_reader_opens_what_it_has_slips_for(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll = Drawer(tmp_path), world.facts.roll
    take_slips(drawer, roll, slips_of(world, 0))
    take_slips(drawer, roll, slips_of(world, 1, points=POINTS[1:]))
    take_slips(drawer, roll, slips_of(world, 2))
    reader = SealReader(tmp_path, READERS[:1])
    closed = world.closed_facts(*range(MEMBERS))
    assert reader.opens(closed, world.files.fetch) == {0, 2}
    assert SealReader(tmp_path, READERS).opens(closed, world.files.fetch) == {0, 1, 2}
    take_slips(drawer, roll, erasure_of(world, 2))
    facts = reader.open(closed, world.files.fetch)
    kinds = [type(facts.keys[world.round.updates[member].cid]) for member in range(MEMBERS)]
    assert kinds == [ContentKey, UpdateName, Erased, UpdateName]


def test_garbage_is_kept_in_mind_under_its_author_s_name(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll, cid = Drawer(tmp_path), world.facts.roll, world.round.updates[0].cid
    good = make_slips(world.sealed[cid], cid, POINTS)
    bad = Slips(good.name, good.cid, good.commitment, {**good.packets, POINTS[2]: bytes(80)})
    take_slips(drawer, roll, signed(bad, private(0)))
    reader = SealReader(tmp_path, READERS[:1])
    assert reader.opens(world.closed_facts(*range(MEMBERS)), world.files.fetch) == {0}
    assert list(reader.bad) == [(world.update_name(0), world.keys[0])]


def desk_of(world: SealedWorld, folder: Path, *, under_way: bool = True) -> Desk:
    desk = Desk(Openings(folder), Haves(folder / "haves"), None, slips=DrawerDesk(folder))
    roll = world.facts.roll
    desk.duties = Duties(rolls={(roll.job, roll.round): roll} if under_way else {})
    return desk


def asked(desk: Desk, method: str, path: str, body: bytes = b"") -> tuple[str, bytes]:
    response = desk.answer(Request(method, path, "", body, ""))
    assert response is not None
    return response.status[:3], b"".join(bytes(piece) for piece in response.body)


def test_a_gateway_hands_out_and_takes_in(world: SealedWorld, tmp_path: Path) -> None:
    desk, path = desk_of(world, tmp_path), "/slips/1/1"
    assert asked(desk, "GET", path) == ("200", b"")
    files = [slips_of(world, member) for member in (0, 1)]
    for file in files:
        assert asked(desk, "POST", path, file)[0] == "200"
    assert sorted(split_bundle(asked(desk, "GET", path)[1])) == sorted(files)
    assert asked(desk, "POST", "/slips/1/2", files[0])[0] == "404"
    assert asked(desk, "PUT", path, files[0])[0] == "405"
    over = desk_of(world, tmp_path, under_way=False)
    assert sorted(split_bundle(asked(over, "GET", path)[1])) == sorted(files), "for auditors, of any round"
    assert asked(over, "POST", path, files[0])[0] == "404"


def test_a_gateway_that_does_not_know_the_update_yet_says_so(world: SealedWorld, tmp_path: Path) -> None:
    """So the slips come again."""
    desk = desk_of(world, tmp_path)
    roll = desk.duties.rolls[1, 1]
    desk.duties = Duties(rolls={(1, 1): replace(roll, opened={})})
    assert asked(desk, "POST", "/slips/1/1", slips_of(world, 0))[0] == "403"


def test_the_key_at_home_is_its_owner_s_alone_until_there_are_slips(world: SealedWorld, tmp_path: Path) -> None:
    drawer, cid = Drawer(tmp_path), world.round.updates[0].cid
    key = world.sealed[cid]
    assert drawer.own_key(key.name, cid) is None
    drawer.keep_key(key, cid)
    (path,) = (tmp_path / "seals").glob("*.key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert drawer.own_key(key.name, cid) == key
    drawer.forget_key(cid)
    assert drawer.own_key(key.name, cid) is None
