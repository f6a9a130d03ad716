"""Slips that members hand to each other: what fits the round is kept, once; the rest is refused, and comes again."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, ClassVar

import coincurve
import pytest
from support.seals import POINTS, READERS, fresh, signed
from support.worlds.sealed_updates import MEMBERS, SealedWorld, values_of

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.digest import keccak, sha256
from ledger.formats.typed import typed_digest
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.party.seals.checks import SlipChecks
from ledger.party.seals.drawer import AUTHORS, Drawer, KeptSlips
from ledger.party.seals.reader import SealReader
from ledger.party.seals.renewal import Renewal
from ledger.party.sharing.desk import Desk
from ledger.party.sharing.duties import Duties
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.openings import Openings
from ledger.party.sharing.slips import DrawerDesk, gather_slips, take_slips
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


def test_what_does_not_fit_is_refused(world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with monkeypatch.context() as patched:
        patched.setattr("ledger.seals.slips.check_point", lambda *_: pytest.fail("no stranger's points are looked at"))
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
    assert drawer.erase(erasure_of(world, 0)) == 1
    assert [kept.slips.name.party for kept in drawer.all()] == [world.keys[1]]
    with pytest.raises(UsageError, match="erased"):
        take_slips(drawer, roll, slips_of(world, 0))


def test_no_party_takes_back_its_update_while_others_are_to_add_it_up(world: SealedWorld, tmp_path: Path) -> None:
    """Certified by then, it must be in the aggregate, and nobody could make one."""
    desk, path = desk_of(world, tmp_path), "/slips/1/1"
    assert asked(desk, "POST", path, slips_of(world, 0))[0] == "200"
    assert asked(desk, "POST", path, erasure_of(world, 0))[0] == "403"
    reader = SealReader(tmp_path, READERS[:1])
    assert reader.opens(world.closed_facts(*range(MEMBERS)), world.files.fetch) == {0}


def test_a_reader_opens_what_it_has_slips_for(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll = Drawer(tmp_path), world.facts.roll
    take_slips(drawer, roll, slips_of(world, 0))
    take_slips(drawer, roll, slips_of(world, 1, points=POINTS[1:]))
    take_slips(drawer, roll, slips_of(world, 2))
    reader = SealReader(tmp_path, READERS[:1])
    closed = world.closed_facts(*range(MEMBERS))
    assert reader.opens(closed, world.files.fetch) == {0, 2}
    assert SealReader(tmp_path, READERS).opens(closed, world.files.fetch) == {0, 1, 2}
    drawer.erase(erasure_of(world, 2))
    facts = reader.open(closed, world.files.fetch)
    kinds = [type(facts.keys[world.round.updates[member].cid]) for member in range(MEMBERS)]
    assert kinds == [ContentKey, UpdateName, Erased, UpdateName]


def test_keys_of_rounds_that_are_over_stay_in_no_memory(world: SealedWorld, tmp_path: Path) -> None:
    """Whoever erases its update later, no node that runs has the key still."""
    take_slips(Drawer(tmp_path), world.facts.roll, slips_of(world, 0))
    reader, cid = SealReader(tmp_path, READERS[:1]), world.round.updates[0].cid
    reader.opens(world.closed_facts(*range(MEMBERS)), world.files.fetch)
    checks = checked(world, tmp_path)
    for job, present, kept in ((2, 7, True), (1, 1, True), (1, 2, False)):
        reader.forget(job, present)
        checks.forget(job, present)
        assert (checks.covered(world.update_name(0), cid) == set(POINTS)) == kept
        assert (repr(world.update_name(0)) in repr(vars(reader))) == kept


def test_garbage_is_kept_in_mind_under_its_author_s_name(world: SealedWorld, tmp_path: Path) -> None:
    drawer, roll, cid = Drawer(tmp_path), world.facts.roll, world.round.updates[0].cid
    good = make_slips(world.sealed[cid], cid, POINTS)
    bad = Slips(good.name, good.cid, good.commitment, {**good.packets, POINTS[2]: bytes(80)})
    take_slips(drawer, roll, signed(bad, private(0)))
    reader = SealReader(tmp_path, READERS[:1])
    assert reader.opens(world.closed_facts(*range(MEMBERS)), world.files.fetch) == {0}
    assert not reader.bad, "what is for this reader opens"
    assert list(checked(world, tmp_path).bad) == [(world.update_name(0), world.keys[0])]
    victim = SealReader(tmp_path, READERS[2:3])
    assert victim.opens(world.closed_facts(*range(MEMBERS)), world.files.fetch) == frozenset()
    assert list(victim.bad) == [(world.update_name(0), world.keys[0])]


def checked(world: SealedWorld, folder: Path, member: int = 0) -> SlipChecks:
    """The slips of a member's update, held to its key."""
    news, drawer = list[bool](), SlowDrawer(folder)
    checks, cid = SlipChecks(drawer, lambda: news.append(True)), world.round.updates[member].cid
    checks.look({cid: world.sealed[cid]})
    assert checks.covered(world.update_name(member), cid) is None, "nobody waits for it"
    drawer.reads.set()
    checks.settle(30)
    checks.look({cid: world.sealed[cid]})
    checks.close(30)
    assert news
    return checks


