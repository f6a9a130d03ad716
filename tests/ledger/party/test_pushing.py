"""Members that nobody can dial: their bytes and what they hold reach the others by their own connections alone."""

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.consortia.neighbours import Neighbour, signer_of, until
from support.content.holders import Server
from support.content.proxy import Cutter, ForwardProxy
from support.worlds.world import World, raw_cid

from ledger.chain.node import Block
from ledger.config import GatewaySettings
from ledger.errors import Unavailable
from ledger.events import records
from ledger.events.haves import Have, content_of, have_to_sign
from ledger.events.rounds import Form
from ledger.formats.artifact import Tensor
from ledger.formats.cid import CHUNK, raw
from ledger.party.named_gateways import announced_gateways
from ledger.party.pins import opposing_pin, receipts_pin
from ledger.party.sharing.desk import authorization
from ledger.party.sharing.owed import Owed, updates_in
from ledger.party.sharing.pushing import all_certified
from ledger.party.sharing.visits import RESENT, Visit
from ledger.rounds.receipts import ENTRY, SignedHave, bitmap_of, certified, cid_of, encode, grace, parse, parse_entry
from ledger.store import files

LARGE = (Tensor("weight", (700_000,)),)
"""A file of 2.7 MiB: a node and three leaves."""


class Street:
    """A round of five members, and those of them that are at home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(5, tensors=LARGE).open_job().open_round()
        self.homes: list[Neighbour] = []

    def home(self, index: int, **settings: object) -> Neighbour:
        self.homes.append(Neighbour(self.world, index, self.folder / str(index), **settings))
        return self.homes[-1]

    def close(self) -> None:
        for home in self.homes:
            home.close()

    @property
    def owed(self) -> list[Owed]:
        facts = self.world.facts
        return updates_in(facts.round, facts.job)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    street = Street(tmp_path)
    yield street
    street.close()


def port_of(home: Neighbour) -> int:
    """The port that a member's gateway listens on, by whatever address others reach it."""
    gateway = home.serving._gateway
    assert gateway is not None
    return int(gateway.url.rpartition(":")[2])


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body. With a `Content_Length` of its own no body follows: what its length alone refuses is answered
    before a byte of it was sent.
    """
    parts = urlsplit(url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with suppress(BrokenPipeError):  # refused before all of the body was sent
            connection.request(method, path, None if "Content-Length" in named else body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()


def header(home: Neighbour, owed: Owed) -> dict[str, str]:
    roll = home.world.facts.roll
    return {"Authorization": authorization(lambda parts: home.signer.sign_typed_data(*parts), roll, owed)}


def test_what_one_pushes_is_held_and_certified_by_all_that_serve(street: Street) -> None:
    """Three of five members serve; the other two only dial, and their updates have certificates all the same."""
    north, east, south = (street.home(index) for index in range(3))
    west, centre = (street.home(index, reachable=False) for index in (3, 4))
    for home in street.homes:
        home.own()
    facts = street.world.facts
    roll = facts.roll
    assert [street.world.history.members[index].gateway != "" for index in range(5)] == [True] * 3 + [False] * 2
    until(lambda: {3, 4} <= certified(north.sharing.receipts(facts), roll), *street.homes)
    until(lambda: {3, 4} <= certified(centre.sharing.receipts(facts), roll), *street.homes)
    for home in (north, east, south):
        assert home.store.pins()["update/1/1/3"] == street.owed[3].file
        assert not list((home.folder / "arrivals").iterdir())
    assert sorted(west.sharing.pushed(facts)) == ["member 0", "member 1", "member 2"]
    assert north.sharing.pushed(facts) == []
    said = west.sharing.receipts(facts)
    assert parse(encode(said)) == said


def test_an_address_that_was_announced_is_withdrawn(street: Street) -> None:
    home = street.home(0)
    assert street.world.history.members[0].gateway == home.serving.url
    home.serving.close()
    street.home(0, reachable=False)
    assert street.world.history.members[0].gateway == ""


def test_a_push_that_breaks_off_goes_on_where_it_stopped(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    north.serving.check()
    (owed,) = street.owed
    path, headers = f"/push/1/1/{owed.file}", header(west, owed)
    status, first = ask(north.serving.url, "GET", path, **headers)
    assert (status, first.decode().split()) == (200, [str(owed.file)])
    assert ask(north.serving.url, "PUT", f"{path}/{owed.file}", bytes(west.store.get(owed.file)), **headers)[0] == 200
    leaves = ask(north.serving.url, "GET", path, **headers)[1].decode().split()
    assert len(leaves) == 3
    north.close()  # it restarts with what came
    street.homes.remove(north)
    north = street.home(0)
    north.serving.check()
    assert ask(north.serving.url, "GET", path, **headers)[1].decode().split() == leaves
    until(lambda: north.store.has(owed.file), west)
    assert b"".join(map(bytes, files.read(north.store, owed.file))) == street.world.files.files[owed.file]


def test_a_link_that_drops_again_and_again_brings_the_file_at_last(street: Street) -> None:
    with Cutter(after=CHUNK + CHUNK // 2, cuts=2) as link:
        north, west = street.home(0, public_url=link.url), street.home(3, reachable=False)
        link.target = port_of(north)
        west.own()
        until(lambda: west.sharing.pushed(street.world.facts) == ["member 0"], north, west)
        assert link.cuts == 0
    assert north.store.has(street.owed[0].file)


def test_a_member_behind_a_proxy_pushes_by_it(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    with ForwardProxy(host="127.0.0.1") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        north = street.home(0, public_url="http://north.invalid:1")
        west = street.home(3, reachable=False)
        street.world.emit(records.Announced, index=0, gateway=f"http://north.invalid:{port_of(north)}")
        west.own()
        north.serving._settings = GatewaySettings(public_url=street.world.history.members[0].gateway)
        until(lambda: west.sharing.pushed(street.world.facts) == ["member 0"], north, west)
        kinds = {line.split()[0] for line in proxy.asked}
    assert {"GET", "PUT", "POST"} <= kinds


def test_a_holder_that_hangs_holds_up_neither_the_thread_nor_the_others(street: Street) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        north, west = street.home(0), street.home(3, reachable=False)
        street.world.emit(records.Announced, index=1, gateway=f"http://127.0.0.1:{silent.getsockname()[1]}")
        west.own()
        street.world.open_pending()
        north.serving.check()
        west.look()
        assert west.sharing.settle(0), "the look did not wait for it"
        until(lambda: west.sharing.pushed(street.world.facts) == ["member 0"], west)


def test_strangers_and_what_is_not_owed_are_refused_before_anything_is_kept(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    north.serving.check()
    (owed,) = street.owed
    url, path = north.serving.url, f"/push/1/1/{owed.file}"
    sign = signer_of(7).sign_typed_data
    stranger = {"Authorization": authorization(lambda parts: sign(*parts), street.world.facts.roll, owed)}
    block = bytes(west.store.get(owed.file))
    other = raw(b"not owed")
    good = header(west, owed)
    assert ask(url, "GET", path)[0] == 403
    assert ask(url, "GET", path, Authorization="Push " + "0" * 130)[0] == 403
    assert ask(url, "GET", path, **stranger)[0] == 403
    assert ask(url, "PUT", f"{path}/{owed.file}", block, **stranger)[0] == 403
    assert ask(url, "GET", f"/push/1/2/{owed.file}", **good)[0] == 403
    assert ask(url, "GET", f"/push/1/1/{other}", **good)[0] == 403
    assert ask(url, "POST", path, **good)[0] == 405
    assert ask(url, "PUT", f"{path}/{owed.file}", block[:-1], **good)[0] == 400
    assert ask(url, "PUT", f"{path}/{other}", b"not owed", **good)[0] == 400
    assert ask(url, "PUT", f"{path}/{owed.file}", Content_Length=str(CHUNK + 1), **good)[0] == 413
    assert not (north.folder / "arrivals").exists()
    assert north.store.pins() == {}


def test_one_that_nobody_can_dial_hands_on_what_it_signed_for(street: Street) -> None:
    """Else an author could let it alone have the bytes, and a certificate would name nobody who has them to give."""
    north, west = street.home(0), street.home(3, reachable=False)
    north.own()
    street.world.open_pending()
    (owed,) = street.owed
    west.store.put([street.world.files.files[owed.file]], owed.pin)
    east = street.home(1)
    until(lambda: east.store.has(owed.file), west, east)
    assert east.store.pins()[owed.pin] == owed.file
    assert west.sharing.pushed(street.world.facts) == []


@pytest.mark.parametrize("over", [False, True])
def test_the_receipts_of_one_that_nobody_can_dial_are_pushed_too(street: Street, over: bool) -> None:
    """Its aggregate's and its own against another's: else its opposition counts, and nobody can see whether it lied."""
    north, west = street.home(0), street.home(3, reachable=False)
    for index in range(5):
        street.world.submit(index)
    made = street.world.publish(3, without=[4])
    own = encode([parse_entry(said(west, [3], 9))])
    west.store.put([street.world.files.files[raw_cid(made.receipts)]], receipts_pin(1, 1, 1))
    if over:
        for member in (0, 1):
            street.world.say(member, Form.AGREE, made.claim, bytes(32))
        assert street.world.round.phase.terminal
    else:
        street.world.say(0, Form.OTHER, b"\1" * 32, cid_of(own).digest)
        street.world.say(1, Form.OTHER, b"\1" * 32, cid_of(own).digest)
        street.world.say(2, Form.OTHER, b"\1" * 32, cid_of(own).digest)
        street.world.publish(0)
        street.world.say(3, Form.OTHER, b"\1" * 32, cid_of(own).digest)
        west.store.put([own], opposing_pin(1, 1, 2, 3))
    files = {raw_cid(made.receipts)} | (set() if over else {cid_of(own)})

    def pushed() -> bool:
        north.serving.check()
        west.sharing.offer(street.world.facts)
        west.sharing.settle(0.05)
        return files <= set(north.store.pins().values())

    until(pushed)
    assert north.store.pins()[receipts_pin(1, 1, 1)] == raw_cid(made.receipts)


def test_a_gateway_that_is_announced_again_and_again_costs_one_errand(street: Street) -> None:
    west = street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        port = silent.getsockname()[1]
        for number in range(50):
            street.world.emit(records.Announced, index=1, gateway=f"http://127.0.0.1:{port}/{number}")
            west.look()
        assert {name[-1] for name in west.sharing._errands._errands} == {1}
        assert len(west.sharing._visits._visits) <= 2
        street.world.emit(records.Announced, index=1, gateway="")
        west.look()
        assert west.sharing._visits._visits == {}
        west.sharing.settle(5)


def said(
    home: Neighbour,
    updates: list[int],
    block: int,
    *,
    by: Neighbour | None = None,
    other: dict[int, bytes] | None = None,
) -> bytes:
    """An entry for the present round, signed by this member or by another, about what is open or about other bytes."""
    key = (by or home).index
    return signed_by(home.world, home.index, updates, block, key=key, other=other).encode()


def signed_by(
    world: World,
    member: int,
    updates: list[int],
    block: int,
    *,
    key: int | None = None,
    other: dict[int, bytes] | None = None,
) -> SignedHave:
    """The same of a member that has no home, with its own key or another member's."""
    roll = world.facts.roll
    held = {index: roll.opened.get(index, bytes(32)) for index in updates} | (other or {})
    have = Have(1, 1, bitmap_of(updates), content_of(held), block)
    signer = signer_of(member if key is None else key)
    signature = signer.sign_typed_data(*have_to_sign(roll.chain, roll.ledger, have))
    return SignedHave(member, have.updates, block, signature)