def test_who_is_told_of_news_finds_it(world: SealedWorld, tmp_path: Path) -> None:
    """It sleeps again afterwards, for a block or longer."""
    take_slips(Drawer(tmp_path), world.facts.roll, slips_of(world, 0))
    cid, found = world.round.updates[0].cid, list[frozenset[bytes] | None]()
    keys = {cid: world.sealed[cid]}

    def told() -> None:
        checks.look(keys)
        found.append(checks.covered(world.update_name(0), cid))

    drawer = SlowDrawer(tmp_path)
    checks = SlipChecks(drawer, told)
    checks.look(keys)
    drawer.reads.set()
    checks.close(30)
    assert found == [frozenset(POINTS)]


def test_a_check_that_fails_is_told_of_too(world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cid, news = world.round.updates[0].cid, Event()
    monkeypatch.setattr(Drawer, "of", nothing_here)
    drawer = SlowDrawer(tmp_path)
    checks = SlipChecks(drawer, news.set)
    checks.look({cid: world.sealed[cid]})
    drawer.reads.set()
    assert news.wait(60)
    with pytest.raises(Unavailable):
        checks.look({})
    checks.close(30)


class SlowDrawer(Drawer):
    """Whose slips are read once `reads` is set."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.reads = Event()

    def of(self, name: UpdateName, cid: bytes) -> list[KeptSlips]:
        self.reads.wait(60)
        return super().of(name, cid)


def test_a_rotated_key_goes_once_the_present_one_opens_what_it_did(world: SealedWorld, tmp_path: Path) -> None:
    """Slips by anybody for the old key are made again for the new one, a few in each look, and no others."""
    drawer, roll, old, new = Drawer(tmp_path), world.facts.roll, READERS[0], Secret(bytes([7]) * 32)
    for member in (0, 1):
        take_slips(drawer, roll, slips_of(world, member))
    take_slips(drawer, roll, slips_of(world, 2, points=POINTS[1:]))
    signer = SimpleNamespace(address=world.keys[0], sign_typed_data=partial(signed_typed, world, private(0)))
    renewal = Renewal(drawer, signer, world.files.fetch)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ledger.party.seals.renewal.AT_ONCE", 1)
        assert [renewal.look([old], new) for _ in range(3)] == [False, False, True]
    closed = world.closed_facts(*range(MEMBERS))
    assert SealReader(tmp_path, [new]).opens(closed, world.files.fetch) == {0, 1}
    own = drawer.by(world.update_name(0), world.round.updates[0].cid, world.keys[0])
    assert own is not None
    assert own.packets.keys() == {*POINTS, point_of(new)}, "those for others stay"
    before = [kept.author for kept in drawer.all()]
    assert Renewal(drawer, signer, world.files.fetch).look([old], new)  # type: ignore[arg-type]
    assert [kept.author for kept in drawer.all()] == before, "nothing is made twice"


@pytest.mark.parametrize("at_hand", [True, False], ids=["the file is here", "the file is not here"])
@pytest.mark.parametrize("reader", ["old", "new"])
def test_a_made_up_key_of_another_member_s_is_not_taken_for_the_update_s(
    world: SealedWorld, tmp_path: Path, reader: str, at_hand: bool
) -> None:
    """Slips say themselves which key they are for: the old mask key would go, and the update with it."""
    drawer, old, new = Drawer(tmp_path), READERS[0], Secret(bytes([7]) * 32)
    name, cid = world.update_name(0), world.round.updates[0].cid
    take_slips(drawer, world.facts.roll, slips_of(world, 0))
    keys = (ContentKey(name, Secret(bytes([place]) * 32)) for place in range(1, 99))
    false = next(key for key in keys if key.commitment < world.sealed[cid].commitment)
    point = point_of(old if reader == "old" else new)
    take_slips(drawer, world.facts.roll, signed(make_slips(false, cid, [point]), private(1)))
    signer = SimpleNamespace(address=world.keys[2], sign_typed_data=partial(signed_typed, world, private(2)))
    renewal = Renewal(drawer, signer, world.files.fetch if at_hand else nothing_here)  # type: ignore[arg-type]
    assert renewal.look([old], new)
    assert SealReader(tmp_path, [new]).opens(world.closed_facts(*range(MEMBERS)), world.files.fetch) == {0}


def nothing_here(*_: object) -> Any:
    raise Unavailable("the file is not here yet")


def signed_typed(world: SealedWorld, secret: bytes, _domain: Any, types: Any, message: Any) -> bytes:
    """As `Signer.sign_typed_data`, for the world's ledger."""
    digest = typed_digest(world.place.chain, world.place.contract, types, message)
    signature = coincurve.PrivateKey(secret).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def test_taking_slips_reads_its_author_s_file_alone(
    world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 255 members, each would be read 255 times for each update."""
    drawer, roll = Drawer(tmp_path), world.facts.roll
    for author in (1, 2):
        take_slips(drawer, roll, slips_of(world, 0, by=author))
    take_slips(drawer, roll, slips_of(world, 0))
    monkeypatch.setattr("ledger.party.seals.drawer.read_foreign", counting := Counting(read_foreign))
    assert not take_slips(drawer, roll, slips_of(world, 0))
    assert [path.name for path in counting.seen if path.suffix == ".slips"] == [
        f"{world.round.updates[0].cid.hex()}-{world.keys[0][2:].lower()}.slips"
    ]


def test_a_gateway_reads_and_hashes_a_round_s_slips_once(
    world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = DrawerDesk(tmp_path)
    desk.take(world.facts.roll, slips_of(world, 0))
    monkeypatch.setattr("ledger.party.seals.drawer.read_foreign", counting := Counting(read_foreign))
    first = desk.known(1, 1)
    assert (first.digest, list(split_bundle(first.bundle))) == (sha256(first.bundle), [slips_of(world, 0)])
    read = len(counting.seen)
    assert desk.known(1, 1) is first
    assert len(counting.seen) == read
    desk.take(world.facts.roll, slips_of(world, 1))
    assert len(list(split_bundle(desk.known(1, 1).bundle))) == 2
    assert desk.known(1, 9).bundle == b""


class Counting:
    """A function, and the paths that it was called for."""

    def __init__(self, function: Callable[..., bytes]) -> None:
        self._function, self.seen = function, list[Path]()

    def __call__(self, path: Path, *rest: Any) -> bytes:
        self.seen.append(path)
        return self._function(path, *rest)


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


class Gateway:
    """A member's gateway as an auditor visits it; what it shows is `shown`, by member."""

    shown: ClassVar[dict[int, list[bytes]]] = {}

    def __init__(self, gateway: int) -> None:
        self._member = gateway

    def slips(self, _job: int, _round: int) -> list[bytes]:
        return self.shown[self._member]

    def close(self) -> None:
        pass


def test_one_gateway_does_not_fill_an_auditor_s_drawer(
    world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slips of made-up keys cost nothing, and only so many authors of an update are kept."""
    monkeypatch.setattr("ledger.party.sharing.slips.announced_gateways", lambda *_: [0, 1])
    monkeypatch.setattr("ledger.party.sharing.slips.Visit", Gateway)
    made_up = [number.to_bytes(32, "big") for number in range(1, AUTHORS + 2)]
    cid, key = world.round.updates[0].cid, fresh(world.update_name(0))
    junk = make_slips(key, cid, POINTS[:1])
    Gateway.shown = {0: [signed(junk, one) for one in made_up], 1: [slips_of(world, 0)]}
    drawer, where = Drawer(tmp_path), SimpleNamespace(network=None, history=world.history)
    gather_slips(where, drawer, world.facts)  # type: ignore[arg-type]
    assert [kept.author for kept in drawer.all()] == [world.keys[0]]


def test_what_parties_made_is_handed_out_first_and_no_more_than_others_take(
    world: SealedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One member's slips of all updates, for as many readers as a file takes, would be more than is asked for."""
    desk, path = desk_of(world, tmp_path), "/slips/1/1"
    own = [slips_of(world, member) for member in range(MEMBERS)]
    for file in (*(slips_of(world, member, by=3) for member in range(3)), *own):
        asked(desk, "POST", path, file)
    assert list(split_bundle(asked(desk, "GET", path)[1]))[:MEMBERS] == sorted(own)
    monkeypatch.setattr("ledger.party.sharing.slips.MOST_BYTES", sum(map(len, own)) + 1)
    assert asked(desk_of(world, tmp_path), "GET", path)[1] == b"".join(sorted(own))


def test_a_file_that_is_cut_on_the_disk_spoils_no_others(world: SealedWorld, tmp_path: Path) -> None:
    drawer = Drawer(tmp_path)
    for member in (0, 1):
        drawer.put(slips_of(world, member))
    damaged, whole = sorted((tmp_path / "seals").rglob("*.slips"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert drawer.files(1, 1) == [whole.read_bytes()]