def test_what_members_say_is_kept_only_where_it_fits(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    north.serving.check()
    now, url = len(street.world.events), north.serving.url
    for body, status in [
        (said(west, [3], now, by=north), 403),
        (said(west, [2], now), 403),
        (said(west, [3], now, other={3: b"\xee" * 32}), 403),
        (said(west, [3], now)[:-1], 400),
        (b"", 400),
        (bytes(103), 400),
    ]:
        assert ask(url, "POST", "/have/1/1", body)[0] == status
    assert ask(url, "GET", "/have/1/1") == (200, b"")
    assert not north.nudged.is_set()
    entry = said(west, [3], now)
    for new in (True, False):
        north.nudged.clear()
        assert ask(url, "POST", "/have/1/1", entry)[0] == 200
        assert north.nudged.is_set() is new, "only what is new ends a wait"
    assert ask(url, "GET", "/have/1/1") == (200, entry)
    assert ask(url, "GET", "/have/1/2")[0] == ask(url, "GET", "/have/9/1")[0] == 404
    assert ask(url, "DELETE", "/have/1/1")[0] == 405


def test_what_a_gateway_knows_is_served_once_to_one_that_has_it(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    north.serving.check()
    url, roll = north.serving.url, street.world.facts.roll
    entry = said(west, [3], len(street.world.events))
    ask(url, "POST", "/have/1/1", entry)
    tag = f'"{sha256(entry).hexdigest()}"'
    assert ask(url, "GET", "/have/1/1", **{"If-None-Match": tag}) == (304, b"")
    assert ask(url, "GET", "/have/1/1", **{"If-None-Match": '"other"'}) == (200, entry)
    (gateway,) = announced_gateways(north.network, [street.world.history.members[0]])
    heard, visit = list[object](), Visit(gateway)
    other = dataclasses.replace(roll, opened={3: b"\xee" * 32})
    for about in (roll, roll, other, roll):
        visit.hear(about, lambda _, said: heard.append(said))
    visit.close()
    assert heard == [(parse_entry(entry),)] * 3, "for another roll it is asked for whole"


def test_a_message_about_another_update_of_a_dead_branch_certifies_nothing(street: Street) -> None:
    """Its member's update is another after a reorganisation: what was signed before must not stand for that one."""
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    north.serving.check()
    facts, now = street.world.facts, len(street.world.events)
    before = dataclasses.replace(facts.roll, opened={3: b"\xee" * 32})
    entry = parse_entry(said(west, [3], now, other=dict(before.opened)))
    assert certified([entry], dataclasses.replace(before, members=1)) == {3}
    assert certified([entry], dataclasses.replace(facts.roll, members=1)) == set()
    north.sharing._haves.take(before, [entry])
    assert north.sharing._haves.known(before) == (entry,)
    assert north.sharing.receipts(facts) == ()


def test_a_certificate_outlives_a_reorganisation(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same updates are open on the branch that stays: what was signed for their bytes stands, at other blocks."""
    homes = [street.home(index) for index in range(3)]
    homes[0].own()
    street.world.open_pending()
    for home in homes[1:]:
        home.store.put([street.world.files.files[street.owed[0].file]], "update/1/1/0")
    facts, real = street.world.facts, Neighbour.block
    until(lambda: all(0 in certified(home.sharing.receipts(facts), facts.roll) for home in homes), *homes)
    signed = [home.sharing.receipts(facts) for home in homes]

    def moved(home: Neighbour, number: int) -> Block | None:
        found = real(home, number)
        return found._replace(hash=b"\xee" * 32) if found else found

    for home in homes:
        monkeypatch.setattr(home.client, "block", partial(moved, home))
        home.look()
    assert [home.sharing.receipts(facts) for home in homes] == signed


def test_an_old_certificate_is_made_of_what_was_signed_by_then(street: Street) -> None:
    north = street.home(0)
    north.own()
    north.look()
    (one,) = north.sharing.receipts(street.world.facts)
    assert north.sharing.receipts(street.world.facts, by=10 * one.block) == (one,)
    assert north.sharing.receipts(street.world.facts, by=10 * one.block - 1) == ()


def test_a_gateway_gets_no_other_block_than_those_of_the_file(street: Street) -> None:
    """Else one that is asked to take an update could list the CID of the next one, which nobody may see yet."""
    west = street.home(3, reachable=False)
    west.own()
    secret = west.store.put([b"the next update"], "trained/next")
    got: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        got.append(f"{handler.command} {handler.path}")
        body = str(secret).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with Server(answer) as server:
        street.world.emit(records.Announced, index=1, gateway=server.url)
        until(lambda: bool(west.sharing.failed()), west)
    assert not any(line.startswith("PUT ") for line in got)


def test_a_gateway_that_never_has_enough_is_left(street: Street) -> None:
    west = street.home(3, reachable=False)
    west.own()
    (owed,) = street.owed
    got: list[bytes] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        got.append(handler.rfile.read(int(handler.headers["Content-Length"] or 0)))
        body = str(owed.file).encode() if handler.command == "GET" and "push" in handler.path else b""
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with Server(answer) as server:
        street.world.emit(records.Announced, index=1, gateway=server.url)
        until(lambda: bool(west.sharing.failed()), west)
    assert len([data for data in got if len(data) > ENTRY]) == RESENT


def test_an_impossible_address_stops_nobody(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    west.own()
    for url in ("ftp://x", "http://[", "http://a:0/", "http://x/../y"):
        street.world.emit(records.Announced, index=1, gateway=url)
        until(lambda: bool(west.sharing.failed()), north, west)
    until(lambda: west.sharing.pushed(street.world.facts) == ["member 0"], north, west)


def test_a_file_that_is_longer_than_the_jobs_is_refused(street: Street) -> None:
    north, west = street.home(0), street.home(3, reachable=False)
    data = bytes(5 * CHUNK)
    street.world.submit(3, data=data)
    west.store.put([data], "mine")
    (owed,) = street.owed
    north.serving.check()
    headers = header(west, owed)
    root = bytes(west.store.get(owed.file))
    assert ask(north.serving.url, "PUT", f"/push/1/1/{owed.file}/{owed.file}", root, **headers)[0] == 400
    assert not (north.folder / "arrivals").exists()


def errands_of(home: Neighbour, kind: str) -> set[int]:
    """The members whom errands of a kind lead to."""
    return {name[3] for name in home.sharing._errands._errands if name[0] == kind}


def certify(street: Street, signers: list[Neighbour], block: int) -> None:
    """Let members say, as of a block, that they hold the update of member 0; member 0 hears it."""
    roll = street.world.facts.roll
    entries = [parse_entry(said(one, [0], block, other=dict(roll.opened))) for one in signers]
    street.homes[0].sharing._haves.take(roll, entries)


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four others member 2 alone is in the circle, and nobody's time comes."""
    monkeypatch.setattr("ledger.party.sharing.visits.circle", lambda own, others: frozenset({2}))
    monkeypatch.setattr("ledger.party.sharing.pushing.told_within", lambda *_: 3600.0)
    monkeypatch.setattr("ledger.party.sharing.pushing.told_until", lambda *_: 3600.0)


@pytest.mark.usefixtures("asleep")
def test_one_that_knows_all_certificates_asks_nobody_and_tells_everybody(street: Street) -> None:
    """Its circle and the opener may be down, or lie: its signature must get to all others without them."""
    homes = [street.home(index) for index in range(5)]
    homes[0].own()
    street.world.open_pending()
    homes[0].sharing.later = 3600.0
    homes[0].look()
    assert errands_of(homes[0], "hear") == errands_of(homes[0], "tell") == {1, 2, 3, 4}
    certify(street, homes[1:3], len(street.world.events))
    homes[0].look()
    assert errands_of(homes[0], "hear") == set()
    assert errands_of(homes[0], "tell") == {1, 2, 3, 4}


def test_one_that_nobody_can_dial_reaches_all_though_its_circle_is_down(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows all certificates, and who is left knows none: they cannot ask it."""
    monkeypatch.setattr("ledger.party.sharing.visits.circle", lambda own, others: frozenset({2}))
    far, west = street.home(1), street.home(3, reachable=False)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    street.world.emit(records.Announced, index=2, gateway=f"http://127.0.0.1:{port}")
    west.own()
    street.world.open_pending()
    facts = street.world.facts
    block = facts.round.opened_in
    west.sharing._haves.take(facts.roll, [signed_by(street.world, one, [3], block) for one in (0, 2, 4)])
    until(lambda: 3 in {one.member for one in far.sharing.receipts(facts)}, far, west)


def test_a_gateway_that_showed_a_message_is_not_told_it(street: Street) -> None:
    """Among many each would else tell everybody what has long come to them another way."""
    west = street.home(3, reachable=False)
    west.own()
    street.world.open_pending()
    roll, got = street.world.facts.roll, list[str]()
    west.sharing.said(street.world.facts, [3])
    known = encode(west.sharing.receipts(street.world.facts))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        got.append(f"{handler.command} {handler.path}")
        handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        body = known if got[-1] == "GET /have/1/1" else b""
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    assert {one.member for one in parse(known)} == {3} <= set(roll.keys)
    with Server(answer) as server:
        street.world.emit(records.Announced, index=1, gateway=server.url)
        until(lambda: west.sharing._errands.done(("tell", 1, 1, 1)), west)
    assert "GET /have/1/1" in got
    assert "POST /have/1/1" not in got


def test_certificates_that_may_be_too_young_to_oppose_with_are_not_enough(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members that lie may sign late, so that others stop asking for what was signed in time."""
    homes = [street.home(index) for index in range(5)]
    homes[0].own()
    street.world.open_pending()
    monkeypatch.setattr(homes[0].sharing, "later", 3600.0)
    opened = street.world.facts.round.opened_in
    late = opened + grace(street.world.facts.job.terms.aggregate_seconds) // 10 + 1
    monkeypatch.setattr(homes[0].sharing._times, "of", lambda number: 10 * number)
    homes[0].look()
    certify(street, homes[1:3], late)
    assert all_certified(homes[0].sharing.receipts(street.world.facts), street.world.facts.roll)
    homes[0].look()
    assert errands_of(homes[0], "hear") == {1, 2, 3, 4}


def test_a_chain_that_does_not_answer_leaves_it_open_whether_all_is_known(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else liars' certificates, of blocks to come, end a member's hearing while its chain's node is down, and after."""
    homes = [street.home(index) for index in range(4)]
    homes[0].own()
    street.world.open_pending()
    facts, sharing = street.world.facts, homes[0].sharing

    def down(number: int) -> int | None:
        raise Unavailable("the chain's node does not answer")

    certify(street, homes[1:4], 10**9)
    with monkeypatch.context() as patched:
        patched.setattr(sharing._times, "of", down)
        assert not sharing._is_complete(facts)
    assert not sharing._is_complete(facts)
    certify(street, homes[1:4], facts.round.opened_in)
    with monkeypatch.context() as patched:
        patched.setattr(sharing._times, "of", down)
        assert not sharing._is_complete(facts)
    assert sharing._is_complete(facts), "nothing was remembered of what could not be asked"


def test_no_message_says_which_blocks_are_asked_for(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that lie may name another block in each message."""
    homes = [street.home(index) for index in range(5)]
    homes[0].own()
    street.world.open_pending()
    for _ in range(1000):
        street.world.emit(records.Announced, index=4, gateway="")
    asked, facts, sharing = set[int](), street.world.facts, homes[0].sharing

    def block(number: int) -> Block | None:
        asked.add(number)
        return homes[0].block(number)

    monkeypatch.setattr(homes[0].client, "block", block)
    late = facts.round.opened_in + grace(facts.job.terms.aggregate_seconds) // 10 + 1
    for number in range(20):
        blocks = {1: late + 40 * number, 2: late - 1 - number % 2, 3: number}
        known = tuple(signed_by(street.world, member, [0], block) for member, block in blocks.items())
        assert all_certified(known, facts.roll)
        monkeypatch.setattr(sharing._haves, "known", lambda roll, known=known: known)
        assert not sharing._is_complete(facts)
    assert len(asked) <= 12
